"""Where there are credits for a request.

Owns on which terms a class may use which endpoints. Must not book anything, nor know who waits.
"""

from collections.abc import Sequence
from math import inf

from tidegate_gateway.qos import recall
from tidegate_gateway.qos.eligible import eligible, fitting
from tidegate_gateway.qos.lanes import CLASSES, HIGH, RESERVE, Lane, Route
from tidegate_gateway.qos.supply import Place, Supply
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint


def find(supply: Supply, lane: Lane, ticket: Ticket, now: float) -> Place | None:
    """Return where the class may send its next ticket, or None while it must wait.

    No higher class waits when this is asked: so nothing is borrowed from one that does.
    """
    horizon = now
    while True:
        for route in lane.routes:
            endpoint = _choose(supply, route, ticket, horizon, now)
            if endpoint is not None:
                return route.pool, endpoint, route.is_borrowed
        if horizon == inf or not _are_all_ejected(supply, ticket, now):
            break
        horizon = inf
    return None if ticket.adapter is None else _find_holder(supply, lane, ticket, now)


def find_owed(supply: Supply, lane: Lane, ticket: Ticket, now: float) -> Place | None:
    """Return where the class gets its minimum share: in its own pool, the reserve included."""
    endpoint = _choose(supply, Route(lane.home, 1.0, False), ticket, _horizon(supply, ticket, now), now)
    return None if endpoint is None else (lane.home, endpoint, False)


def find_reserved(supply: Supply, lane: Lane, ticket: Ticket, now: float) -> Place | None:
    """Return where class high may go over an endpoint's limit: where it holds less than what is kept for it.

    So it always finds its slot, even where one large request of another class went into the reserve.
    """
    if lane.rank != HIGH:
        return None
    horizon = _horizon(supply, ticket, now)
    accounts = supply.accounts
    candidates = [
        e
        for e in lane.home.endpoints
        if accounts[e].high_tokens < RESERVE * e.limit_tokens and e.ejected_until <= horizon
    ]
    endpoint = _best(supply, fitting(supply, ticket, candidates), ticket, now)
    return None if endpoint is None else (lane.home, endpoint, False)


def find_other(supply: Supply, lane: Lane, ticket: Ticket, now: float) -> Place | None:
    """Return where to try again what failed elsewhere: with credits or, if there are none, without."""
    for horizon in (now, inf):
        for with_credits in (True, False):
            for pool, fraction, is_borrowed in lane.routes:
                candidates = [
                    e
                    for e in pool.endpoints
                    if e.worker.uid not in ticket.excluded
                    and e.ejected_until <= horizon
                    and (not with_credits or e.tokens < fraction * e.limit_tokens)
                ]
                endpoint = _best(supply, fitting(supply, ticket, candidates), ticket, now)
                if endpoint is not None:
                    return pool, endpoint, is_borrowed
    return None


def find_recalled(
    supply: Supply, lane: Lane, ticket: Ticket, now: float
) -> tuple[Endpoint, list[Ticket]] | None:
    """Return which endpoint of its own pool has credits for the class once which borrowers have left it."""
    if not may_recall(supply, lane):
        return None
    endpoints = fitting(supply, ticket, lane.home.endpoints)
    horizon = _horizon(supply, ticket, now)
    return recall.choose(lane, endpoints, lane.routes[0].fraction, supply.accounts, horizon)


def may_recall(supply: Supply, lane: Lane) -> bool:
    """Tell whether lower classes have borrowed from the class's own pool and not got a byte yet."""
    return supply.borrowed > 0 and any(
        CLASSES.index(ticket.qos_class) > lane.rank
        for endpoint in lane.home.endpoints
        for ticket in supply.accounts[endpoint].borrowed
    )


def _choose(supply: Supply, route: Route, ticket: Ticket, horizon: float, now: float) -> Endpoint | None:
    pool, fraction, _ = route
    candidates = [
        e for e in pool.endpoints if e.tokens < e.limit_tokens * fraction and e.ejected_until <= horizon
    ]
    if supply.is_split or ticket.adapter is not None:
        candidates = fitting(supply, ticket, candidates)
    if not candidates:
        pool.starved_at = now
        return None
    if ticket.excluded:
        # It must not wait for ever where all are excluded.
        candidates = [e for e in candidates if e.worker.uid not in ticket.excluded] or candidates
    return _best(supply, candidates, ticket, now)


def _best(supply: Supply, candidates: Sequence[Endpoint], ticket: Ticket, now: float) -> Endpoint | None:
    if len(candidates) > 1:
        return supply.chooser.choose(ticket, candidates, now)
    return candidates[0] if candidates else None


def _find_holder(supply: Supply, lane: Lane, ticket: Ticket, now: float) -> Place | None:
    """Return a worker with the ticket's adapter, without credits, while others of its version have some.

    Else all that wait behind it would wait for one worker.
    """
    has_room = any(
        e.tokens < e.limit_tokens * fraction
        and e.ejected_until <= now
        and not (e.is_canary and supply.is_split and ticket.is_stable)
        for pool, fraction, _ in lane.routes
        for e in pool.endpoints
    )
    if not has_room:
        return None
    horizon = _horizon(supply, ticket, now)
    for pool, _, is_borrowed in lane.routes:
        candidates = [e for e in pool.endpoints if e.ejected_until <= horizon]
        endpoint = _best(supply, fitting(supply, ticket, candidates), ticket, now)
        if endpoint is not None:
            return pool, endpoint, is_borrowed
    return None


def _horizon(supply: Supply, ticket: Ticket, now: float) -> float:
    """Return until when an endpoint may be ejected and still be used: any, if all are that may serve a request."""
    return inf if _are_all_ejected(supply, ticket, now) else now


def _are_all_ejected(supply: Supply, ticket: Ticket, now: float) -> bool:
    is_plain = ticket.adapter is None and not supply.is_split
    endpoints = supply.endpoints if is_plain else eligible(supply, ticket)
    for endpoint in endpoints:  # noqa: SIM110 - most often the first one tells; a generator costs more.
        if endpoint.ejected_until <= now:
            return False
    return True
