"""The LLMServices that scale, as the watches last showed them: their pools, their Pods, and who asks for them.

Owns what of the cache a decision looks at. Must not do I/O or decide.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidegate_api.names import CANARY_TRACK
from tidegate_api.scaling import hourly_cost
from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Object
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions.scene import PoolScene, Scene, look
from tidegate_operator.desired import Pool, Service
from tidegate_operator.engines import Engine
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Key, Manifest, Observed
from tidegate_operator.interest import key_of, pods_of
from tidegate_operator.kinds import (
    DEPLOYMENT,
    LEADER_WORKER_SET,
    LLM_SERVICE,
    POD_AUTOSCALER,
)
from tidegate_operator.replicas import replicas_of
from tidegate_operator.resolve import accelerators, resolve
from tidegate_operator.rivals import rivals
from tidegate_operator.scaling.budget import Claim
from tidegate_operator.scaling.facts import Policy
from tidegate_operator.scalingstatus import Entry, by_pool
from tidegate_operator.supply import is_draining


@dataclass(frozen=True, slots=True)
class PoolView:
    """One pool that scales: `rival` is who else scales it, `mark` when a gateway last asked for it (Unix time)."""

    name: str
    policy: Policy
    scene: PoolScene
    rival: str | None
    mark: float | None
    # What its status says.
    entry: Entry | None
    # Whether its engines have metrics that can be read.
    has_metrics: bool = True

    @property
    def is_ours(self) -> bool:
        """Return whether what is decided about it is acted on."""
        return self.policy.mode == "Auto" and self.rival is None

    @property
    def desired(self) -> int:
        """Return the workers that its Deployment asks for."""
        return replicas_of(self.scene.deployment) or 0

    @property
    def read(self) -> list[Manifest]:
        """Return the workers whose metrics are read."""
        return self.serving if self.has_metrics else []

    @property
    def serving(self) -> list[Manifest]:
        """Return the workers that get requests."""
        return [pod for pod in self.scene.live if of_pod.is_ready(pod) and not is_draining(pod)]


@dataclass(frozen=True, slots=True)
class View:
    """One LLMService that scales; `hourly_cost` is what all its workers together may cost in an hour."""

    key: Key
    scene: Scene
    pools: tuple[PoolView, ...]
    drain_seconds: float
    hourly_cost: float | None


class Views:
    """Makes views; a spec is read once for each of its generations."""

    def __init__(self, cache: Cache, settings: Settings) -> None:
        self._cache = cache
        self._settings = settings
        self._resolved: dict[tuple[Key, str, int], Service | None] = {}

    def all(self, now: float) -> list[View]:
        """Return all LLMServices that scale, are not suspended, and can be read."""
        items = list(self._cache.all(LLM_SERVICE))
        known = {_version(item) for item in items}
        self._resolved = {version: one for version, one in self._resolved.items() if version in known}
        views = (self._view(item, now) for item in items)
        return [one for one in views if one is not None]

    def one(self, key: Key, now: float) -> View | None:
        """Return one of them."""
        item = self._cache.get(LLM_SERVICE, *key)
        return None if item is None else self._view(item, now)

    def fixed(self) -> Iterator[Claim]:
        """Yield what the pools hold that do not scale, and the workers everywhere that try a version."""
        for item in self._cache.all(LLM_SERVICE):
            service = self._resolve(item)
            if service is None or service.suspended:
                continue
            units = accelerators(service.limits) * service.spread.nodes
            for pool in service.pools:
                if pool.policy is None:
                    held = pool.replicas
                    yield Claim(key_of(item), pool.name, "high", held, held, held, units)
            tried = sum(of_pod.is_canary(pod) for pod in pods_of(key_of(item), self._cache))
            if tried:
                yield Claim(key_of(item), CANARY_TRACK, "high", tried, tried, tried, units)

    def _view(self, item: Object, now: float) -> View | None:
        service = self._resolve(item)
        if service is None or service.suspended or "deletionTimestamp" in item["metadata"]:
            return None
        pools = tuple(pool for pool in service.pools if pool.policy is not None)
        if not pools:
            return None
        scene = look(_observe(item, self._cache, now), None, None, self._settings)
        return View(
            key=key_of(item),
            scene=scene,
            pools=tuple(self._pools(item, pools, scene, has_metrics=service.custom is None)),
            drain_seconds=float(service.drain_seconds),
            hourly_cost=_hourly_cost(item),
        )

    def _pools(
        self, item: Object, pools: Sequence[Pool], scene: Scene, *, has_metrics: bool
    ) -> Iterator[PoolView]:
        key, asked, entries = key_of(item), marks(item), by_pool(item.get("status"))
        scenes = {one.name: one for one in scene.pools}
        others = self._cache.all(POD_AUTOSCALER, key.namespace)
        found = rivals(key.name, [pool.name for pool in pools], others)
        for pool in pools:
            # One without a Deployment has not begun: it does not sleep.
            if pool.policy is not None and pool.name in scenes and scenes[pool.name].deployment is not None:
                yield PoolView(
                    name=pool.name,
                    policy=pool.policy,
                    scene=scenes[pool.name],
                    rival=found.get(pool.name),
                    mark=asked.get(pool.name),
                    entry=entries.get(pool.name),
                    has_metrics=has_metrics,
                )

    def _resolve(self, item: Object) -> Service | None:
        version = _version(item)
        if version not in self._resolved:
            try:
                facts = Observed(item, (), (), (), None, 0, datetime.fromtimestamp(0, UTC))
                self._resolved[version] = resolve(facts, self._settings)
            except Stalled:
                self._resolved[version] = None
        return self._resolved[version]


def _observe(item: Object, cache: Cache, now: float) -> Observed:
    key = key_of(item)
    return Observed(
        service=item,
        siblings=(),
        children=(*cache.of(key, DEPLOYMENT), *cache.of(key, LEADER_WORKER_SET)),
        pods=tuple(pods_of(key, cache)),
        claim=None,
        gateway_endpoints_ready=0,
        now=datetime.fromtimestamp(now, UTC),
    )


def marks(service: Manifest) -> dict[str, float]:
    """Return when gateways last asked for each pool of an LLMService that has no workers, in Unix time."""
    found: dict[str, float] = {}
    for one in (service.get("status") or {}).get("demand") or ():
        try:
            found[one["pool"]] = datetime.fromisoformat(one["requestedAt"]).timestamp()
        except (KeyError, TypeError, ValueError):
            continue
    return found


def engines(pods: Sequence[Manifest]) -> list[Engine]:
    """Return the workers to ask; one that has no address yet has an empty one."""
    return [
        Engine(
            pod["metadata"]["namespace"],
            pod["metadata"]["name"],
            pod["metadata"]["uid"],
            (pod.get("status") or {}).get("podIP") or "",
        )
        for pod in pods
    ]


def claim(key: Key, pool: PoolView, wanted: int) -> Claim:
    """Return what a pool claims of what all share: what it wants, or what it has where that is not ours to change."""
    return Claim(
        key=key,
        pool=pool.name,
        qos_class=pool.policy.qos_class,
        wanted=wanted if pool.is_ours else pool.desired,
        min_replicas=pool.policy.min_replicas if pool.is_ours else pool.desired,
        current=pool.desired,
        accelerators=pool.policy.accelerators,
        cost_per_hour=pool.policy.cost_per_hour,
        draining=sum("deletionTimestamp" in pod["metadata"] for pod in pool.scene.pods),
    )


def _hourly_cost(item: Object) -> float | None:
    scaling: Mapping[str, Any] = item["spec"].get("scaling") or {}
    found = hourly_cost(scaling.get("maxHourlyCost"))
    return None if found is None else float(found)


def _version(item: Object) -> tuple[Key, str, int]:
    metadata = item["metadata"]
    return key_of(item), str(metadata.get("uid", "")), int(metadata.get("generation", 0))
