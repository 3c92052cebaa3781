"""etcd and kube-apiserver (on demand controller-manager and scheduler): a Kubernetes API without nodes.

For tests::

    from localcluster import controlplane
    with controlplane.start("mytests") as plane:       # about 3 s; each call is its own isolated API server
        plane.kubeconfig   # Path: cluster admin
        plane.audit_log    # Path: one JSON event per line, level Metadata, written before the answer
    # or plane.stop(); it also ends when the process that started it ends

``controllers=True`` adds kube-controller-manager (Deployments make ReplicaSets, owners collect garbage) and
kube-scheduler. No root is needed. Owns the flags of these programs; nodes and pods are not its concern.
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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from localcluster import processes
from localcluster.errors import ClusterError
from localcluster.paths import layout
from localcluster.pki import Authority
from localcluster.processes import Daemon
from localcluster.tools import tool

READY_SECONDS = 60
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Spec:
    """Where a control plane lives and listens. ``launcher`` is put before every command."""

    home: Path
    address: str = "127.0.0.1"
    port: int = 6443
    services: str = "10.0.0.0/24"
    first_service: str = "10.0.0.1"
    controllers: bool = False
    nodes: bool = False
    launcher: Sequence[str] = ()

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def authority(self) -> Authority:
        return Authority(self.home / "pki")

    @property
    def audit_log(self) -> Path:
        return self.home / "audit.log"


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


def launch(spec: Spec) -> None:
    """Start what does not run yet and wait until the API answers."""
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


def etcd_command(spec: Spec) -> list[str]:
    """Unix sockets: no port to collide on, and no one but this user can read Secrets from it."""
    clients, peers = (f"unix://{spec.home}/etcd-{kind}.sock" for kind in ("clients", "peers"))
    return [
        str(tool("etcd")),
        "--name=local",
        f"--data-dir={spec.home / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=local={peers}",
        # Nothing here has to survive a power cut.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver_command(spec: Spec) -> list[str]:
    authority = spec.authority
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names += ["kubernetes.default.svc.cluster.local", "127.0.0.1", spec.first_service]
    hosts = list(dict.fromkeys([*names, spec.address]))
    serving = authority.issue("kube-apiserver", "kube-apiserver", hosts=hosts)
    kubelet = authority.issue("kubelet-client", "kube-apiserver-kubelet-client", ["system:masters"])
    flags = {
        "etcd-servers": f"unix://{spec.home}/etcd-clients.sock",
        "bind-address": spec.address,
        "advertise-address": spec.address,
        "secure-port": spec.port,
        "service-cluster-ip-range": spec.services,
        "tls-cert-file": serving.cert,
        "tls-private-key-file": serving.key,
        "client-ca-file": authority.pair.cert,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": authority.service_account_public_key,
        "service-account-signing-key-file": authority.service_account_key,
        "kubelet-certificate-authority": authority.pair.cert,
        "kubelet-client-certificate": kubelet.cert,
        "kubelet-client-key": kubelet.key,
        "kubelet-preferred-address-types": "InternalIP",
        "audit-policy-file": spec.home / "audit-policy.json",
        "audit-log-path": spec.audit_log,
        "audit-log-maxsize": 200,
        "audit-log-maxbackup": 1,
        # Without nodes nobody dials the kubernetes Service, and loopback may not be its endpoint.
        "endpoint-reconciler-type": "lease" if spec.nodes else "none",
    }
    return [str(tool("kube-apiserver")), *(f"--{name}={value}" for name, value in flags.items())]


def controller_manager_command(spec: Spec) -> list[str]:
    config = _client(spec, "kube-controller-manager")
    authority = spec.authority
    return [
        str(tool("kube-controller-manager")),
        f"--kubeconfig={config}",
        f"--root-ca-file={authority.pair.cert}",
        f"--service-account-private-key-file={authority.service_account_key}",
        f"--cluster-signing-cert-file={authority.pair.cert}",
        f"--cluster-signing-key-file={authority.pair.key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        *([f"--pv-recycler-pod-template-filepath-hostpath={spec.home / 'recycler.json'}"] if spec.nodes else []),
    ]


def scheduler_command(spec: Spec) -> list[str]:
    config = _client(spec, "kube-scheduler")
    return [str(tool("kube-scheduler")), f"--kubeconfig={config}", "--leader-elect=false", "--secure-port=0"]


def _client(spec: Spec, name: str) -> Path:
    pair = spec.authority.issue(name, f"system:{name}")
    return spec.authority.kubeconfig(spec.home / f"{name}.kubeconfig", spec.server, pair)


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
    if len(str(path)) > 100:
        raise ClusterError(f"the path {path} is too long for a socket", "set TIDEGATE_CACHE to a shorter one")


AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
