"""One limit of one tenant: what it is, how much of it this gateway may use, and how much is used here.

Owns three numbers. Must not know what is measured, or what time it is.
"""

from typing import Final

UNLIMITED: Final = float("inf")


class Meter:
    """A limit and its use. Anyone may read it; `Account` writes the use, `Shares` the cap."""

    __slots__ = ("cap", "elsewhere", "limit", "used")

    def __init__(self) -> None:
        # Of the tenant, over all gateways; None is without limit.
        self.limit: int | None = None
        # The part of it that this gateway may use.
        self.cap: float = UNLIMITED
        self.used = 0
        # What the other gateways have used, as far as they have said.
        self.elsewhere = 0

    def set(self, limit: int | None, cap: float | None = None) -> None:
        """Take a limit and this gateway's part of it, which is all of it unless said otherwise."""
        self.limit = limit
        self.cap = UNLIMITED if limit is None else limit if cap is None else cap

    def remaining(self) -> int:
        """Return what is left for the tenant over all gateways; 0 where there is no limit."""
        if self.limit is None:
            return 0
        left = self.limit - self.used - self.elsewhere
        return left if left > 0 else 0
