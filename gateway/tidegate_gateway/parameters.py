"""The parameters of a request, by name: what each may hold.

Owns the bounds on what a worker would allocate, loop over, load or fetch; everything else is the engine's to judge.
Pure. What a prompt may be is `prompts`' business.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final, NoReturn

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.errors import Refused, refuse
from tidegate_gateway.messages import DEPTH, is_too_deep, refuse_type, view
from tidegate_gateway.nesting import is_deeper

# Takes a value as its bytes and returns it read; raises Refused, or DecodeError where `look_again` decides.
Check = Callable[[msgspec.Raw], Any]

STOPS: Final = 64
BAD_WORDS: Final = 1024
BIASES: Final = 1024
VALUE_BYTES: Final = 64 * 1024
SCHEMA_BYTES: Final = 64 * 1024
SCHEMA_DEPTH: Final = 16
INT32: Final = 2**31 - 1
INT64: Final = 2**63 - 1

# Ways to make a worker run, load or allocate what the client says, or speak to its peers.
FORBIDDEN: Final = (
    "chat_template",
    "media_io_kwargs",
    "mm_processor_kwargs",
    "prompt_embeds",
    "trust_remote_code",
)
TRANSFERS: Final = ("ec_transfer_params", "kv_transfer_params")
# Engines of today pass over these in silence, and the answer would not keep to them.
REMOVED: Final = (
    "guided_choice",
    "guided_decoding_backend",
    "guided_grammar",
    "guided_json",
    "guided_regex",
    "guided_whitespace_pattern",
)
# What holds schemas, and as what.
SCHEMAS: Final = {"tools": "array", "response_format": "object", "structured_outputs": "object"}
OPENINGS: Final = {"array": b"[n", "object": b"{n"}
FLOAT: Final = msgspec.json.Decoder(float)
OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


def look_again(key: str, raw: msgspec.Raw) -> Any:
    """Return a value that its check could not read, if it is a whole number written otherwise; or raise Refused."""
    rule = _RULES[key]
    if rule.is_whole:
        with suppress(msgspec.ValidationError):
            value = FLOAT.decode(raw)
            # What is written as an integer has been read as one, exactly.
            if value.is_integer() and not bytes(raw).lstrip(b"-").isdigit():
                return msgspec.convert(int(value), rule.accepted)
    code = "invalid_type" if key == "model" else "param_out_of_range"
    raise Refused(errors.invalid_parameter(code, key, f"'{key}' must be {rule.expected}."))


def check_unknown(key: str, raw: msgspec.Raw) -> None:
    """Refuse a parameter that has no rule here only if it is nested too deep."""
    if is_too_deep(raw, DEPTH - 1):
        refuse(errors.too_deep(errors.shown(key, errors.SHOWN_OF_A_NAME), DEPTH))


def _forbidden(key: str, advice: str, _: msgspec.Raw) -> NoReturn:
    refuse(errors.invalid_parameter("unsupported_parameter", key, f"'{key}' is not accepted; {advice}."))


def _check_schema(key: str, raw: msgspec.Raw) -> None:
    kind = SCHEMAS[key]
    if view(raw)[0] not in OPENINGS[kind]:
        refuse_type(key, f"an {kind} or null")
    if len(raw) > SCHEMA_BYTES or is_deeper(bytes(raw), SCHEMA_DEPTH):
        message = f"'{key}' must be at most {SCHEMA_BYTES // 1024} KiB long and {SCHEMA_DEPTH} levels deep."
        refuse(errors.invalid_parameter("invalid_schema", key, message))


def _check_members(key: str, refused: frozenset[str], raw: msgspec.Raw) -> None:
    check_unknown(key, raw)
    found = refused & (OBJECT.decode(_bounded(raw)) or {}).keys()
    if found:
        _forbidden(f"{key}.{min(found)}", "leave it out", raw)


def _bounded(raw: msgspec.Raw) -> msgspec.Raw:
    if len(raw) > VALUE_BYTES:
        raise msgspec.ValidationError
    return raw


class _Rule(msgspec.Struct, frozen=True):
    """What a parameter may hold, in words and as a type."""

    expected: str
    accepted: Any
    # Whether it has a bound on its bytes, so that reading it costs little.
    is_bounded: bool = False
    # Whether 1.0 is as good as 1: it is to JSON Schema and to the engine.
    is_whole: bool = False

    def check(self) -> Check:
        """Return what reads it."""
        decode = msgspec.json.Decoder(self.accepted).decode
        return (lambda raw: decode(_bounded(raw))) if self.is_bounded else decode


def _integer(low: int, high: int) -> _Rule:
    accepted = Annotated[int, msgspec.Meta(ge=low, le=high)] | None
    return _Rule(f"an integer from {low} to {high}", accepted, is_whole=True)


def _number(low: float, high: float) -> _Rule:
    return _Rule(f"a number from {low} to {high}", Annotated[float, msgspec.Meta(ge=low, le=high)] | None)


def _strings(most: int) -> Any:
    return Annotated[list[str], msgspec.Meta(max_length=most)]


_LOGPROBS: Final = Annotated[int, msgspec.Meta(ge=0, le=1000)] | bool | None
_BIASES: Final = Annotated[dict[str, float], msgspec.Meta(max_length=BIASES)] | None
_SALT: Final = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | None
_OBJECT: Final = dict[str, msgspec.Raw] | None

_RULES: Final[Mapping[str, _Rule]] = {
    "model": _Rule("a string", str),
    "n": _integer(1, 16),
    "best_of": _integer(1, 16),
    "max_tokens": _integer(0, INT32),
    "max_completion_tokens": _integer(0, INT32),
    "min_tokens": _integer(0, INT32),
    "stream_interval": _integer(1, INT32),
    "thinking_token_budget": _integer(-1, INT32),
    "truncate_prompt_tokens": _integer(-1, INT32),
    "dimensions": _integer(1, INT32),
    "seed": _integer(-INT64 - 1, INT64),
    "top_k": _integer(-1, INT32),
    "top_logprobs": _integer(0, 1000),
    "prompt_logprobs": _integer(0, 1000),
    "logprobs": _Rule("true, false or an integer from 0 to 1000", _LOGPROBS, is_whole=True),
    "temperature": _number(0, 100),
    "top_p": _number(0, 1),
    "min_p": _number(0, 1),
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "repetition_penalty": _number(0, 100),
    "length_penalty": _number(-100, 100),
    "stop": _Rule(f"a string or a list of at most {STOPS} strings", str | _strings(STOPS) | None, True),
    "bad_words": _Rule(f"a list of at most {BAD_WORDS} strings", _strings(BAD_WORDS) | None, True),
    "logit_bias": _Rule(f"an object of at most {BIASES} numbers", _BIASES, True),
    "stream": _Rule("true or false", bool | None),
    "stream_options": _Rule("an object", _OBJECT, True),
    "cache_salt": _Rule("a text of 1 to 1024 characters", _SALT),
    "chat_template_kwargs": _Rule("an object", _OBJECT, True),
    "vllm_xargs": _Rule("an object", _OBJECT, True),
}
_REFUSED_MEMBERS: Final = {
    "chat_template_kwargs": frozenset({"chat_template", "tokenize"}),
    "vllm_xargs": frozenset(TRANSFERS),
}

# What each may hold as a type, for those who describe it.
ACCEPTED: Final = {key: rule.accepted for key, rule in _RULES.items()}

CHECKS: Final[Mapping[str, Check]] = {
    **{key: rule.check() for key, rule in _RULES.items()},
    **{key: partial(_check_members, key, refused) for key, refused in _REFUSED_MEMBERS.items()},
    **{key: partial(_check_schema, key) for key in SCHEMAS},
    **{key: partial(_forbidden, key, "leave it out") for key in (*FORBIDDEN, *TRANSFERS)},
    **{key: partial(_forbidden, key, "use 'structured_outputs' or 'response_format'") for key in REMOVED},
}
