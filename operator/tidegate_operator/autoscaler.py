"""The loop that keeps replicas with the load: look, decide, mark who is to go, say what Deployments are to ask for.

Owns the beat and the order of the steps. It writes nothing but marks on Pods; reconciles do the rest. Must not decide.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache
from tidegate_operator.census import Census
from tidegate_operator.cluster import Cluster, ClusterError, Object
from tidegate_operator.decisions import Decided, Decisions, Look
from tidegate_operator.engines import Engines
from tidegate_operator.facts import Key, Target
from tidegate_operator.gatewayreader import Reader
from tidegate_operator.kinds import POD
from tidegate_operator.metrics import Metrics
from tidegate_operator.retirement import Step, step, unmark, unmarked
from tidegate_operator.scaling.facts import Decision
from tidegate_operator.scalingstatus import is_news
from tidegate_operator.scalingview import PoolView, View, Views, engines

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Autoscaler:
    """Decides about all pools that scale. `now` is Unix time; `changed` is told whose target is another."""

    reader: Reader
    engines: Engines
    cluster: Cluster
    cache: Cache
    settings: Settings
    metrics: Metrics
    tell: Callable[[Census | None, Census], None]
    changed: Callable[[Key], None]
    now: Callable[[], float] = time.time
    _views: Views = field(init=False)
    _decisions: Decisions = field(default_factory=Decisions)
    _census: Census | None = None
    _urgent: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._views = Views(self.cache, self.settings)

    async def for_ever(
        self, seconds: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Look every `seconds`, and at once when somebody is woken."""
        while True:
            began = time.monotonic()
            self._urgent.clear()
            await self.round()
            await self._pause(max(seconds - (time.monotonic() - began), 0.0), sleep)

    async def round(self) -> None:
        """Look at everything once, decide, and act on it."""
        there = self._views.all(self.now())
        pods = [pod for view in there for pool in view.pools for pod in pool.read]
        census, read = await asyncio.gather(self._hear(), self.engines.read(engines(pods)))
        look = Look(census, read, self.now())
        views = self._views.all(look.at)
        self._forget(views)
        for view in views:
            with _apart(view.key):
                self._decisions.look(view, look)
        for view, decided in self._decide(views, look.at):
            with _apart(view.key):
                targets = [await self._settle(view, pool, decision, look) for pool, decision in decided]
                self._publish(view, dict(targets))
        await self._take_back(views)

    def woken(self, key: Key) -> None:
        """Decide about an LLMService at once: a gateway has just asked for a pool of it."""
        now = self.now()
        view = self._views.one(key, now)
        if view is None:
            return
        for _, decided in self._decide([view], now):
            targets = {
                pool.name: self._decisions.target(key, pool, decision, max(decision.wanted, pool.desired))
                for pool, decision in decided
            }
            self._publish(view, targets)
        # Workers that are to go may have to come back, and it is time to see how much is asked for.
        self._urgent.set()

    def records(self, key: Key) -> Iterator[str]:
        """Yield the decisions about an LLMService of the last hour, one a line."""
        return self._decisions.records(key)

    async def _pause(self, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        waiting = [asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(self._urgent.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _hear(self) -> Census | None:
        """Return what the gateways say; None if they cannot even be listed."""
        try:
            after = await self.reader.round(self._census)
        except ClusterError as error:
            log.warning("gateways cannot be listed", error=str(error))
            return None
        before, self._census = self._census, after
        self.tell(before, after)
        return after

    def _decide(self, views: list[View], now: float) -> Decided:
        most = self.settings.scaling.max_accelerators
        return self._decisions.decide(views, self._views.fixed() if most is not None else (), most, now)

    async def _settle(self, view: View, pool: PoolView, decision: Decision, look: Look) -> tuple[str, Target]:
        """Mark who is to go, and return what the pool's Deployment is to ask for."""
        found = Step(pool.desired, unmarked(pool.scene))
        if pool.is_ours:
            found = step(
                pool.scene,
                decision.wanted,
                look.in_flight,
                look.kv_used,
                drain_seconds=view.drain_seconds,
                now=look.at,
            )
        is_written = await self._write(found.marks)
        # Kubernetes would take others than those that were to go.
        replicas = found.replicas if is_written else max(found.replicas, pool.desired)
        self.metrics.scaling.decided(view.key, pool.name, decision)
        return pool.name, self._decisions.target(view.key, pool, decision, replicas)

    def _publish(self, view: View, targets: dict[str, Target]) -> None:
        before = self.cache.targets.get(view.key, {})
        self.cache.targets[view.key] = {**before, **targets}
        for pool in view.pools:
            target = targets.get(pool.name)
            if target is None:
                continue
            was = before.get(pool.name)
            is_other = was is None or was.replicas != target.replicas
            if is_other or is_news(pool.entry, pool.policy.mode, target.decision):
                self.changed(view.key)

    async def _write(self, marks: Iterable[Object]) -> bool:
        """Write marks on Pods; return whether all are there."""
        is_done = True
        for mark in marks:
            try:
                self.cache.answered(mark, await self.cluster.apply(mark))
            except ClusterError as error:
                # Gone, or another one of that name: the next look knows more.
                is_done = False
                log.info("mark not written", pod=mark["metadata"]["name"], error=str(error))
        return is_done

    async def _take_back(self, views: Iterable[View]) -> None:
        """Take the marks from workers of pools that are no longer scaled: nobody else would."""
        scaled = {pod["metadata"]["uid"] for view in views for pool in view.pools for pod in pool.scene.pods}
        left = [pod for pod in self.cache.marked(POD) if pod["metadata"]["uid"] not in scaled]
        await self._write([mark for pod in left if (mark := unmark(pod)) is not None])

    def _forget(self, views: list[View]) -> None:
        """Drop what is known of pools that do not scale any more."""
        for key, pool in self._decisions.forget(views):
            self.metrics.scaling.forget(Key(*key), pool)
        known = {view.key: {pool.name for pool in view.pools} for view in views}
        self.cache.targets = {
            key: {name: target for name, target in targets.items() if name in known[key]}
            for key, targets in self.cache.targets.items()
            if key in known
        }


@contextmanager
def _apart(key: Key) -> Iterator[None]:
    """Keep what goes wrong with one LLMService from the others: its replicas stay as they are."""
    try:
        yield
    except Exception:
        log.exception("replicas not decided", **key._asdict())
