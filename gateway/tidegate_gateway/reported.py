"""The usage in an engine's answer, decoded.

Owns the shape of it. A module of its own, and never a compiled one: decoding needs the types that a compiler drops.
"""

from typing import Final

import msgspec


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class Reported(msgspec.Struct):
    """Tokens as an engine names them; None where it does not."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: Reported | None = None


class _Answer(msgspec.Struct):
    usage: Reported | None = None


CHUNK: Final = msgspec.json.Decoder(_Chunk)
ANSWER: Final = msgspec.json.Decoder(_Answer)
