"""A cluster in memory in which an LLMService scales: gateways that count, engines that report, workers that start.

Owns the stand-ins and their time, which passes only in `look`. Must not know the law.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from objects import Object
from tidegate_api.names import (
    DELETION_COST_ANNOTATION,
    DRAINING_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    POOL_LABEL,
    SERVICE_LABEL,
    pool_name,
)
from tidegate_api.settings import Settings
from tidegate_operator.autoscaler import Autoscaler
from tidegate_operator.cache import Cache
from tidegate_operator.census import Census, ClassReading, PoolCounters, PoolReading, Reading
from tidegate_operator.engines import Engine, Figures, Read
from tidegate_operator.facts import Key
from tidegate_operator.gatewayreader import Reader
from tidegate_operator.kinds import DEPLOYMENT, LLM_SERVICE, POD
from tidegate_operator.metrics import Metrics
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.reconcile import Reconciler
from tidegate_operator.resync import read_all
from unit.operator.fakes import KEY, FakeCluster, service

GATEWAY_LABELS = Settings().gateway_service.pod_labels
GATEWAY_NAMESPACE = Settings().gateway_service.namespace
START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC).timestamp()
EMPTY = PoolReading(0, 1000, {}, counters=PoolCounters())


def rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Gateways:
    """One gateway, at 10.0.0.1; `pools` by name; it fails while `fails`."""

    pools: dict[str, PoolReading] = field(default_factory=dict)
    in_flight: dict[str, int] = field(default_factory=dict)
    fails: bool = False
    boot: int = 1

    async def read(self, address: str) -> Reading:
        if self.fails:
            raise Unreadable("connection refused")
        return Reading(f"gw-{self.boot}", {}, {KEY: dict(self.pools)}, dict(self.in_flight))


@dataclass
class Engines:
    """Every engine says the same, but for those that are not to be had."""

    now: float = START
    waiting: int = 0
    running: int = 0
    kv_used: float = 0.1
    silent: set[str] = field(default_factory=set)
    fails: bool = False
    asked: list[str] = field(default_factory=list)
    output_tokens: float = 0.0

    async def read(self, engines: Collection[Engine]) -> Read:
        self.asked = [engine.pod for engine in engines]
        said = Figures(
            self.now, self.waiting, self.running, self.kv_used, 100_000, output_tokens=self.output_tokens
        )
        known = [engine for engine in engines if not self.fails and engine.pod not in self.silent]
        return Read(
            {engine.uid: said for engine in known},
            {engine.uid: "no answer" for engine in engines if engine not in known},
        )


@dataclass
class World:
    """The operator's loop over a cluster in memory, and a stand-in for Kubernetes' controllers and kubelets."""

    spec: dict[str, Any]
    settings: Settings = field(default_factory=Settings)
    now: float = START
    start_seconds: float = 60.0
    # Pods that never become ready.
    never_ready: bool = False
    cluster: FakeCluster = field(default_factory=FakeCluster)
    gateways: Gateways = field(default_factory=Gateways)
    engines: Engines = field(default_factory=Engines)
    changed: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        made = service(**self.spec)
        del made["spec"]["replicas"]
        self.cluster.seed(made)
        self.cluster.seed(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "namespace": GATEWAY_NAMESPACE,
                    "name": "gw",
                    "uid": "gw",
                    "labels": GATEWAY_LABELS,
                },
                "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
            }
        )
        self.gateways.pools = dict.fromkeys(self.pools, EMPTY)
        self._pods = 0
        self.restart()

    def restart(self) -> None:
        """Start the operator anew: all that it remembers is gone."""
        self.cache, self.metrics = Cache(), Metrics()
        self.cache.gateway_ready = 1
        reader = Reader(self.settings.gateway_service, self.cluster, self.gateways, self.metrics)
        self.autoscaler = Autoscaler(
            reader=reader,
            engines=self.engines,
            cluster=self.cluster,
            cache=self.cache,
            settings=self.settings,
            metrics=self.metrics,
            tell=self._said,
            changed=self.changed.append,
            now=lambda: self.now,
        )
        self.reconciler = Reconciler(self.cluster, self.cache, self.settings, self.metrics, "operator-0")

    @property
    def pools(self) -> list[str]:
        own = [one["name"] for one in (self.spec.get("qos") or {}).get("classes", ())]
        return [*own, "shared"]

    async def look(self, times: int = 1, seconds: float = 10.0) -> None:
        """Let time pass, and the operator look, so many times."""
        for _ in range(times):
            self.now += seconds
            self.engines.now = self.now
            await self.see()
            await self.autoscaler.round()
            await self.reconcile()
            self.play()

    async def see(self) -> None:
        """Show the operator what is there."""
        await read_all(self.cluster, self.cache, [None])

    async def reconcile(self) -> None:
        await self.see()
        await self.reconciler.reconcile(KEY)

    def arrive(self, requests: int, tokens: int = 0, pool: str = "shared", **now: int) -> None:
        """Count requests that came; `queued` and `running` are how many there are now."""
        was = self.gateways.pools[pool]
        assert was.counters
        counters = replace(
            was.counters,
            arrived_requests=was.counters.arrived_requests + requests,
            arrived_prompt_tokens=was.counters.arrived_prompt_tokens + tokens,
        )
        held = ClassReading(now.get("queued", 0), now.get("running", 0), None)
        self.gateways.pools[pool] = replace(was, counters=counters, classes={"medium": held})

    def ask_for(self, pool: str = "shared") -> None:
        """Mark a pool as a gateway does that holds a request for it."""
        found = self.cluster.objects[LLM_SERVICE, KEY.namespace, KEY.name]
        status = found.get("status") or {}
        demand = [{"pool": pool, "requestedAt": rfc3339(self.now)}]
        self.cluster.seed({**found, "status": {**status, "demand": demand}})

    def change(self, **spec: Any) -> None:
        """Change the spec; None takes a field away."""
        found = self.cluster.objects[LLM_SERVICE, KEY.namespace, KEY.name]
        merged = {**found["spec"], **spec}
        generation = found["metadata"]["generation"] + 1
        self.cluster.seed(
            {
                **found,
                "metadata": {**found["metadata"], "generation": generation},
                "spec": {key: value for key, value in merged.items() if value is not None},
            }
        )

    def play(self) -> None:
        """Do what Deployment controllers, ReplicaSet controllers and kubelets would have done by now."""
        for pod in self.pods():
            status = pod["status"]
            ready = status["conditions"][0]
            age = self.now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
            if ready["status"] == "False" and not self.never_ready and age >= self.start_seconds:
                conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(self.now)}]
                self.cluster.seed({**pod, "status": {**status, "phase": "Running", "conditions": conditions}})
        for pool in self.pools:
            self._scale(pool)

    def _scale(self, pool: str) -> None:
        place = (DEPLOYMENT, KEY.namespace, pool_name(KEY.name, pool))
        deployment = self.cluster.objects.get(place)
        if deployment is None:
            return
        wanted, there = deployment["spec"].get("replicas", 1), self.pods(pool)
        for _ in range(len(there), wanted):
            self._start(pool)
        # As a ReplicaSet has it: first those that are not ready, then by their deletion cost.
        by_cost = sorted(there, key=lambda one: (is_ready(one), deletion_cost(one), name(one)))
        for pod in by_cost[: max(len(there) - wanted, 0)]:
            del self.cluster.objects[POD, KEY.namespace, name(pod)]
        status = {"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted}
        if deployment.get("status") != status:
            self.cluster.seed({**deployment, "status": status})

    def _start(self, pool: str) -> None:
        self._pods += 1
        number = self._pods
        labels = {SERVICE_LABEL: KEY.name, POOL_LABEL: pool, MANAGED_BY_LABEL: MANAGED_BY}
        self.cluster.seed(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "namespace": KEY.namespace,
                    "name": f"chat-{pool}-{number}",
                    "uid": f"uid-{pool}-{number}",
                    "labels": labels,
                    "creationTimestamp": rfc3339(self.now),
                },
                "status": {
                    "phase": "Pending",
                    "podIP": f"10.1.0.{number}",
                    "conditions": [
                        {"type": "Ready", "status": "False"},
                        {"type": "PodScheduled", "status": "True"},
                    ],
                    "containerStatuses": [
                        {"name": "main", "state": {"running": {"startedAt": rfc3339(self.now)}}}
                    ],
                },
            }
        )

    def pods(self, pool: str | None = None) -> list[Object]:
        found = [
            one
            for (kind, place, _), one in self.cluster.objects.items()
            if (kind, place) == (POD, KEY.namespace)
        ]
        return [one for one in found if pool in (None, one["metadata"]["labels"][POOL_LABEL])]

    def replicas(self, pool: str = "shared") -> int:
        """Return what the Deployment asks for."""
        found: int = self.cluster.objects[DEPLOYMENT, KEY.namespace, pool_name(KEY.name, pool)]["spec"][
            "replicas"
        ]
        return found

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.objects[LLM_SERVICE, KEY.namespace, KEY.name]["status"]
        return found

    def entry(self, pool: str = "shared") -> dict[str, Any]:
        """Return what the status says of the scaling of a pool."""
        return next(one for one in self.status["scaling"] if one["pool"] == pool)

    def clamps(self, pool: str = "shared") -> list[str]:
        return [one["reason"] for one in self.entry(pool).get("clamps", ())]

    def active(self) -> tuple[str, str]:
        """Return status and reason of ScalingActive."""
        found = next(one for one in self.status["conditions"] if one["type"] == "ScalingActive")
        return found["status"], found["reason"]

    def _said(self, before: Census | None, after: Census) -> None:
        self.cache.census = after


def name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def is_ready(pod: Object) -> bool:
    return bool(pod["status"]["conditions"][0]["status"] == "True")


def is_marked(pod: Object) -> bool:
    return DRAINING_ANNOTATION in pod["metadata"].get("annotations", {})


def deletion_cost(pod: Object) -> int:
    return int(pod["metadata"].get("annotations", {}).get(DELETION_COST_ANNOTATION, 0))


def scaled(**fields: Any) -> dict[str, Any]:
    """Return the spec of a service that scales."""
    return {"scaling": {"maxReplicas": 6, **fields}}
