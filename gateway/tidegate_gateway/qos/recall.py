"""Which borrowed places are taken back when a class that is at home in a pool finds no credits there.

Pure: returns what should be done. Must not change anything.
"""

from collections.abc import Mapping, Sequence

from tidegate_gateway.qos.credits import Account
from tidegate_gateway.qos.lanes import CLASSES, Lane
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint


def choose(
    lane: Lane,
    endpoints: Sequence[Endpoint],
    fraction: float,
    accounts: Mapping[Endpoint, Account],
    horizon: float,
) -> tuple[Endpoint, list[Ticket]] | None:
    """Return the endpoint of the class's own pool where the fewest must go for it to have credits, and who must go.

    `endpoints` are those that may be chosen. None if that would not help anywhere. `horizon` is until when an endpoint
    may be ejected and still be used.
    """
    best: tuple[Endpoint, list[Ticket]] | None = None
    for endpoint in endpoints:
        if endpoint.ejected_until > horizon:
            continue
        leaving = _leaving(lane, accounts[endpoint], endpoint.tokens - fraction * endpoint.limit_tokens)
        if leaving and (best is None or len(leaving) < len(best[1])):
            best = endpoint, leaving
    return best


def _leaving(lane: Lane, account: Account, excess: float) -> list[Ticket]:
    """Return the lowest and latest borrowers whose tokens are more than the excess; nobody if all are not."""
    borrowers = [t for t in reversed(account.borrowed) if CLASSES.index(t.qos_class) > lane.rank]
    borrowers.sort(key=lambda ticket: CLASSES.index(ticket.qos_class), reverse=True)
    leaving = []
    for ticket in borrowers:
        leaving.append(ticket)
        excess -= ticket.held_tokens
        if excess < 0:
            return leaving
    return []
