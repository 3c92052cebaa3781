"""The loop that asks loaders how far they are, and tells it on when it is worth a write.

Owns the beat, and what is news: at most one word in three seconds about a model, and only when a hundredth more is
there or the step is another. While nothing is loaded it asks nobody. Must not decide what a status says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import structlog

from tidegate_api.names import COMPONENT_LABEL, LOADER_COMPONENT, LOADER_CONTAINER, MODEL_LABEL
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Object
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import Key
from tidegate_operator.kinds import JOB, POD
from tidegate_operator.models.build import names
from tidegate_operator.models.facts import Progress, is_controlled_by
from tidegate_operator.models.loaders import Loaders
from tidegate_operator.podanswer import Unreadable

ASK_SECONDS: Final = 2.0
TELL_SECONDS: Final = 3.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ProgressLoop:
    """Asks the loaders that run. `changed` is told which LLMModel has news; `now` only grows."""

    loaders: Loaders
    cache: Cache
    changed: Callable[[Key], None]
    now: Callable[[], float]
    _told: dict[Key, tuple[str, float]] = field(default_factory=dict)

    async def for_ever(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Ask every two seconds."""
        while True:
            await self.round()
            await sleep(ASK_SECONDS)

    async def round(self) -> None:
        """Ask everyone once."""
        running = dict(self._running())
        for key in self.cache.progress.keys() - running.keys():
            del self.cache.progress[key]
        self._told = {key: told for key, told in self._told.items() if key in running}
        await asyncio.gather(*(self._ask(key, pod) for key, pod in running.items()))

    async def _ask(self, key: Key, pod: Object) -> None:
        uid, address = pod["metadata"]["uid"], (pod.get("status") or {}).get("podIP")
        if not address:
            return
        try:
            said = await self.loaders.read(address)
        except Unreadable as error:  # it starts, or has just ended
            log.debug("loader cannot be read", pod=of_pod.name(pod), error=str(error))
            return
        whose, at = self._told.get(key, ("", 0.0))
        before = self.cache.progress.get(key) if whose == uid else None
        if is_news(before, said, self.now() - at):
            self.cache.progress[key] = said
            self._told[key] = (uid, self.now())
            self.changed(key)

    def _running(self) -> Iterator[tuple[Key, Object]]:
        for job in self.cache.all(JOB):
            labels = job["metadata"].get("labels") or {}
            model = labels.get(MODEL_LABEL)
            is_load = labels.get(COMPONENT_LABEL) == LOADER_COMPONENT and model is not None
            # Those that remove files have nothing to tell.
            if not is_load or job["metadata"]["name"] != names.load_job_name(str(model)):
                continue
            namespace = job["metadata"]["namespace"]
            for pod in self.cache.all(POD, namespace):
                if is_controlled_by(pod, job["metadata"]["uid"]) and of_pod.is_running(pod, LOADER_CONTAINER):
                    yield Key(namespace, str(model)), pod


def is_news(before: Progress | None, now: Progress, seconds: float) -> bool:
    """Return whether a progress is worth a write, so many seconds after the last one that was."""
    if before is None:
        return True
    if seconds < TELL_SECONDS:
        return False
    # The first word about bytes, even if none of them is there yet.
    return (before.step, before.percent, before.bytes_total) != (now.step, now.percent, now.bytes_total)
