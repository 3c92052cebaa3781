"""A release at work: a real API server and controller-manager, the operator, gateways, simulated workers, clients.

Owns what is there and how it is changed. Nodes are played by `kubelet`; what a Service does to new connections, by a
choice for each among the gateways that are ready.
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from integration.api import Api, Object, eventually
from integration.operator.gateways import LABELS
from integration.operator.rig import Operator, claim, gateway, install, kill, service, status_of
from ports import free_port
from streams.clients import MODEL
from streams.gateways import Gateway
from streams.kubelet import Kubelet
from streams.node import Node
from tidegate_api.keys import digest, new_key

GATEWAYS: Final = 2
PRE_STOP_SECONDS: Final = 5
# The defaults of chart and operator.
DRAIN_SECONDS: Final = 300
LONG_SECONDS: Final = 420.0
# On a busy machine a stream may wait: that is no fault of the change.
CLASSES: Final = [{"name": "high", "queueTimeoutSeconds": 120, "maxQueue": 1000}]


class GatewayProcess(Gateway):
    """A gateway of a Pod, with the cluster as its source."""

    def __init__(self, folder: Path, address: str, env: Mapping[str, str], port: int, admin: int) -> None:
        super().__init__(folder, source="cluster", host=address, port=port, admin_port=admin, env=env)

    @property
    def pid(self) -> int:
        """Its process; a dead one is buried on the way."""
        self.process.poll()
        return self.process.pid

    def is_ready(self) -> bool:
        """Ask its readiness probe."""
        return self.get("/readyz")[0] == 200


@dataclass
class World:
    """Everything, in one namespace."""

    api: Api
    namespace: str
    folder: Path
    operator: Operator
    rng: random.Random
    key: str = field(default_factory=new_key)
    port: int = 8080
    admin_port: int = 9090
    made: int = 0
    processes: dict[str, GatewayProcess] = field(default_factory=dict)
    # Whether the operator is to run, and how often it had ended by itself, such as for want of an answer in time.
    is_operated: bool = False
    revived: int = 0
    # Who makes changes. A process that is to end with us ends with the thread that started it: this one stays.
    hands: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "hands"))

    def __post_init__(self) -> None:
        self.kubelet: Kubelet

    # What the kubelet needs

    def launch(self, uid: str, address: str) -> GatewayProcess:
        """Start the gateway of a Pod."""
        env = {
            "KUBECONFIG": str(self.api.plane.kubeconfig),
            "TIDEGATE_NAMESPACES": self.namespace,
            "TIDEGATE_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "TIDEGATE_LOG_LEVEL": "warning",
            "POD_NAMESPACE": self.namespace,
            "POD_UID": uid,
        }
        process = GatewayProcess(self.folder, address, env, self.port, self.admin_port)
        self.processes[uid] = process
        return process

    def in_flight(self, pod: str) -> int:
        """Return how many requests clients have open with a Pod: a worker, or a gateway."""
        count = 0
        for one in [r for r in list(self.kubelet.running.values()) if r.is_gateway]:
            code, text = self.processes[one.uid].get("/state")
            workers = json.loads(text).get("workers", []) if code == 200 else []
            count += sum(w["inFlight"] for w in workers if pod in (one.name, w["pod"]))
        return count

    def keep(self) -> None:
        """Start the operator again if it has ended by itself, as its Deployment would."""
        process = self.operator.process
        if self.is_operated and process is not None and process.poll() is not None:
            self.revived += 1
            self.operator.start()

    # Clients

    def choose(self) -> tuple[str, int]:
        """Return where a new connection goes: any gateway that is ready."""
        ready = self.kubelet.gateways()
        if not ready:
            raise OSError("no gateway is ready")
        return self.rng.choice(ready).address, self.port

    # Changes

    def add_gateway(self) -> str:
        """Make the Pod of a gateway, as the chart has it; return its name."""
        self.made += 1
        name = f"gateway-{self.made}"
        container = {
            "name": "gateway",
            "image": "x",
            "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        }
        spec = {
            "schedulerName": "nobody",
            "terminationGracePeriodSeconds": PRE_STOP_SECONDS + DRAIN_SECONDS + 15,
            "containers": [container],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": LABELS}, "spec": spec}
        self.api.create(pod, self.namespace)
        eventually(lambda: name in {one.name for one in self.kubelet.gateways()}, LONG_SECONDS, self.told)
        return name

    def operate(self) -> None:
        """Start the operator, and wait until it leads."""
        self.operator.start()
        self.is_operated = True
        eventually(self.operator.leads, LONG_SECONDS, self.told)

    def end_operator(self, number: signal.Signals) -> None:
        """End the operator; nobody starts it again until `operate` is called."""
        self.is_operated = False
        self.operator.end(number)

    def delete(self, kind: str, name: str) -> None:
        """Delete something of this namespace."""
        self.api.delete(kind, self.namespace, name)

    def change(self, **spec: Any) -> None:
        """Change the service."""
        self.api.patch("LLMService", self.namespace, MODEL, {"spec": spec})

    def status(self) -> Object:
        """Return what the operator says of the service."""
        return status_of(self.api, self.namespace, MODEL)

    def settled(self, workers: int, before: frozenset[str] = frozenset()) -> None:
        """Wait until so many workers are ready, none of them of those `before`, and nobody is on the way out."""

        def is_so() -> bool:
            assert self.kubelet.failure is None, self.kubelet.failure
            ready = {one.uid for one in self.kubelet.workers()}
            ending = [one for one in list(self.kubelet.running.values()) if one.is_ending]
            return len(ready) == workers and not ready & before and not ending

        eventually(is_so, LONG_SECONDS, self.told)

    def uids(self) -> frozenset[str]:
        """Return the workers that there are."""
        return frozenset(one.uid for one in self.kubelet.workers())

    def told(self) -> str:
        """Return what helps to see why something did not happen."""
        pods = [(one.name, one.is_ready, one.is_ending) for one in list(self.kubelet.running.values())]
        return f"{pods}\n{json.dumps(self.status(), default=str)[:2000]}\n{self.operator.tail()}"


@contextmanager
def world(
    api: Api, namespace: str, folder: Path, seed: int, *, workers: int, token_seconds: float, haste: float = 1
) -> Iterator[World]:
    """Run a release with so many workers until the block ends."""
    gateway(api, namespace)
    claim(api, namespace)
    release = install(api, namespace, folder, [namespace])
    port = free_port("127.0.0.1")
    settings = yaml.safe_load(release.settings.read_text())
    settings["gatewayService"]["adminPort"] = port
    release.settings.write_text(yaml.safe_dump(settings))
    operator = Operator(release, folder, namespace, [namespace], gateway_seconds=0.5)
    made = World(
        api, namespace, folder, operator, random.Random(seed), port=free_port("127.0.0.1"), admin_port=port
    )
    node = Node(folder, token_seconds=token_seconds, prefill_seconds=0.05)
    eventually(lambda: api.get("ServiceAccount", namespace, "default"))
    try:
        with Kubelet(
            api, namespace, node, made.launch, keep=made.keep, in_flight=made.in_flight, haste=haste
        ) as kubelet:
            made.kubelet = kubelet
            made.operate()
            _fill(made, workers)
            yield made
    finally:
        kill(operator)
        for process in made.processes.values():
            process.kill()
        node.close()
        made.hands.shutdown()


def _fill(made: World, workers: int) -> None:
    key = {"name": "k", "sha256": digest(made.key)}
    tenant = {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMTenant",
        "metadata": {"name": "team", "namespace": made.namespace},
        "spec": {"qosClass": "high", "keys": [key]},
    }
    made.api.create(tenant)
    spec = {"replicas": workers, "qos": {"classes": CLASSES}, "rollout": {"drainSeconds": DRAIN_SECONDS}}
    made.api.create(service(made.namespace, MODEL, **spec))
    for _ in range(GATEWAYS):
        made.add_gateway()
    made.settled(workers)
