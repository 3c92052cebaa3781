"""One limit of one tenant: what it is, how much of it this gateway may use, how much is used and what was lacking.

Owns these numbers. Must not know what is measured, or decide how a limit is divided.
"""

from typing import Final

UNLIMITED: Final = float("inf")
# A gateway that refused something lacks it for so long: who was refused tries again within a second or two.
LACKING_SECONDS: Final = 2.0


class Meter:
    """A limit and its use. `Account` writes what is used, `Shares` what may be."""

    __slots__ = ("_need", "_need_until", "cap", "elsewhere", "limit", "part", "used", "wished_at")

    def __init__(self) -> None:
        # Of the tenant, over all gateways; None is without limit.
        self.limit: int | None = None
        # How much of it this gateway may use, and how much it is due if all get the same.
        self.cap: float = UNLIMITED
        self.part = 0
        self.used = 0
        # What the other gateways have used, as far as they have said.
        self.elsewhere = 0
        # The answer of this gateway that first told the others of a wish for more; 0 without a wish.
        self.wished_at = 0
        self._need = 0
        self._need_until = 0.0

    def remaining(self) -> int:
        """Return what is left for the tenant over all gateways; 0 where there is no limit."""
        if self.limit is None:
            return 0
        left = self.limit - self.used - self.elsewhere
        return left if left > 0 else 0

    def miss(self, amount: int, now: float) -> None:
        """Note that a request of this size did not fit, if it does not."""
        if self.limit is None or self.used + amount <= self.cap or amount > self.limit:
            return
        if now >= self._need_until or amount < self._need:
            self._need = amount
        self._need_until = now + LACKING_SECONDS

    def need(self, now: float) -> int:
        """Return the smallest request that was refused a moment ago; 0 if none was."""
        return self._need if now < self._need_until else 0

    def is_at_rest(self, now: float) -> bool:
        """Tell whether the other gateways would know all about it without being told."""
        return self.cap >= self.part and not self.wished_at and not self.need(now)
