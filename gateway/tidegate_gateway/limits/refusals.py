"""Why a request is over a limit, and when it would not be.

Owns the choice of the reason and the wait. Must not change what it looks at; the sentences are those of `errors`.
"""

from datetime import UTC, datetime
from math import ceil

from tidegate_gateway import errors
from tidegate_gateway.errors import Problem
from tidegate_gateway.limits import headers
from tidegate_gateway.limits.account import WINDOW_SECONDS, Account
from tidegate_gateway.limits.budget import Budget
from tidegate_gateway.limits.meter import Meter

# Requests end, and gateways pass on what they do not use, about this fast.
SOON_SECONDS = 1.0


def over_limit(account: Account, tokens: int, now: float) -> Problem:
    """Return the refusal of a request that is over a limit by the minute, or over the number at a time."""
    requests, used, at_once = account.requests, account.tokens, account.concurrency
    shown = headers.pairs(account, now)
    if requests.limit == 0:
        return errors.nothing_allowed("requests per minute", "requests", shown)
    if at_once.limit == 0:
        return errors.nothing_allowed("requests at a time", "requests", shown)
    if used.limit is not None and tokens > used.limit:
        return errors.never_within_limit(used.limit, tokens, shown)
    seconds = _wait(account, tokens, now)
    if requests.limit is not None and requests.used >= requests.cap:
        return errors.too_many_requests(requests.limit, seconds, shown)
    if used.limit is not None and used.used + tokens > used.cap:
        return errors.too_many_tokens(used.limit, used.limit - used.remaining(), tokens, seconds, shown)
    return errors.too_many_at_once(at_once.limit or 0, seconds, shown)


def _wait(account: Account, tokens: int, now: float) -> int:
    """Return whole seconds until the request would be within the limits by the minute."""
    requests, used = account.requests, account.tokens
    short = requests.used + 1 - requests.cap
    short_tokens = used.used + tokens - used.cap
    if (short <= 0 and short_tokens <= 0) or (_has_room(requests, 1) and _has_room(used, tokens)):
        return ceil(SOON_SECONDS)
    wait = account.room_in(short, short_tokens, now)
    if wait is None:
        # This gateway's part is too small. It grows as the others' requests leave their windows: evenly, for all
        # that is known here.
        wait = WINDOW_SECONDS * max(_lack(requests, 1), _lack(used, tokens))
    return max(1, ceil(wait))


def _has_room(meter: Meter, amount: int) -> bool:
    return meter.limit is None or meter.remaining() >= amount


def _lack(meter: Meter, amount: int) -> float:
    return 0.0 if meter.limit is None else (amount - meter.remaining()) / meter.limit


def over_budget(account: Account, budget: Budget, tokens: int, now: float, wall: float) -> Problem:
    """Return the refusal of a request for which the budget does not suffice."""
    until = datetime.fromtimestamp(budget.ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    spent = budget.spent(account.totals.tokens) + account.reserved
    return errors.budget_spent(
        budget.tokens,
        spent,
        tokens,
        window=budget.window.lower(),
        until=until,
        seconds=ceil(budget.ends - wall),
        shown=headers.pairs(account, now),
    )
