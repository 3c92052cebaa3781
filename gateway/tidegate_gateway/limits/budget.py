"""What is left of a tenant's budget, from what the operator last wrote and what has been used since.

Owns this sum. Must not do I/O or read a clock.

Every gateway counts the tokens of a tenant since its process started. The operator adds up how much these counters
have grown, and writes the sum down together with the counters as it read them. What a counter has grown since then
is not in the sum yet; so nothing is counted twice however late the operator's word arrives, and nothing is forgotten
while the operator is away.
"""

from datetime import UTC, datetime
from typing import cast

from tidegate_api.windows import Window, window_end, window_start
from tidegate_gateway.directory import TenantLimits
from tidegate_gateway.limits.tables import Spent


class Budget:
    """One tenant's budget as this gateway sees it."""

    __slots__ = (
        "_base",
        "_first",
        "_floor",
        "_instance",
        "_others",
        "begins",
        "ends",
        "limits",
        "tokens",
        "window",
    )

    def __init__(self, instance: str, limits: TenantLimits, total: int, wall: float) -> None:
        self._instance = instance
        # What this gateway had counted when the window began, or when it learned of the budget.
        self._first = total
        # What the others last said of theirs.
        self._others: dict[str, Spent] = {}
        self.begins = 0.0
        self.set(limits, total, wall)

    def set(self, limits: TenantLimits, total: int, wall: float) -> None:
        """Take what the tenant's object says now; `total` is what this gateway has counted since it started."""
        self.limits = limits
        self.tokens = limits.budget_tokens or 0
        self.window = cast(Window, limits.budget_window)
        self.turn(total, wall)

    def turn(self, total: int, wall: float) -> None:
        """Find the window of a moment; in a new one, begin to count anew."""
        moment = datetime.fromtimestamp(wall, UTC)
        begins = window_start(self.window, moment).timestamp()
        if begins < self.limits.budget_since:
            # The operator's clock is ahead of ours, and its window has turned.
            moment = datetime.fromtimestamp(self.limits.budget_since, UTC)
            begins = self.limits.budget_since
        if self.begins and begins > self.begins:
            self._first = total
        self.begins = begins
        self.ends = window_end(self.window, moment).timestamp()
        self._add()

    def hear(self, others: dict[str, Spent]) -> None:
        """Take what each of the other gateways has used."""
        if others != self._others:
            self._others = others
            self._add()

    def own(self, total: int) -> int:
        """Return the tokens that this gateway has counted in this window."""
        return total - self._first

    def spent(self, total: int) -> int:
        """Return the tokens used in this window, everywhere."""
        return self._base + max(0, total - self._floor)

    def _add(self) -> None:
        """Add up all but this gateway's own: what the operator wrote of this window, and what others used since."""
        limits = self.limits
        is_written = limits.budget_since >= self.begins
        seen = limits.budget_seen if is_written else {}
        self._floor = max(self._first, seen.get(self._instance, 0))
        self._base = limits.budget_used if is_written else 0
        for instance, spent in self._others.items():
            if spent.begins == self.begins:
                self._base += max(0, min(spent.tokens, spent.total - seen.get(instance, 0)))
