"""The loop that makes workers have the adapters that their LLMServices declare.

Owns the beat, and one task at a time for each worker. What a worker says it has is the truth: nothing here outlives the
process but failures, and these only put off the next try. Must not decide what is to be done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from tidegate_api.settings import Settings
from tidegate_operator.adapters.decide import TRIAL_SUFFIX, Action, Failure, Wanted, actions, failed
from tidegate_operator.adapters.state import Refusal, WorkerAdapters
from tidegate_operator.adapters.survey import Asked, survey
from tidegate_operator.adapters.workers import Refused, Workers
from tidegate_operator.cache import Cache
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.facts import Key
from tidegate_operator.metrics import Metrics
from tidegate_operator.podanswer import Unreadable

BEAT_SECONDS: Final = 2.0
# How often a worker that has everything is asked whether it still does: its engine may have been started again.
ASK_SECONDS: Final = 10.0
# Steps on one worker before its status is told again.
_STEPS: Final = 8

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """What is remembered of a worker between two looks at it."""

    wanted: Wanted | None = None
    asked_at: float = float("-inf")
    is_done: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)


@dataclass(slots=True)
class AdapterLoop:
    """Looks after the adapters of all workers. `changed` is told which LLMService has news; `now` only grows."""

    workers: Workers
    cache: Cache
    settings: Settings
    metrics: Metrics
    changed: Callable[[Key], None]
    now: Callable[[], float]
    _known: dict[str, _Known] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def for_ever(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look every two seconds."""
        try:
            while True:
                self.look()
                await sleep(BEAT_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def round(self) -> None:
        """Look once, and wait until that has come to an end."""
        self.look()
        await asyncio.gather(*self._tasks.values())

    def look(self) -> None:
        """Begin with every worker that may lack something and is not being looked after already."""
        asked = survey(self.cache, self.settings)
        self._forget(asked)
        for one in asked:
            if one.address and one.uid not in self._tasks and self._is_due(one):
                task = asyncio.ensure_future(self._tend(one))
                self._tasks[one.uid] = task
                task.add_done_callback(partial(self._ended, one.uid))

    def _forget(self, asked: list[Asked]) -> None:
        """Drop what is known of workers that do not answer any more: once they do, they have nothing."""
        there = {(one.service, one.uid) for one in asked}
        for uid in self._known.keys() - {uid for _, uid in there}:
            del self._known[uid]
        for key, workers in list(self.cache.adapters.items()):
            for uid in [uid for uid in workers if (key, uid) not in there]:
                del workers[uid]
            if not workers:
                del self.cache.adapters[key]

    def _is_due(self, one: Asked) -> bool:
        known = self._known.get(one.uid)
        if known is None or known.wanted != one.wanted or not known.is_done:
            return True
        return self.now() - known.asked_at >= ASK_SECONDS

    def _ended(self, uid: str, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(uid, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("adapters of a worker not looked after", uid=uid, exc_info=error)

    async def _tend(self, one: Asked) -> None:
        """Bring one worker nearer to what it is to have."""
        known = self._known.setdefault(one.uid, _Known())
        known.wanted, known.asked_at, known.is_done = one.wanted, self.now(), True
        try:
            has = dict(await self.workers.served(one.address))
            steps = actions(one.wanted, has, known.failures, self.now())
            self._tell(one, has, known)
            for step in steps[:_STEPS]:
                await self._take(step, one, has, known)
        except Unreadable as error:
            before = self.cache.adapters.get(one.service, {}).get(one.uid)
            has = dict(before.has) if before is not None else {}
            self._tell(one, has, known, unread=str(error))
            return
        known.is_done = len(steps) <= _STEPS
        self._tell(one, has, known)

    async def _take(self, step: Action, one: Asked, has: dict[str, str], known: _Known) -> None:
        """Do one step; what the worker refuses is remembered."""
        try:
            await self._do(step, one.address)
        except Refused as error:
            known.failures[step.name] = failed(
                known.failures.get(step.name), step.path, error.finding, self.now()
            )
            self.metrics.adapter_step(step.does, "failed")
            _log(step, one, error.finding)
            return
        known.failures.pop(step.name, None)
        if step.does == "unload":
            has.pop(step.name, None)
        else:
            has[step.name] = step.path
        self.metrics.adapter_step(step.does, "done")
        _log(step, one, None)

    async def _do(self, step: Action, address: str) -> None:
        if step.does == "unload":
            await self.workers.unload(address, step.name)
        elif step.does == "load":
            await self.workers.load(address, step.name, step.path)
        else:
            await self._replace(step, address)

    async def _replace(self, step: Action, address: str) -> None:
        """Load the new one beside the old one, and only if that works let it have the name.

        Between the two in the middle lies one round trip. vLLM's own `load_inplace` has no such gap, and from then on
        reads the adapter from its volume for each step of its requests (0.32).
        """
        trial = f"{step.name}{TRIAL_SUFFIX}"
        await self.workers.load(address, trial, step.path)
        await self.workers.unload(address, step.name)
        await self.workers.load(address, step.name, step.path)
        await self.workers.unload(address, trial)

    def _tell(self, one: Asked, has: dict[str, str], known: _Known, unread: str | None = None) -> None:
        """Leave what is known for statuses, and say so where it is news."""
        lacking = {
            name: Refusal(failure.path, failure.finding.reason, failure.finding.message)
            for name, failure in known.failures.items()
            if one.wanted.paths.get(name) == failure.path and has.get(name) != failure.path
        }
        workers = self.cache.adapters.setdefault(one.service, {})
        said = WorkerAdapters(dict(has), lacking, unread)
        if workers.get(one.uid) != said:
            workers[one.uid] = said
            self.changed(one.service)


def _log(step: Action, one: Asked, refused: Finding | None) -> None:
    told = {
        "namespace": one.service.namespace,
        "name": one.service.name,
        "pod": one.pod,
        "adapter": step.name,
    }
    if refused is None:
        log.info(f"adapter: {step.does} done", **told)
    else:
        log.warning(f"adapter: {step.does} refused", **told, reason=refused.reason, error=refused.message)
