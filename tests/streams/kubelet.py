"""A kubelet that runs Pods: workers as simulated processes, gateways as real ones, each at an address of its own.

Owns binding, starting, readiness and the end of a Pod as a node does it: the preStop pause, SIGTERM, the grace period,
SIGKILL, gone. Plays one node, which the scheduler is told to leave alone, and the Pods of one namespace.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config

from integration.api import Api, Object
from integration.operator.rig import now
from streams.node import Node, is_alive, signal_to
from tidegate_api.names import COMPONENT_LABEL, GATEWAY_COMPONENT, SERVICE_LABEL, WORKER_PORT

LOOK_SECONDS: Final = 0.1
HEARTBEAT_SECONDS: Final = 10.0
CONDITIONS: Final = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
_networks = itertools.count(os.getpid() % 100)


class Process(Protocol):
    """What runs in a Pod."""

    @property
    def pid(self) -> int:
        """Its process."""

    def is_ready(self) -> bool:
        """Tell whether its readiness probe succeeds."""


@dataclass
class WorkerProcess:
    """A simulated worker; it listens from its start."""

    pid: int

    def is_ready(self) -> bool:
        """Tell whether it runs."""
        return is_alive(self.pid)


@dataclass
class Running:
    """A Pod on the node."""

    name: str
    uid: str
    address: str
    process: Process
    is_gateway: bool
    is_ready: bool = False
    is_ending: bool = False


@dataclass
class Ended:
    """A Pod that was told to end, and how many requests were open with it when it was."""

    name: str
    in_flight: int
    is_gateway: bool
    # Whether it had to be killed: its grace period was over.
    killed: bool = False


@dataclass
class Kubelet:
    """One node and its Pods. `launch` starts the gateway of a Pod, given its uid and address."""

    api: Api
    namespace: str
    node: Node
    launch: Callable[[str, str], Process]
    # Called at each look: what else a kubelet keeps running.
    keep: Callable[[], None] = lambda: None
    # How many requests of clients a Pod has, by its name.
    in_flight: Callable[[str], int] = lambda _: 0
    # Kill at once who is to go, as no kubelet does: what must break streams, or nothing is shown.
    is_careless: bool = False
    running: dict[str, Running] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    failure: BaseException | None = None
    # Seconds of a preStop pause are divided by this; 1 is as in a cluster.
    haste: float = 1.0

    def __post_init__(self) -> None:
        self._core = CoreV1Api(new_client_from_config(str(self.api.plane.kubeconfig)))
        self._network = 64 + next(_networks)
        self._numbers = itertools.count(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._endings: list[threading.Thread] = []
        self._node_name = f"streams-{self._network}"
        self._beat_at = 0.0

    def __enter__(self) -> Kubelet:
        self._core.create_node(
            {"metadata": {"name": self._node_name}, "spec": {"unschedulable": True}}, _preload_content=False
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for ending in self._endings:
            ending.join()
        for one in self.running.values():
            signal_to(one.process.pid, signal.SIGKILL)
        self._core.delete_node(self._node_name, _preload_content=False)
        assert self.failure is None, self.failure

    def gateways(self) -> list[Running]:
        """Return the gateways that a Service would send new connections to."""
        return [
            one
            for one in list(self.running.values())
            if one.is_gateway and one.is_ready and not one.is_ending
        ]

    def workers(self) -> list[Running]:
        """Return the workers that are ready and not told to end."""
        return [
            one
            for one in list(self.running.values())
            if not one.is_gateway and one.is_ready and not one.is_ending
        ]

    # The loop

    def _play(self) -> None:
        try:
            while not self._stop.wait(LOOK_SECONDS):
                self._beat()
                self.keep()
                pods = self.api.list("Pod", self.namespace)
                for pod in pods:
                    self._look(pod)
                self._forget({pod["metadata"]["uid"] for pod in pods})
        except BaseException as failure:
            self.failure = failure

    def _beat(self) -> None:
        """Say that the node is well."""
        if time.monotonic() < self._beat_at:
            return
        self._beat_at = time.monotonic() + HEARTBEAT_SECONDS
        told = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}
        status = {"conditions": [told], "capacity": {"pods": "1000"}, "allocatable": {"pods": "1000"}}
        self._core.patch_node_status(self._node_name, {"status": status}, _preload_content=False)

    def _look(self, pod: Object) -> None:
        metadata = pod["metadata"]
        labels = metadata.get("labels") or {}
        is_gateway = labels.get(COMPONENT_LABEL) == GATEWAY_COMPONENT
        is_worker = SERVICE_LABEL in labels and "batch.kubernetes.io/job-name" not in labels
        known = self.running.get(metadata["uid"])
        if "deletionTimestamp" in metadata:
            if known is None:
                self._remove(metadata["name"])
            elif not known.is_ending:
                self._begin_end(pod, known)
        elif not (is_gateway or is_worker):
            if pod["status"].get("phase") == "Pending":
                self._say(pod, "", ready=True)
        elif not pod["spec"].get("nodeName"):
            self._bind(metadata["name"])
        elif known is None:
            self._start(pod, is_gateway=is_gateway)
        elif not known.is_ready and known.process.is_ready():
            self._say(pod, known.address, ready=True)
            known.is_ready = True

    def _bind(self, name: str) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": self._node_name}
        body = {"metadata": {"name": name}, "target": target}
        with contextlib.suppress(ApiException):
            self._core.create_namespaced_binding(self.namespace, body, _preload_content=False)

    def _start(self, pod: Object, *, is_gateway: bool) -> None:
        metadata = pod["metadata"]
        number = next(self._numbers)
        address = f"127.{self._network}.{number // 250}.{number % 250 + 1}"
        process: Process
        if is_gateway:
            process = self.launch(metadata["uid"], address)
        else:
            process = WorkerProcess(self.node.start(address, WORKER_PORT))
        known = Running(metadata["name"], metadata["uid"], address, process, is_gateway)
        self.running[known.uid] = known
        self._say(pod, address, ready=False)

    def _say(self, pod: Object, address: str, *, ready: bool) -> None:
        word = {True: "True", False: "False"}
        conditions = [
            {"type": kind, "status": word[ready or kind in CONDITIONS[:2]], "lastTransitionTime": now()}
            for kind in CONDITIONS
        ]
        main = {
            "name": pod["spec"]["containers"][0]["name"],
            "image": "x",
            "imageID": "",
            "ready": ready,
            "restartCount": 0,
            "state": {"running": {"startedAt": now()}},
        }
        where = {"podIP": address, "podIPs": [{"ip": address}]} if address else {}
        status = {"phase": "Running", "conditions": conditions, "containerStatuses": [main], **where}
        with contextlib.suppress(ApiException):
            self._core.patch_namespaced_pod_status(
                pod["metadata"]["name"], self.namespace, {"status": status}, _preload_content=False
            )

    # The end of a Pod

    def _begin_end(self, pod: Object, known: Running) -> None:
        known.is_ending = True
        hooks = pod["spec"]["containers"][0].get("lifecycle") or {}
        pause = float(hooks.get("preStop", {}).get("sleep", {}).get("seconds", 0)) / self.haste
        grace = float(pod["spec"].get("terminationGracePeriodSeconds") or 30)
        told = Ended(known.name, self.in_flight(known.name), known.is_gateway)
        self.ended.append(told)
        ending = threading.Thread(target=self._end, args=(known, told, pause, grace))
        self._endings.append(ending)
        ending.start()

    def _end(self, known: Running, told: Ended, pause: float, grace: float) -> None:
        until, pid = time.monotonic() + grace, known.process.pid
        if self.is_careless:
            signal_to(pid, signal.SIGKILL)
        else:
            time.sleep(pause)
            signal_to(pid, signal.SIGTERM)
        while _runs(known.process):
            if time.monotonic() > until:
                told.killed = True
                signal_to(pid, signal.SIGKILL)
            time.sleep(0.05)
        self._remove(known.name)
        self.running.pop(known.uid, None)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(ApiException):
            self._core.delete_namespaced_pod(
                name, self.namespace, grace_period_seconds=0, _preload_content=False
            )

    def _forget(self, uids: set[str]) -> None:
        """End whose Pod has gone without us."""
        for uid, one in list(self.running.items()):
            if uid not in uids and not one.is_ending:
                signal_to(one.process.pid, signal.SIGKILL)
                self.running.pop(uid, None)


def _runs(process: Any) -> bool:
    return is_alive(process.pid)
