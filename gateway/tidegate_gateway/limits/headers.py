"""What a client is told of its limits with every answer, as OpenAI spells it.

Owns names and forms of the `x-ratelimit-*` headers. Must not decide anything.
"""

from math import ceil
from typing import Final

from tidegate_gateway.limits.account import WINDOW_SECONDS, Account

_REQUESTS: Final = (
    b"x-ratelimit-limit-requests: %d\r\n"
    b"x-ratelimit-remaining-requests: %d\r\n"
    b"x-ratelimit-reset-requests: %b\r\n"
)
_TOKENS: Final = _REQUESTS.replace(b"requests", b"tokens")
_BOTH: Final = _REQUESTS + _TOKENS
# A whole number of seconds, 0 to 60, as Go writes a duration.
_RESETS: Final = tuple(
    f"{seconds}s".encode() if seconds < 60 else b"1m0s" for seconds in range(int(WINDOW_SECONDS) + 1)
)


def lines(account: Account, now: float) -> bytes:
    """Return the header lines of the limits that there are, each with its end; b"" without any."""
    requests, tokens = account.requests, account.tokens
    limit, token_limit = requests.limit, tokens.limit
    if limit is None and token_limit is None:
        return b""
    newest = account.newest
    reset = _RESETS[0 if newest is None else ceil(WINDOW_SECONDS - (now - newest.end))]
    if token_limit is None:
        return _REQUESTS % (limit, requests.remaining(), reset)
    if limit is None:
        return _TOKENS % (token_limit, tokens.remaining(), reset)
    return _BOTH % (limit, requests.remaining(), reset, token_limit, tokens.remaining(), reset)


def pairs(account: Account, now: float) -> tuple[tuple[str, str], ...]:
    """Return the same as names and values."""
    rows = lines(account, now).decode().split("\r\n")
    return tuple((name, value) for name, _, value in (row.partition(": ") for row in rows if row))
