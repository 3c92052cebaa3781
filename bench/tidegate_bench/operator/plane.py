"""A real control plane with nodes that kwok plays: Pods are scheduled and become ready, and nothing runs in them.

Owns what is started, and how fast each part may ask the API server: with the limits of a small cluster, these would be
measured and not the operator. Must not measure.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from localcluster import controlplane
from localcluster.components import (
    Spec,
    apiserver_command,
    controller_manager_command,
    etcd_command,
    scheduler_command,
)
from localcluster.controlplane import answers, free_port
from localcluster.kubectl import Kubectl
from localcluster.paths import layout
from localcluster.processes import Daemon, read_pidfile, stop_all
from localcluster.tools import tool

OPERATOR: Final = "tidegate-operator"
BENCH: Final = "tidegate-bench"
NODES: Final = 20
STAGES: Final = Path(__file__).with_name("stages.yaml")
CRDS: Final = Path(__file__).parents[3] / "crds"
# Asked for with every write; all of it fits on two cores.
_UNLIMITED: Final = ("--kube-api-qps=5000", "--kube-api-burst=10000")
_WORKERS: Final = ("--concurrent-deployment-syncs=10", "--concurrent-replicaset-syncs=10")
# Nobody beats the hearts of these nodes, and they do not fail.
_PATIENT: Final = "--node-monitor-grace-period=24h0m0s"
_SERVICES: Final = "10.0.0.0/16"
# Only what is counted is written down: the operator's calls, and the changes that the benchmark makes.
_AUDIT: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": [OPERATOR]},
        {"level": "Metadata", "users": [BENCH], "verbs": ["patch"]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True)
class Plane:
    """A running control plane; each kubeconfig is of a user of its own, with all rights."""

    spec: Spec
    operator: Path
    bench: Path

    @property
    def audit_log(self) -> Path:
        """Return where the API server writes down who asked for what."""
        return self.spec.audit_log

    @property
    def pids(self) -> dict[str, int]:
        """Return the processes by name."""
        files = sorted((self.spec.home / "run").glob("*.pid"))
        return {file.stem: found.pid for file in files if (found := read_pidfile(file))}

    @property
    def stored_bytes(self) -> int:
        """Return the size of etcd's data file."""
        return sum(file.stat().st_size for file in (self.spec.home / "etcd").rglob("db"))


@contextmanager
def started() -> Iterator[Plane]:
    """Start everything, until the block ends."""
    planes = layout().planes
    controlplane.remove_stale(planes)
    home = planes / f"bench-{os.getpid()}-{free_port()}"
    spec = Spec(
        home,
        port=free_port(),
        services=_SERVICES,
        controllers=True,
        launcher=("setpriv", "--pdeathsig", "KILL"),
    )
    try:
        yield _launch(spec)
    finally:
        stop_all(home, grace=0)
        shutil.rmtree(home, ignore_errors=True)


def _launch(spec: Spec) -> Plane:
    controlplane.require_short(spec.home)
    authority = spec.authority
    authority.create()
    (spec.home / "audit-policy.json").write_text(json.dumps(_AUDIT))
    files = {}
    for user in (OPERATOR, BENCH):
        pair = authority.issue(user, user, ["system:masters"])
        files[user] = authority.kubeconfig(spec.home / f"{user}.kubeconfig", spec.server, pair)
    _start(spec, "etcd", [*etcd_command(spec), "--quota-backend-bytes=8589934592"])
    server = _start(spec, "kube-apiserver", [*apiserver_command(spec), "--audit-log-maxsize=8000"])
    server.await_ready(lambda: answers(spec), 120)
    manager = [*controller_manager_command(spec), *_UNLIMITED, *_WORKERS, _PATIENT]
    _start(spec, "kube-controller-manager", manager)
    _start(spec, "kube-scheduler", [*scheduler_command(spec), *_UNLIMITED])
    plane = Plane(spec, files[OPERATOR], files[BENCH])
    kubectl = Kubectl(plane.bench)
    kubectl("apply", "--server-side", "-f", str(CRDS))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    listed = {"apiVersion": "v1", "kind": "List", "items": [*map(_node, range(NODES)), *_priorities()]}
    objects = spec.home / "objects.json"
    objects.write_text(json.dumps(listed))
    kubectl("create", "-f", str(objects))
    kwok = [str(tool("kwok")), f"--kubeconfig={plane.bench}", f"--config={STAGES}", "--manage-all-nodes=true"]
    _start(spec, "kwok", kwok)
    return plane


def _start(spec: Spec, name: str, argv: list[str]) -> Daemon:
    daemon = Daemon(name, [*spec.launcher, *argv], spec.home)
    daemon.start()
    return daemon


def _node(number: int) -> dict[str, Any]:
    room = {"cpu": "100k", "memory": "1Pi", "ephemeral-storage": "1Pi", "pods": "10k"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"allocatable": room, "capacity": room},
    }


def _priorities() -> list[dict[str, Any]]:
    values = {"tidegate-high": 100_000, "tidegate-medium": 10_000, "tidegate-low": 1_000}
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
        }
        for name, value in values.items()
    ]
