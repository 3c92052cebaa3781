"""The loop that asks the first ready worker of a version that is tried its golden prompts.

Owns the beat, and one examination at a time for each service. What comes of it is put where the next reconcile finds
it; a restart asks again what is not in the status yet. Must not decide what follows from an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from tidegate_api.names import REVISION_LABEL
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import Key
from tidegate_operator.goldenhttp import Golden
from tidegate_operator.interest import key_of, pods_of
from tidegate_operator.kinds import CONFIG_MAP, LLM_SERVICE
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.rollout.facts import Examined
from tidegate_operator.rollout.golden import Unusable, read

LOOK_SECONDS: Final = 2.0
# What could not be asked is tried again after so many looks.
_AGAIN: Final = 5
# As many answers are quoted.
_QUOTED: Final = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be examined: a version of a service, by a ConfigMap, at a worker."""

    key: Key
    revision: str
    config: str
    model: str
    address: str
    port: int


@dataclass(slots=True)
class Examiner:
    """Examines versions that are tried. `changed` is told of which LLMService there is news."""

    golden: Golden
    cluster: Cluster
    cache: Cache
    changed: Callable[[Key], None]
    _running: dict[Key, tuple[str, asyncio.Task[None]]] = field(default_factory=dict)
    _looks: int = 0

    async def for_ever(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look every two seconds."""
        try:
            while True:
                self.look()
                await sleep(LOOK_SECONDS)
        finally:
            for _, task in self._running.values():
                task.cancel()

    def look(self) -> None:
        """Begin with what is to be examined and is not yet; end what is not wanted any more."""
        self._looks += 1
        wanted = {one.key: one for one in self._wanted()}
        for key, (revision, task) in list(self._running.items()):
            if task.done() or key not in wanted or wanted[key].revision != revision:
                task.cancel()
                del self._running[key]
        for key in self.cache.examined.keys() - wanted.keys():
            del self.cache.examined[key]
        for key, one in wanted.items():
            if key not in self._running and self._is_due(one):
                self._running[key] = (one.revision, asyncio.create_task(self._examine(one)))

    def _is_due(self, one: _Asked) -> bool:
        known = self.cache.examined.get(one.key)
        if known is None or known.revision != one.revision:
            return True
        return known.problem is not None and self._looks % _AGAIN == 0

    async def _examine(self, one: _Asked) -> None:
        try:
            found = await self._ask(one)
        except (ClusterError, Unusable, Unreadable) as error:
            found = Examined(one.revision, problem=str(error))
        if self.cache.examined.get(one.key) != found:
            self.cache.examined[one.key] = found
            self.changed(one.key)

    async def _ask(self, one: _Asked) -> Examined:
        config = await self.cluster.get(CONFIG_MAP, one.key.namespace, one.config)
        if config is None:
            words = f"there is no ConfigMap {one.config!r} in namespace {one.key.namespace!r}: create it"
            raise Unusable(words)
        prompts = read(config)
        said = [await self.golden.ask(one.address, one.port, one.model, prompt) for prompt in prompts]
        against = [words for words in said if words is not None]
        log.info("golden prompts asked", **one.key._asdict(), revision=one.revision, failed=len(against))
        return Examined(one.revision, len(said) - len(against), len(said), tuple(against[:_QUOTED]))

    def _wanted(self) -> Iterator[_Asked]:
        for service in self.cache.all(LLM_SERVICE):
            status: dict[str, Any] = service.get("status") or {}
            rollout = status.get("rollout") or {}
            config = _config(service)
            is_open = rollout.get("phase") == "Canary" and "golden" not in rollout
            if not is_open or config is None or "deletionTimestamp" in service["metadata"]:
                continue
            revision, key = rollout.get("canaryRevision", ""), key_of(service)
            worker = next(self._workers(key, revision), None)
            if worker is not None:
                address = (worker.get("status") or {}).get("podIP", "")
                yield _Asked(
                    key, revision, config, status.get("modelName", ""), address, of_pod.worker_port(worker)
                )

    def _workers(self, key: Key, revision: str) -> Iterator[Object]:
        """Yield the workers of a version that can be asked, in the order of their names."""
        for pod in sorted(pods_of(key, self.cache), key=of_pod.name):
            is_of_it = (pod["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision
            has_address = bool((pod.get("status") or {}).get("podIP"))
            if (
                is_of_it
                and has_address
                and of_pod.is_canary(pod)
                and of_pod.is_live(pod)
                and of_pod.is_ready(pod)
            ):
                yield pod


def _config(service: Object) -> str | None:
    found: Any = service.get("spec") or {}
    for step in ("rollout", "canary", "analysis", "goldenPromptsRef"):
        found = found.get(step) or {}
    name: str | None = found.get("name")
    return name
