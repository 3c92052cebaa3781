"""Which workers may serve a request at all: those of its version, with its adapter.

Owns the choice between the version in use and one that is tried beside it. Must not look at credits or loads.

A request belongs to the tried version by preference only: where that has no room, it goes to the version in use, so
that a canary makes nobody wait. The other way round it does not: a canary gets no more than its share.
"""

from collections.abc import Sequence

from tidegate_gateway.qos.supply import Supply
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint


def fitting(supply: Supply, ticket: Ticket, candidates: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the candidates that may serve a request: those of its own version, if any."""
    able = eligible(supply, ticket)
    if able is supply.endpoints:
        found = list(candidates)
    else:
        known = set(able)
        found = [e for e in candidates if e in known]
    if supply.is_split and ticket.is_canary:
        return [e for e in found if e.is_canary] or found
    return found


def eligible(supply: Supply, ticket: Ticket) -> Sequence[Endpoint]:
    """Return the endpoints of the service that have a request's adapter; of these, those that its version leaves it.

    One condition after the other is dropped where nobody would meet it: a worker answers then that it has no such
    adapter, and of a request that one version has failed on, the other version is asked.
    """
    endpoints: Sequence[Endpoint] = supply.endpoints
    if ticket.adapter is not None:
        endpoints = [e for e in endpoints if ticket.adapter in e.adapters] or endpoints
    if supply.is_split and ticket.is_stable:
        endpoints = [
            e for e in endpoints if not e.is_canary and e.worker.uid not in ticket.excluded
        ] or endpoints
    return endpoints
