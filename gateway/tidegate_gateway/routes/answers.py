"""What workers answered, and what is told of it: texts, why they end, what they cost, refusals. Pure."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tidegate_gateway import errors, redaction
from tidegate_gateway.errors import Problem, Refused

DONE: Final = b"[DONE]"
LONGEST_REASON: Final = 2000


class _Text(msgspec.Struct):
    """A message, or what one event adds to it."""

    content: str | None = None
    # What a model thinks before it answers, where the engine tells that apart.
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    text: str | None = None
    message: _Text | None = None
    delta: _Text | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    """An engine's answer, whole or one event of a stream."""

    choices: list[_Choice] = []
    usage: dict[str, Any] | None = None
    error: Any = None


class _Reason(msgspec.Struct):
    message: str = "The worker refused this request."
    type: str | None = None
    param: str | None = None
    code: Any = None


class _Refusal(msgspec.Struct):
    error: _Reason


class Piece(msgspec.Struct, omit_defaults=True):
    """A part of a text; the last one tells why the text ends and what it cost."""

    text: str
    reasoning: str | None = None
    # Milliseconds from the request to the first token, in the first piece.
    ttft_ms: float | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one request of a batch."""

    index: int
    text: str | None = None
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


ANSWER: Final = msgspec.json.Decoder(_Answer)
REFUSAL: Final = msgspec.json.Decoder(_Refusal)


def read_event(data: bytes) -> Piece | None:
    """Return what an event of an engine's stream brings; None for its end; raise Refused if it tells of a failure."""
    if data == DONE:
        return None
    answer = _decode(data)
    if answer.error is not None:
        raise Refused(errors.worker_failed())
    piece = Piece("", usage=answer.usage)
    for choice in answer.choices[:1]:
        added = choice.delta or _Text(choice.text)
        piece.text, piece.reasoning = added.content or "", added.reasoning or None
        piece.finish_reason = choice.finish_reason
    return piece


def read_result(index: int, data: bytes) -> Result:
    """Return the result in an engine's whole answer."""
    answer = _decode(data)
    if not answer.choices:
        raise Refused(errors.worker_failed())
    choice = answer.choices[0]
    text = choice.message or _Text(choice.text)
    return Result(index, text.content or "", text.reasoning, choice.finish_reason, answer.usage)


def failed(index: int, problem: Problem) -> Result:
    """Return the result of a request that was refused."""
    error = {"message": problem.message, "type": problem.kind, "param": problem.param, "code": problem.code}
    return Result(index, error=error)


def problem_of(status: int, data: bytes) -> Problem:
    """Return what an engine refused a request with, in its own words but for what they tell of it."""
    try:
        reason = REFUSAL.decode(redaction.cover(data)).error
    except msgspec.DecodeError:
        reason = _Reason()
    code = reason.code if isinstance(reason.code, str) else reason.type or "refused_by_worker"
    return Problem(status, code, reason.message[:LONGEST_REASON], reason.type or errors.INVALID, reason.param)


def total(results: Iterable[Result]) -> dict[str, int]:
    """Return what all of them cost together."""
    costs = [result.usage or {} for result in results]
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: sum(cost.get(name) or 0 for cost in costs) for name in names}


def _decode(data: bytes) -> _Answer:
    try:
        return ANSWER.decode(data)
    except msgspec.DecodeError as error:
        # An engine that writes what cannot be read has failed, whatever its status says.
        raise Refused(errors.worker_failed()) from error
