"""How many tokens of ours one worker may have in flight, learned from what its engine reports.

Additive increase, multiplicative decrease, as TCP does (Jacobson and Karels, "Congestion Avoidance and Control",
1988): double until the first sign of saturation, then cut by a fifth at each sign and feel the way back. The way back
is that of BIC and CUBIC (RFC 9438): quick far from where saturation was last seen, slow near it. Must not know who
waits or in which order.
"""

from math import inf
from typing import Final

from tidegate_gateway.qos.lanes import RESERVE
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report

# Some 80 chat requests: enough for a worker whose engine reports nothing, and doubled each second where one reports.
START_TOKENS: Final = 32_768
# Not meant as a size: an endpoint without requests takes one whatever its limit.
LEAST_TOKENS: Final = 256
MOST_TOKENS: Final = 2**24

# Above this many requests waiting in the engine its backlog is no longer ours to order; up to the other it is fed
# and no more.
SATURATED_WAITING: Final = 2
IDLE_WAITING: Final = 1
# A burst of prompts is computed within this time; who still waits then is one too many.
BURST_SECONDS: Final = 0.8
# Above this share of KV cache in use, growing requests may soon take each other's memory.
GROW_BELOW_KV: Final = 0.85
FULL_KV: Final = 0.9
# Below this share it tells nothing of what more requests would need.
TELLING_KV: Final = 0.1
CUT: Final = 0.8
FIRST_CUT: Final = 0.5
STEPS_BACK: Final = 8
# Credits are in demand from this share in flight on, or when somebody found none.
DEMANDED: Final = 0.8
# Reports may come with every answer; growth is meant per second.
GROWTH_SECONDS: Final = 0.8
# An older report tells of another load.
STALE_SECONDS: Final = 5.0


class Account:
    """What this gateway has booked on one endpoint, beside the sums that routing sees."""

    __slots__ = (
        "borrowed",
        "crowded_since",
        "endpoint",
        "grown_at",
        "high_tokens",
        "knee",
        "preemptions",
        "settled_at",
        "target",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        # Of `endpoint.tokens`, those of class high.
        self.high_tokens = 0
        # Tickets that must leave for the pool's owner until their first byte, in the order of dispatch.
        self.borrowed: dict[Ticket, None] = {}
        # In flight when saturation was last seen; 0 before the first time.
        self.knee = 0.0
        self.grown_at = -inf
        # Where the limit goes as requests end, 0 while it stays, and when it last got there: what is reported before
        # tells of load that is cut already.
        self.target = 0.0
        self.settled_at = -inf
        self.preemptions: int | None = None
        # Since when each report has said that too many wait.
        self.crowded_since = inf


def first_limit(endpoint: Endpoint, siblings: list[Account]) -> float:
    """Return the limit of a new endpoint: half of the least that was learned from its kind, if any was."""
    learned = [sibling.endpoint.limit_tokens for sibling in siblings if sibling.knee]
    return max(min(learned) / 2, LEAST_TOKENS) if learned else endpoint.limit_tokens


def limit_by_slots(endpoint: Endpoint, slots: int) -> float:
    """Return the limit of an endpoint whose engine runs so many requests of ours at a time, as they arrive.

    What has no slot would wait in the engine, where it is not ours to order. Of more than one slot, the last one is
    what lower classes leave free while class high is in use.
    """
    if endpoint.requests >= slots:
        return float(endpoint.tokens)
    if endpoint.requests and endpoint.requests == slots - 1:
        return endpoint.tokens / (1 - RESERVE / 2)
    return float(max(START_TOKENS, 2 * endpoint.tokens))


def adjust(account: Account, report: Report, starved_at: float, now: float) -> bool:
    """Set the endpoint's limit by a report and tell whether it grew.

    `starved_at` is when a request last found no credits in the pool. A report that is too old changes nothing.
    """
    preemptions, account.preemptions = account.preemptions, report.preemptions
    if now - report.at > STALE_SECONDS:
        return False
    endpoint = account.endpoint
    before = endpoint.limit_tokens
    if preemptions is None:
        preemptions = report.preemptions
        endpoint.limit_tokens = max(LEAST_TOKENS, min(before, report.kv_tokens or MOST_TOKENS))
    preempted = report.preemptions > preemptions
    if preempted or _is_crowded(account, report):
        if not account.target and report.at > account.settled_at and endpoint.requests:
            _cut(account, report, preempted)
    elif report.waiting <= IDLE_WAITING and report.kv_used <= GROW_BELOW_KV and not account.target:
        _grow(account, report, starved_at, now)
    return endpoint.limit_tokens > before


def _grow(account: Account, report: Report, starved_at: float, now: float) -> None:
    endpoint = account.endpoint
    limit = endpoint.limit_tokens
    demanded = starved_at > account.grown_at or endpoint.tokens >= DEMANDED * limit
    if demanded and now - account.grown_at >= GROWTH_SECONDS:
        account.grown_at = now
        endpoint.limit_tokens = max(limit, min(limit + _step(account), _ceiling(endpoint, report)))


def _ceiling(endpoint: Endpoint, report: Report) -> float:
    """Return how much would fill the engine's memory, by how much what is in flight does.

    That is not `kv_tokens`: prompts that begin alike share memory, and answers are shorter or longer than expected.
    """
    if report.kv_used >= TELLING_KV and endpoint.tokens:
        return endpoint.tokens * FULL_KV / report.kv_used
    return report.kv_tokens or MOST_TOKENS


def _is_crowded(account: Account, report: Report) -> bool:
    """Tell whether too many wait in the engine, not only in a burst of prompts that it was about to begin with."""
    if report.waiting <= SATURATED_WAITING:
        account.crowded_since = inf
        return False
    account.crowded_since = min(account.crowded_since, report.at)
    return report.at - account.crowded_since >= BURST_SECONDS


def _step(account: Account) -> float:
    endpoint = account.endpoint
    if not account.knee:
        return endpoint.limit_tokens
    request = endpoint.tokens / endpoint.requests if endpoint.requests else LEAST_TOKENS
    return max(request, abs(endpoint.limit_tokens - account.knee) / STEPS_BACK)


def settle(account: Account, ended_tokens: int, now: float) -> None:
    """Lower the limit on its way to the target: half of what ends is not replaced.

    As TCP's proportional rate reduction (RFC 6937): to send nothing until the excess is gone would stop high classes.
    """
    endpoint = account.endpoint
    endpoint.limit_tokens -= ended_tokens / 2
    if endpoint.limit_tokens <= account.target:
        endpoint.limit_tokens = account.target
        account.target = 0.0
        account.settled_at = now


def _cut(account: Account, report: Report, preempted: bool) -> None:
    """Cut what is in flight by the part of it that waits, and by a fifth at most; at the end of the doubling by half.

    In proportion as in DCTCP (RFC 8257), since the number that waits tells how much was too much. Requests that took
    each other's memory away do not tell: then by a fifth.
    """
    endpoint = account.endpoint
    flying = min(endpoint.limit_tokens, float(endpoint.tokens))
    running = report.running / (report.running + report.waiting or 1)
    kept = CUT if preempted else max(running, CUT if account.knee else FIRST_CUT)
    account.knee = flying
    account.target = max(kept * flying, LEAST_TOKENS)
    endpoint.limit_tokens = flying
