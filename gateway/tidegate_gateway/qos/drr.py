"""Whose turn it is among the tenants of one class: deficit round robin by tokens.

After M. Shreedhar and G. Varghese, "Efficient Fair Queueing Using Deficit Round Robin" (SIGCOMM 1995): each turn a
tenant may spend a quantum more; what its next request needs beyond that it saves up for. Between two tenants that wait
all the time, the tokens served differ by less than a quantum and twice the largest request. Owns the tenants' queues;
must not know credits, classes or time.
"""

from collections import OrderedDict
from typing import Final

from tidegate_gateway.qos.ticket import Ticket

# About one short chat request: finer turns cost steps, coarser ones let one tenant's short requests pass in bursts.
QUANTUM_TOKENS: Final = 512


def cost_of(ticket: Ticket) -> int:
    """Return the tokens that a request takes of every account: of a worker's credits, of a tenant's turn."""
    return ticket.prompt_tokens + ticket.output_tokens or 1


class _Flow:
    """One tenant that waits."""

    __slots__ = ("deficit", "tenant", "tickets")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.deficit = 0
        # By arrival, which is by deadline as well: all of a class may wait equally long.
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()

    def missing(self) -> int:
        """Return how many tokens it must still save up for its next request."""
        return cost_of(next(iter(self.tickets))) - self.deficit


class RoundRobin:
    """Tickets by tenant, in fair order."""

    __slots__ = ("_current", "_flows", "_head")

    def __init__(self) -> None:
        # In the order of their turns. The current one is first and goes behind all others, newcomers included.
        self._flows: OrderedDict[str, _Flow] = OrderedDict()
        self._current: _Flow | None = None
        # Whose turn it is, once that was asked.
        self._head: Ticket | None = None

    def push(self, ticket: Ticket) -> None:
        """Add a ticket behind its tenant's others."""
        flow = self._flows.get(ticket.tenant)
        if flow is None:
            flow = self._flows[ticket.tenant] = _Flow(ticket.tenant)
        flow.tickets[ticket] = None

    def head(self) -> Ticket:
        """Return whose turn it is, of at least one; the same one until it is taken or removed."""
        if self._head is None:
            flow = self._current
            if flow is None or flow.missing() > 0:
                flow = self._next_turn()
            self._head = next(iter(flow.tickets))
        return self._head

    def take(self, ticket: Ticket) -> None:
        """Remove the head, which its tenant has paid for."""
        self._flows[ticket.tenant].deficit -= cost_of(ticket)
        self.remove(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Remove a ticket wherever it stands. A tenant without tickets keeps no savings."""
        if ticket is self._head:
            self._head = None
        flow = self._flows[ticket.tenant]
        del flow.tickets[ticket]
        if not flow.tickets:
            del self._flows[ticket.tenant]
            if self._current is flow:
                self._current = None

    def newest_of_longest(self, tenant: str) -> Ticket | None:
        """Return the last ticket of the tenant with most, if room for `tenant` there makes the two more equal."""
        own = self._flows.get(tenant)
        count = len(own.tickets) if own is not None else 0
        longest = max(self._flows.values(), key=lambda flow: len(flow.tickets), default=None)
        if longest is None or len(longest.tickets) < count + 2:
            return None
        return next(reversed(longest.tickets))

    def _next_turn(self) -> _Flow:
        """Begin turns until somebody can pay. Rounds in which nobody could are not walked through but added up."""
        for _ in range(len(self._flows)):
            if self._current is not None:
                self._flows.move_to_end(self._current.tenant)
            flow = self._current = next(iter(self._flows.values()))
            flow.deficit += QUANTUM_TOKENS
            if flow.missing() <= 0:
                return flow
        rounds = (min(flow.missing() for flow in self._flows.values()) - 1) // QUANTUM_TOKENS
        for flow in self._flows.values():
            flow.deficit += rounds * QUANTUM_TOKENS
        return self._next_turn()
