"""/v1/batch: many requests to one model in one, answered together and in order.

Owns how many of them are under way at a time. Each goes through queue and limits like a client's own, in the class
that its tenant has for batches; one that fails does not fail the others.
"""

import asyncio
from typing import Final

import msgspec

from tidegate_api.names import PRIORITY_BY_CLASS, QosClass
from tidegate_gateway import errors
from tidegate_gateway.directory import Caller
from tidegate_gateway.errors import Problem, Refused
from tidegate_gateway.routes.answers import Result, failed, read_result, total
from tidegate_gateway.routes.composition import Composition, check_answered
from tidegate_gateway.routes.requests import Ask, Batch

# Of one batch at a time: fewer than a class may have waiting by default.
AT_ONCE: Final = 32
# Of one answer; a text of this size has some 250,000 tokens.
MOST_BYTES: Final = 1024 * 1024


class Answer(msgspec.Struct):
    """The answer of /v1/batch."""

    id: str
    object: str
    created: int
    model: str
    results: list[Result]
    usage: dict[str, int]


async def run(composition: Composition, batch: Batch) -> None:
    """Answer with the results of all requests."""
    caller = composition.caller
    results: dict[int, Result] = {}
    problems: list[Problem] = []
    left = iter(enumerate(batch.asks))

    async def work() -> None:
        for index, ask in left:
            try:
                results[index] = await _one(composition, index, ask)
            except Refused as refused:
                results[index] = failed(index, refused.problem)
                problems.append(refused.problem)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(len(batch.asks), _at_once(caller))):
            group.create_task(work())
    if len(problems) == len(batch.asks) and len({problem.status for problem in problems}) == 1:
        # Nothing to tell but this.
        raise Refused(problems[0])
    ordered = [results[index] for index in range(len(batch.asks))]
    created = int(composition.gateway.clock())
    told = Answer(composition.head.request_id, "batch", created, batch.model, ordered, total(ordered))
    composition.answer(msgspec.json.encode(told))


async def _one(composition: Composition, index: int, ask: Ask) -> Result:
    ask.check()
    with composition.ask(ask.path, ask.body(stream=False), class_of(composition.caller)) as inner:
        await check_answered(inner)
        return read_result(index, await inner.read_all(MOST_BYTES, errors.ANSWER_TOO_LARGE))


def class_of(caller: Caller) -> QosClass:
    """Return the class of a caller's batches, which is never above its own."""
    return min(caller.batch_class, caller.qos_class, key=PRIORITY_BY_CLASS.__getitem__)


def _at_once(caller: Caller) -> int:
    most = caller.limits.concurrency
    return AT_ONCE if most is None else max(1, min(AT_ONCE, most))
