"""The requests of one class that wait at one pool, and which of them is next.

Owns their order and their deadlines. Must not know credits or other classes.
"""

from collections import OrderedDict

from tidegate_gateway.qos.drr import RoundRobin
from tidegate_gateway.qos.ticket import Ticket


class Band:
    """First those that had a worker and lost it, then turn by turn the tenants' oldest."""

    __slots__ = ("_arrivals", "_returned", "_turns", "waiting")

    def __init__(self) -> None:
        # How many they are.
        self.waiting = 0
        self._turns = RoundRobin()
        # All that wait for a turn, oldest first: whose deadline is next.
        self._arrivals: OrderedDict[Ticket, None] = OrderedDict()
        self._returned: OrderedDict[Ticket, None] = OrderedDict()

    def push(self, ticket: Ticket) -> None:
        """Add a ticket."""
        self.waiting += 1
        self._arrivals[ticket] = None
        self._turns.push(ticket)

    def push_front(self, ticket: Ticket) -> None:
        """Add a ticket that was admitted before: it has paid for its turn."""
        self.waiting += 1
        self._returned[ticket] = None

    def head(self) -> Ticket:
        """Return the ticket that is next, of at least one; the same one until it is taken or removed."""
        if self._returned:
            return next(iter(self._returned))
        return self._turns.head()

    def take(self, ticket: Ticket) -> None:
        """Remove the head because it is served."""
        self.waiting -= 1
        if ticket in self._returned:
            del self._returned[ticket]
        else:
            del self._arrivals[ticket]
            self._turns.take(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Remove a ticket that is not served."""
        self.waiting -= 1
        if ticket in self._returned:
            del self._returned[ticket]
        else:
            del self._arrivals[ticket]
            self._turns.remove(ticket)

    def expired(self, now: float) -> Ticket | None:
        """Return a ticket that has waited too long."""
        for tickets in (self._returned, self._arrivals):
            if tickets:
                oldest = next(iter(tickets))
                if oldest.deadline <= now:
                    return oldest
        return None

    def newest_of_longest(self, tenant: str) -> Ticket | None:
        """Return the ticket that should make room for one of `tenant`, if any should."""
        return self._turns.newest_of_longest(tenant)

    def tickets(self) -> list[Ticket]:
        """Return all that wait."""
        return [*self._returned, *self._arrivals]
