"""What one tenant uses through this gateway: the last minute, what is open now, and all since the start.

Owns the sliding window and the arithmetic of a reservation. Must not refuse anything: `Ledger` does.

The window is a list of slices. Each holds the requests and tokens of at most a quarter of a second, and leaves the
window when the last of them does: so no 60 s ever hold more than the limit, and a request is refused at most a
quarter of a second longer than an endless log of all requests would refuse it. Where requests are further apart
than that, each has a slice of its own, and the window is exact.
"""

from typing import Final

from tidegate_gateway.directory import UNLIMITED, TenantLimits
from tidegate_gateway.limits.budget import Budget
from tidegate_gateway.limits.meter import Meter

WINDOW_SECONDS: Final = 60.0
SLICE_SECONDS: Final = 0.25
LONG_AGO: Final = float("-inf")
FAR_AWAY: Final = float("inf")


class Totals:
    """What a tenant has used through this process since it started."""

    __slots__ = ("budget", "completion_tokens", "created", "namespace", "prompt_tokens", "requests", "tenant")

    def __init__(self, namespace: str, tenant: str, created: float) -> None:
        self.namespace = namespace
        self.tenant = tenant
        # Tells a tenant from an earlier one of its name.
        self.created = created
        self.requests = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.budget: Budget | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.tenant

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens


class Slice:
    """Requests and tokens that were admitted at nearly the same time."""

    __slots__ = ("begin", "end", "next", "requests", "tokens")

    def __init__(self, now: float) -> None:
        self.begin = now
        self.end = now
        self.requests = 0
        self.tokens = 0
        self.next: Slice | None = None


class Reservation:
    """What one request holds until it is settled; `account` is None afterwards."""

    __slots__ = ("account", "slice", "tokens")

    def __init__(self, account: "Account", piece: Slice, tokens: int) -> None:
        self.account: Account | None = account
        self.slice = piece
        self.tokens = tokens


class Account:
    """One tenant at this gateway, while it is in use."""

    __slots__ = (
        "_horizon",
        "_oldest",
        "concurrency",
        "full_until",
        "limits",
        "meters",
        "newest",
        "requests",
        "reserved",
        "tokens",
        "totals",
    )

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self.limits: TenantLimits = UNLIMITED
        self.requests = Meter()
        self.tokens = Meter()
        self.concurrency = Meter()
        self.meters = (self.requests, self.tokens, self.concurrency)
        # Tokens that open requests were admitted with.
        self.reserved = 0
        self.newest: Slice | None = None
        # Until then nothing leaves the window, and `expire` need not be called.
        self.full_until = FAR_AWAY
        self._oldest: Slice | None = None
        # Slices that ended until then have left the window.
        self._horizon = LONG_AGO

    def expire(self, now: float) -> None:
        """Let go of what is older than the window."""
        # Never back: what has been let go of is told by it.
        self._horizon = horizon = max(now - WINDOW_SECONDS, self._horizon)
        oldest = self._oldest
        while oldest is not None and oldest.end <= horizon:
            self.requests.used -= oldest.requests
            self.tokens.used -= oldest.tokens
            oldest = oldest.next
        self._oldest = oldest
        if oldest is None:
            self.newest = None
            self.full_until = FAR_AWAY
        else:
            self.full_until = oldest.end + WINDOW_SECONDS

    def admit(self, tokens: int, now: float) -> Reservation:
        """Count a request with an estimate of its tokens."""
        piece = self.newest
        if piece is None or now - piece.begin >= SLICE_SECONDS:
            piece = self._cut(now)
        piece.end = now
        piece.requests += 1
        piece.tokens += tokens
        self.requests.used += 1
        self.tokens.used += tokens
        self.concurrency.used += 1
        self.reserved += tokens
        self.totals.requests += 1
        return Reservation(self, piece, tokens)

    def settle(
        self, reservation: Reservation, prompt_tokens: int, completion_tokens: int, now: float
    ) -> None:
        """Count what a request has really used, and give back what it held."""
        totals = self.totals
        totals.prompt_tokens += prompt_tokens
        totals.completion_tokens += completion_tokens
        self.concurrency.used -= 1
        self.reserved -= reservation.tokens
        more = prompt_tokens + completion_tokens - reservation.tokens
        if more > 0:
            # Used until now, so counted from now on.
            piece = self.newest
            if piece is None or now - piece.begin >= SLICE_SECONDS:
                piece = self._cut(now)
            piece.end = now
        else:
            piece = reservation.slice
            if piece.end <= self._horizon:
                return
        piece.tokens += more
        self.tokens.used += more

    def _cut(self, now: float) -> Slice:
        piece = Slice(now)
        if self.newest is None:
            self._oldest = piece
            self.full_until = now + WINDOW_SECONDS
        else:
            self.newest.next = piece
        self.newest = piece
        return piece

    def miss(self, tokens: int, now: float) -> None:
        """Note which limits kept a request out."""
        self.requests.miss(1, now)
        self.tokens.miss(tokens, now)
        self.concurrency.miss(1, now)

    def is_idle(self) -> bool:
        """Tell whether nothing is open and the window is empty; `expire` first."""
        return self._oldest is None and self.concurrency.used == 0

    def room_in(self, requests: float, tokens: float, now: float) -> float | None:
        """Return seconds until so many requests and tokens have left the window; None if it holds fewer."""
        piece = self._oldest
        while piece is not None:
            requests -= piece.requests
            tokens -= piece.tokens
            if requests <= 0 and tokens <= 0:
                return piece.end + WINDOW_SECONDS - now
            piece = piece.next
        return None
