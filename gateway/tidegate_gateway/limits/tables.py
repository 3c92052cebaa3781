"""What gateways tell each other about the tenants they serve.

Owns the form of the answer to `GET /peer`: JSON, with arrays instead of objects where there are many.
"""

from typing import Final

import msgspec


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One limit of one tenant at one gateway."""

    limit: int
    # The part of it that the gateway may use, and what it has used.
    cap: int
    used: int
    # The smallest request it has just refused for want of a larger part; 0 if it refused none.
    need: int = 0
    # Whether it would take more, if the others leave something.
    wishes: bool = False

    @property
    def committed(self) -> int:
        """What the other gateways may not use."""
        return max(self.cap, self.used)


class Spent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one gateway has used of a budget."""

    # Unix seconds of the window's begin.
    begins: float
    # Tokens in this window, and since the process started; open requests are in both.
    tokens: int
    total: int


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One tenant at one gateway."""

    namespace: str
    tenant: str
    created: float
    # Requests per minute, tokens per minute, requests at a time.
    standings: tuple[Standing | None, Standing | None, Standing | None]
    spent: Spent | None = None


class Departed(msgspec.Struct, frozen=True):
    """A gateway that is gone, with what it said last, for those that did not know it."""

    instance: str
    version: int
    # How long ago.
    seconds: float
    closing: bool
    rows: tuple[Row, ...]


class Answer(msgspec.Struct, frozen=True):
    """All that one gateway says to another."""

    instance: str
    # Counts the answers of this process; `heard` is the last of the asker's that it had taken in before.
    version: int
    heard: int
    # True once it admits nothing more.
    closing: bool
    rows: tuple[Row, ...]
    # The other gateways that it knows, by instance.
    live: tuple[str, ...] = ()
    departed: tuple[Departed, ...] = ()


ENCODER: Final = msgspec.json.Encoder()
DECODER: Final = msgspec.json.Decoder(Answer)
