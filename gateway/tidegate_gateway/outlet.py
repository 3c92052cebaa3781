"""Where an answer goes: a client's connection, or a route that asks on a client's behalf.

Owns the protocol between the two. Exactly one of `refuse`, `cut` and a `write` that is complete ends an answer.
"""

from typing import Protocol

from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.errors import Problem


class Outlet(Protocol):
    """Takes one answer."""

    @property
    def is_paused(self) -> bool:
        """True while it can take no more; it calls the exchange's `pause` and `resume` when that changes."""

    def hold(self, limits: bytes) -> bool:
        """Tell a client that has asked for a stream that it waits; return whether its answer has begun by that.

        Once it has, a problem is told within the stream, and the head of a worker's stream is left out.
        """

    def begin(self, head: AnswerHead, limits: bytes) -> None:
        """Take the worker's head and the lines that tell what the tenant has left; the body follows at once."""

    def write(self, parts: list[bytes], complete: bool) -> None:
        """Take the next parts of the body, without its framing, and whether they are the last."""

    def refuse(self, problem: Problem) -> None:
        """Take a problem instead of an answer: nothing has begun."""

    def cut(self, problem: Problem) -> None:
        """Take note that an answer that has begun will not be completed."""
