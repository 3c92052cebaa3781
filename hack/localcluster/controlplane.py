"""etcd and kube-apiserver (on demand controller-manager and scheduler): a Kubernetes API without nodes.

For tests::

    from localcluster import controlplane
    with controlplane.start("mytests") as plane:       # about 3 s; each call is its own isolated API server
        plane.kubeconfig   # Path: cluster admin
        plane.audit_log    # Path: one JSON event per line, level Metadata, written before the answer
    # or plane.stop(); it also ends when the process that started it ends

``controllers=True`` adds kube-controller-manager (Deployments make ReplicaSets, owners collect garbage) and
kube-scheduler. No root is needed. The plane ends with the thread that called ``start``, so call it from one that
lasts. ``up()`` and ``down()`` keep one for a person. Nodes and pods are not its concern.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from localcluster import processes
from localcluster.components import (
    AUDIT_POLICY,
    Spec,
    apiserver_command,
    controller_manager_command,
    etcd_command,
    scheduler_command,
)
from localcluster.errors import ClusterError
from localcluster.paths import layout
from localcluster.processes import Daemon
from localcluster.report import step

READY_SECONDS = 60
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Handle:
    """A running throwaway control plane."""

    kubeconfig: Path
    audit_log: Path
    home: Path

    def stop(self) -> None:
        """End it and remove all it wrote. Its data is worthless, so nothing is asked politely."""
        processes.stop_all(self.home, grace=0)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(name: str = "test", *, controllers: bool = False) -> Handle:
    """A new isolated control plane that ends with this process."""
    planes = layout().planes
    remove_stale(planes)
    home = planes / f"{name}-{os.getpid()}-{next(_numbers)}"
    # Dies with its parent even when that is killed: a test run leaves nothing behind.
    launcher = ("setpriv", "--pdeathsig", "KILL")
    spec = Spec(home, port=free_port(), controllers=controllers, launcher=launcher)
    handle = Handle(home / "kubeconfig", spec.audit_log, home)
    try:
        launch(spec)
    except BaseException:
        processes.stop_all(home, grace=0)
        raise
    return handle


def up() -> Path:
    """One control plane for this checkout that stays until ``down``; returns its kubeconfig."""
    home = layout().state / "controlplane"
    file = home / "port"
    home.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text(str(free_port()))
    with step("start the control plane"):
        launch(Spec(home, port=int(file.read_text()), controllers=True))
    return home / "kubeconfig"


def down() -> None:
    """End the one that ``up`` started."""
    home = layout().state / "controlplane"
    processes.stop_all(home, grace=0)
    shutil.rmtree(home, ignore_errors=True)


def launch(spec: Spec) -> None:
    """Start what does not run yet and wait until the API answers."""
    require_short(spec.home)
    authority = spec.authority
    authority.create()
    (spec.home / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
    admin = authority.issue("admin", "tidegate-admin", ["system:masters"])
    authority.kubeconfig(spec.home / "kubeconfig", spec.server, admin)
    etcd = Daemon("etcd", [*spec.launcher, *etcd_command(spec)], spec.home)
    etcd.start()
    server = Daemon("kube-apiserver", [*spec.launcher, *apiserver_command(spec)], spec.home)
    server.start()
    server.await_ready(lambda: answers(spec), READY_SECONDS)
    if spec.controllers:
        for daemon in _controllers(spec):
            daemon.start()


def _controllers(spec: Spec) -> list[Daemon]:
    commands = {
        "kube-controller-manager": controller_manager_command(spec),
        "kube-scheduler": scheduler_command(spec),
    }
    return [Daemon(name, [*spec.launcher, *argv], spec.home) for name, argv in commands.items()]


def answers(spec: Spec) -> bool:
    """Whether /readyz says ok, which includes the RBAC roles and priority classes it creates by itself."""
    context = ssl.create_default_context(cafile=spec.authority.pair.cert)
    try:
        with urllib.request.urlopen(f"{spec.server}/readyz", context=context, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def remove_stale(planes: Path) -> None:
    """Remove what control planes left whose owner was killed; their processes went with it."""
    for home in planes.glob("*-*-*"):
        owner = home.name.rsplit("-", 2)[1]
        if not Path(f"/proc/{owner}").exists():
            processes.stop_all(home, grace=0)
            shutil.rmtree(home, ignore_errors=True)


def require_short(path: Path) -> None:
    """Socket names hold 108 characters; say so before etcd does in its own words."""
    if len(str(path)) > 85:
        raise ClusterError(f"the path {path} is too long for a socket", "set TIDEGATE_CACHE to a shorter one")
