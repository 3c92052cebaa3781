"""The loop that asks each worker once, when it has become ready, how long the parts of its start took.

Owns the beat, and how often a worker is asked that does not answer. While nobody starts it asks nobody. Must not decide
what a status says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from tidegate_api.names import SERVICE_LABEL
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Object
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import Key
from tidegate_operator.interest import key_of
from tidegate_operator.kinds import LLM_SERVICE, POD
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.startups.parts import read_page
from tidegate_operator.startups.state import is_to_ask

ASK_SECONDS: Final = 5.0
# One that does not answer so often tells no parts: only what its Pod says is kept.
_TRIES: Final = 3
_AT_A_TIME: Final = 32
# After a restart all are new: not all of them in one turn of the loop.
_LOOKED_AT: Final = 1000

log = structlog.get_logger(__name__)


class Pages(Protocol):
    """Workers' pages of metrics."""

    async def read(self, address: str, port: int) -> str:
        """Return the page of the worker at an IP address; raises Unreadable."""


@dataclass(slots=True)
class StartupLoop:
    """Asks workers that have just started. `changed` is told which LLMService has news."""

    pages: Pages
    cache: Cache
    changed: Callable[[Key], None]
    # How often those were asked that are to be.
    _tried: dict[Key, int] = field(default_factory=dict)

    async def for_ever(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look every five seconds."""
        while True:
            await self.round()
            await sleep(ASK_SECONDS)

    async def round(self) -> None:
        """Ask everyone once who has started and was not asked."""
        for pod in self.cache.fresh_pods(_LOOKED_AT):
            self._tried.setdefault(key_of(pod), 0)
        turns = asyncio.Semaphore(_AT_A_TIME)
        await asyncio.gather(*(self._ask(turns, key, pod) for key, pod in list(self._unknown())))

    async def _ask(self, turns: asyncio.Semaphore, key: Key, pod: Object) -> None:
        uid, address, place = pod["metadata"]["uid"], (pod.get("status") or {}).get("podIP"), key_of(pod)
        self._tried[place] += 1
        try:
            async with turns:
                told = read_page(await self.pages.read(address or "", of_pod.worker_port(pod)))
        except Unreadable as error:
            log.debug("worker's page cannot be read", pod=of_pod.name(pod), error=str(error))
            if self._tried[place] < _TRIES:
                return
            told = {}
        self.cache.started.setdefault(key, {})[uid] = told
        self.changed(key)

    def _unknown(self) -> Iterator[tuple[Key, Object]]:
        """Yield those who are to be asked; forget the others until they change."""
        for place in list(self._tried):
            pod = self.cache.get(POD, *place)
            key = self._service_of(pod) if pod is not None else None
            if pod is None or key is None:
                del self._tried[place]
            else:
                yield key, pod

    def _service_of(self, pod: Object) -> Key | None:
        """Return the LLMService in whose status the start of a Pod is to be told, None where it is not."""
        metadata = pod["metadata"]
        name = (metadata.get("labels") or {}).get(SERVICE_LABEL)
        key = Key(metadata["namespace"], name or "")
        service = self.cache.get(LLM_SERVICE, *key)
        if service is None or metadata["uid"] in self.cache.started.get(key, {}):
            return None
        return key if is_to_ask((service.get("status") or {}).get("startup"), pod) else None
