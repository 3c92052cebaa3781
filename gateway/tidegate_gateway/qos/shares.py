"""Minimum shares: what a class that waits is owed of the tokens that its pool admits.

While a class waits, each admission to its pool puts its share of those tokens to its debt, and each of its own takes
their tokens off. Once the debt makes up for its next request, that goes before higher classes. Must not know credits
or look for workers.
"""

from typing import Final

from tidegate_gateway.qos.drr import cost_of
from tidegate_gateway.qos.lanes import Lane
from tidegate_gateway.qos.pools import WINDOW_SECONDS, Pool
from tidegate_gateway.qos.ticket import Ticket

# A debt is at most what a share makes in this part of the window: so even a request larger than that is served, and
# paid, well within any window.
MOST_DEBT: Final = 0.4
# What a class was given while no other wanted it counts, for a moment: this part of what a window admits.
MOST_LEAD: Final = 0.0025
# What whole requests may take at most of the highest class's share.
MOST_TAKEN: Final = 0.1


def is_owed(lane: Lane, ticket: Ticket) -> bool:
    """Tell whether the class goes before higher ones with this ticket, its next."""
    return lane.debt > 0 and lane.debt >= min((1 - lane.share) * cost_of(ticket), _debt(lane))


def charge(admitted: Lane, pool: Pool, tokens: int, now: float) -> None:
    """Note an admission to a pool while somebody waits, if only more of the same class."""
    for lane in pool.owners:
        if lane is admitted:
            lane.debt = max(lane.debt - (1 - lane.share) * tokens, -_lead(lane))
            lane.charged_at = now
        elif lane.band.waiting:
            lane.debt = min(lane.debt + lane.share * tokens, _debt(lane))
        elif lane.debt < 0:
            lane.debt = min(0.0, lane.debt + lane.share * tokens)


def begin_waiting(lane: Lane, now: float) -> None:
    """Forget a lead that is older than the window: the class waits from now on."""
    if now - lane.charged_at > WINDOW_SECONDS:
        lane.debt = 0.0


def end_waiting(lane: Lane) -> None:
    """Forget a debt: who does not wait is owed nothing."""
    lane.debt = min(lane.debt, 0.0)


def refresh(pool: Pool) -> None:
    """Set the share that each class is given, from what its pool admits in a minute.

    Tokens are admitted by whole requests: for a class to get its share in every window, however that is laid, it is
    given one request per window more, and what its lead may be. That comes from what no class was promised, and from
    the highest. Where more than everything was promised, each gets less in proportion.
    """
    if not pool.owners:
        return
    promised = sum([lane.policy.min_share for lane in pool.owners], 0.0)
    scale = 1 / max(1.0, promised)
    highest, *others = pool.owners
    wanted = sum([_margin(lane) for lane in others], 0.0)
    unpromised = max(0.0, 1 - promised)
    taken = min(wanted, unpromised + MOST_TAKEN * scale * highest.policy.min_share)
    for lane in others:
        lane.share = scale * lane.policy.min_share + (_margin(lane) * taken / wanted if wanted else 0.0)
    highest.share = scale * highest.policy.min_share - max(0.0, taken - unpromised)
    for lane in pool.owners:
        lane.debt = max(lane.debt, -_lead(lane))


def _margin(lane: Lane) -> float:
    tally = lane.home.tallies[lane.rank]
    if not tally.requests or not lane.policy.min_share:
        return 0.0
    # Twice the mean is the usual large request.
    return MOST_LEAD + 2 * tally.tokens / tally.requests / max(lane.home.minute_tokens, 1.0)


def _debt(lane: Lane) -> float:
    # Nothing, not nothing times infinity, of no share.
    return MOST_DEBT * lane.share * lane.home.minute_tokens if lane.share else 0.0


def _lead(lane: Lane) -> float:
    return MOST_LEAD * lane.home.minute_tokens
