"""The parameters of a request, by name: what each may hold.

Owns the bounds on what a worker would allocate, loop over, load or fetch; everything else is the engine's to judge.
Pure. What a prompt may be is `prompts`' business.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final, NoReturn

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.errors import refuse
from tidegate_gateway.messages import DEPTH, is_too_deep
from tidegate_gateway.nesting import is_deeper

# Takes a value as its bytes and returns it read; raises DecodeError if it is not what EXPECTED says, or Refused.
Check = Callable[[msgspec.Raw], Any]

STOPS: Final = 64
BAD_WORDS: Final = 1024
BIASES: Final = 1024
VALUE_BYTES: Final = 64 * 1024
SCHEMA_BYTES: Final = 64 * 1024
SCHEMA_DEPTH: Final = 16
INT32: Final = 2**31 - 1
INT64: Final = 2**63 - 1

# Ways to make a worker run or load what the client brings, or speak to its peers.
FORBIDDEN: Final = ("chat_template", "prompt_embeds", "trust_remote_code")
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
OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


def refuse_wrong(key: str) -> NoReturn:
    """Refuse a parameter that is not what it must be."""
    code = "invalid_type" if key == "model" else "param_out_of_range"
    refuse(errors.invalid_parameter(code, key, f"'{key}' must be {EXPECTED[key]}."))


def check_unknown(key: str, raw: msgspec.Raw) -> None:
    """Refuse a parameter that has no rule here only if it is nested too deep."""
    if is_too_deep(raw, DEPTH - 1):
        refuse(errors.too_deep(errors.shown(key), DEPTH))


def read_object(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the members of a small object; null has none."""
    return OBJECT.decode(_bounded(raw)) or {}


def _forbidden(key: str, advice: str, _: msgspec.Raw) -> NoReturn:
    refuse(errors.invalid_parameter("unsupported_parameter", key, f"'{key}' is not accepted; {advice}."))


def _check_schema(key: str, raw: msgspec.Raw) -> None:
    if len(raw) > SCHEMA_BYTES or is_deeper(bytes(raw), SCHEMA_DEPTH):
        message = f"'{key}' must be at most {SCHEMA_BYTES // 1024} KiB long and {SCHEMA_DEPTH} levels deep."
        refuse(errors.invalid_parameter("invalid_schema", key, message))


def _check_members(key: str, refused: frozenset[str], raw: msgspec.Raw) -> None:
    check_unknown(key, raw)
    found = refused & read_object(raw).keys()
    if found:
        _forbidden(f"{key}.{min(found)}", "leave it out", raw)


def _bounded(raw: msgspec.Raw) -> msgspec.Raw:
    if len(raw) > VALUE_BYTES:
        raise msgspec.ValidationError
    return raw


def _decode(accepted: Any) -> Check:
    return msgspec.json.Decoder(accepted | None).decode


def _decode_small(accepted: Any) -> Check:
    decode = _decode(accepted)
    return lambda raw: decode(_bounded(raw))


def _integer(low: int, high: int) -> tuple[str, Check]:
    return f"an integer from {low} to {high}", _decode(Annotated[int, msgspec.Meta(ge=low, le=high)])


def _number(low: float, high: float) -> tuple[str, Check]:
    return f"a number from {low} to {high}", _decode(Annotated[float, msgspec.Meta(ge=low, le=high)])


def _strings(most: int) -> Any:
    return Annotated[list[str], msgspec.Meta(max_length=most)]


_LOGPROBS: Final = Annotated[int, msgspec.Meta(ge=0, le=1000)] | bool
_BIASES: Final = Annotated[dict[str, float], msgspec.Meta(max_length=BIASES)]

_RULES: Final[Mapping[str, tuple[str, Check]]] = {
    "model": ("a string", msgspec.json.Decoder(str).decode),
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
    "logprobs": ("true, false or an integer from 0 to 1000", _decode(_LOGPROBS)),
    "temperature": _number(0, 100),
    "top_p": _number(0, 1),
    "min_p": _number(0, 1),
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "repetition_penalty": _number(0, 100),
    "length_penalty": _number(-100, 100),
    "stop": (f"a string or a list of at most {STOPS} strings", _decode_small(str | _strings(STOPS))),
    "bad_words": (f"a list of at most {BAD_WORDS} strings", _decode_small(_strings(BAD_WORDS))),
    "logit_bias": (f"an object of at most {BIASES} numbers", _decode_small(_BIASES)),
    "stream": ("true or false", _decode(bool)),
    "stream_options": ("an object", read_object),
    "cache_salt": (
        "a text of 1 to 1024 characters",
        _decode(Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]),
    ),
    "chat_template_kwargs": (
        "an object",
        partial(_check_members, "chat_template_kwargs", frozenset({"chat_template", "tokenize"})),
    ),
    "vllm_xargs": ("an object", partial(_check_members, "vllm_xargs", frozenset(TRANSFERS))),
}

EXPECTED: Final = {key: expected for key, (expected, _) in _RULES.items()}

CHECKS: Final[Mapping[str, Check]] = {
    **{key: check for key, (_, check) in _RULES.items()},
    **{key: partial(_check_schema, key) for key in ("tools", "response_format", "structured_outputs")},
    **{key: partial(_forbidden, key, "leave it out") for key in (*FORBIDDEN, *TRANSFERS)},
    **{key: partial(_forbidden, key, "use 'structured_outputs' or 'response_format'") for key in REMOVED},
}
