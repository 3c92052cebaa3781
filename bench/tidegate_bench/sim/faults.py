"""What can be made to go wrong, on demand.

Owns the kinds of fault and which request each hits. The server carries them out.
"""

from typing import Literal

import msgspec

Kind = Literal["reset", "status", "stall", "die", "close", "refuse", "slow"]
FOR_EVER = 1e9


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault.

    reset: the connection is reset before a byte of the answer. status: an error with this status, at once.
    stall: nothing is sent after `tokens` tokens, for `seconds`. die: the connection is reset after `tokens` tokens;
    close: it is closed there as if all were well. refuse: no connection is accepted for `seconds`. slow: every step
    of the engine takes `factor` times as long, for `seconds`. A stream of which 0 tokens are sent still has its head.
    """

    kind: Kind
    # How many requests it hits; faults of the whole engine ignore it.
    times: int = 1
    status: int = 500
    tokens: int = 0
    seconds: float = FOR_EVER
    factor: float = 1.0


class Faults:
    """The faults that wait for requests."""

    def __init__(self) -> None:
        self._planned: list[tuple[Fault, int]] = []

    def plan(self, fault: Fault) -> None:
        """Hit the next requests with this fault, after those planned before."""
        self._planned.append((fault, fault.times))

    def clear(self) -> None:
        """Plan nothing."""
        self._planned.clear()

    def take(self) -> Fault | None:
        """Return what the next request is hit with."""
        if not self._planned:
            return None
        fault, left = self._planned[0]
        if left > 1:
            self._planned[0] = (fault, left - 1)
        else:
            del self._planned[0]
        return fault
