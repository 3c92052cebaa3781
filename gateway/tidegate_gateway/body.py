"""The body of a request to generate: which model, whether its parameters are allowed, and the caller's priority.

Owns the rules for parameters. Looks only at the top level: prompts are never turned into Python objects, and
their bytes reach the worker unchanged. Pure.
"""

import json
import re
from typing import Annotated, Any, Final

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.errors import Refused, refuse

DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
KEY: Final = re.compile(rb'[\s{,]*("(?:[^"\\]|\\.)*")\s*:\s*')
OFFSET: Final = re.compile(r"\(byte (\d+)\)")
MODEL_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9])?")
STOPS: Final = 64
# Type stubs do not know that `Raw` is a buffer.
_view: Any = memoryview

# Ways to make a worker run or load what the client brings.
FORBIDDEN: Final = frozenset({"chat_template", "kv_transfer_params", "prompt_embeds", "trust_remote_code"})


class Call(msgspec.Struct, frozen=True):
    """A body that may be sent to a worker, in the pieces it is sent in."""

    model: str
    pieces: tuple[bytes | memoryview, ...]
    length: int


def read_call(body: bytes, priority: int) -> Call:
    """Return the call in a body, with `priority` set to the engine's number; raise Refused if it is not allowed."""
    top = parse(body)
    model = _model(top)
    if not top.keys().isdisjoint(LOOKED_AT):
        _check(top)
    if "priority" in top:
        del top["priority"]
        body = b"{" + b",".join(msgspec.json.encode(k) + b":" + bytes(v) for k, v in top.items()) + b"}"
    start = body.index(b"{") + 1
    prefix = b'{"priority":%d,' % priority
    return Call(model, (prefix, memoryview(body)[start:]), len(prefix) + len(body) - start)


def parse(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the top level of a JSON object, each value as its bytes; raise Refused naming the first bad byte."""
    try:
        if not body.isascii():
            body.decode()
        top = DECODER.decode(body)
    except UnicodeDecodeError as error:
        raise Refused(errors.invalid_json("not UTF-8", error.start)) from error
    except msgspec.ValidationError as error:
        raise Refused(errors.invalid_json("the outermost value must be an object", 0)) from error
    except msgspec.DecodeError as error:
        raise Refused(_malformed(body, str(error))) from error
    except RecursionError as error:
        raise Refused(errors.invalid_json("nested too deep", len(body))) from error
    # Without a byte to spare, no key can have come twice.
    tight = sum(map(len, top)) + sum(map(len, map(_view, top.values()))) + 4 * len(top) + 1
    if top and tight != len(body):
        _check_once_each(body, top)
    return top


def _malformed(body: bytes, reason: str) -> errors.Problem:
    found = OFFSET.search(reason)
    if found is not None:
        return errors.invalid_json(
            reason[: found.start()].strip().removeprefix("JSON is malformed: "), int(found[1])
        )
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        return errors.invalid_json("it ends too early", error.pos)
    except RecursionError:
        return errors.invalid_json("nested too deep", len(body))
    return errors.invalid_json("a \\u escape is half of a pair", body.find(b"\\u"))


def _check_once_each(body: bytes, top: dict[str, msgspec.Raw]) -> None:
    """Walk over keys and values in order: the decoder keeps the last of two, so a second one breaks the walk."""
    position = 0
    for key, raw in top.items():
        found = KEY.match(body, position)
        value = bytes(raw)
        if found is None or msgspec.json.decode(found[1]) != key or not body.startswith(value, found.end()):
            raise Refused(errors.invalid_json(f"the key '{errors.shown(key)}' may come twice", position))
        position = found.end() + len(value)
    if body[position:].strip() != b"}":
        raise Refused(errors.invalid_json("a key came twice", position))


def _model(top: dict[str, msgspec.Raw]) -> str:
    raw = top.get("model")
    if raw is None:
        refuse(
            errors.invalid_parameter(
                "missing_required_parameter", "model", "Name a model: 'model' is missing."
            )
        )
    value = msgspec.json.decode(raw)
    if not isinstance(value, str):
        refuse(errors.invalid_parameter("invalid_type", "model", "'model' must be a string."))
    return value


def check_model_name(model: str) -> None:
    """Refuse what can be no model's name; asked only when there is no such model."""
    if MODEL_NAME.fullmatch(model) is None:
        message = f"'{errors.shown(model)}' cannot be a model's name: those match {MODEL_NAME.pattern}"
        refuse(errors.invalid_parameter("invalid_model_name", "model", message))


def _check(top: dict[str, msgspec.Raw]) -> None:
    for key in top.keys() & LOOKED_AT:
        if key in FORBIDDEN:
            refuse(
                errors.invalid_parameter(
                    "unsupported_parameter", key, f"'{key}' is not accepted; leave it out."
                )
            )
        expected, decoder = BOUNDS[key]
        try:
            decoder.decode(top[key])
        except msgspec.DecodeError as error:
            problem = errors.invalid_parameter("param_out_of_range", key, f"'{key}' must be {expected}.")
            raise Refused(problem) from error


def _decoder(accepted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(accepted | None)


def _integer(low: int, high: int) -> tuple[str, msgspec.json.Decoder[Any]]:
    return f"an integer from {low} to {high}", _decoder(Annotated[int, msgspec.Meta(ge=low, le=high)])


def _number(low: float, high: float) -> tuple[str, msgspec.json.Decoder[Any]]:
    return f"a number from {low} to {high}", _decoder(Annotated[float, msgspec.Meta(ge=low, le=high)])


STOP: Final = str | Annotated[list[msgspec.Raw], msgspec.Meta(max_length=STOPS)]

# What a worker would allocate or loop over; everything else is the engine's to judge.
BOUNDS: Final[dict[str, tuple[str, msgspec.json.Decoder[Any]]]] = {
    "n": _integer(1, 16),
    "best_of": _integer(1, 16),
    "max_tokens": _integer(0, 2**31 - 1),
    "max_completion_tokens": _integer(0, 2**31 - 1),
    "min_tokens": _integer(0, 2**31 - 1),
    "top_logprobs": _integer(0, 1000),
    "temperature": _number(0, 100),
    "stop": (f"a string or a list of at most {STOPS}", _decoder(STOP)),
    "stream": ("true or false", _decoder(bool)),
}
LOOKED_AT: Final = FORBIDDEN | BOUNDS.keys()
