"""Which conversation a request belongs to, as far as its body tells.

Owns what of a prompt stays the same from one turn of a chat to the next. Pure. Not to be compiled: decoding needs the
types that a compiler drops.
"""

from typing import Any, Final

import msgspec
from xxhash import xxh3_64_intdigest

# Type stubs take `Raw` for bytes; it is a buffer.
view: Any = memoryview


class _Turn(msgspec.Struct):
    role: str | None = None
    content: msgspec.Raw = msgspec.Raw(b"null")


TURNS: Final = msgspec.json.Decoder(list[_Turn])
BEGIN: Final = ord("[")


def digest(prompt: memoryview, seed: int) -> int:
    """Return a 64-bit hash of the messages up to the first of a user; of what has none, of the whole prompt.

    `prompt` is the JSON of messages, a prompt or an input, known to be valid.
    """
    if prompt[0] != BEGIN:
        return xxh3_64_intdigest(prompt, seed)
    try:
        turns = TURNS.decode(prompt)
    except msgspec.DecodeError:
        return xxh3_64_intdigest(prompt, seed)
    chain = seed
    for turn in turns:
        chain = xxh3_64_intdigest(view(turn.content), chain)
        if turn.role == "user":
            return chain
    return xxh3_64_intdigest(prompt, seed)
