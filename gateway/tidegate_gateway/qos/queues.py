"""All that wait for one service.

Owns how a ticket comes into a queue and leaves it, and who has left without knowing it yet. Must not know credits or
call anybody.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

from tidegate_gateway.qos import holding, shares
from tidegate_gateway.qos.errors import Overloaded
from tidegate_gateway.qos.lanes import CLASSES, Lane
from tidegate_gateway.qos.ticket import Reason, Ticket

NOBODY: Final = len(CLASSES)


class Queues:
    """The queues of the three classes."""

    __slots__ = ("dropped", "highest", "lanes")

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = lanes
        # Rank of the highest class of which somebody waits.
        self.highest = NOBODY
        # Those who are to be told that they do not wait any more, and why.
        self.dropped: dict[Ticket, Reason] = {}

    def add(self, lane: Lane, ticket: Ticket, now: float) -> None:
        """Let a ticket wait; raise Overloaded if as many of its class do as may.

        Of a full queue the last request of the tenant with most is dropped for one whose tenant has fewer.
        """
        if lane.band.waiting >= holding.most_waiting(lane):
            lane.home.tallies[lane.rank].overloaded += 1
            last = lane.band.newest_of_longest(ticket.tenant)
            if last is None:
                raise Overloaded(retry_after_seconds(lane, now), lane.band.waiting)
            self._drop(lane, last, "overloaded")
        self._begin(lane, ticket, now)
        ticket.deadline = now + holding.longest_seconds(lane)
        lane.band.push(ticket)

    def put_back(self, lane: Lane, ticket: Ticket, now: float) -> None:
        """Let a ticket that has lost its worker wait again, before all others, for the time that it had left."""
        self._begin(lane, ticket, now)
        ticket.deadline = now + holding.longest_seconds(lane) - (ticket.dispatched_at - ticket.queued_at)
        lane.band.push_front(ticket)

    def take(self, lane: Lane, ticket: Ticket) -> None:
        """Let the head of a queue go because it is served."""
        ticket.waits = False
        lane.band.take(ticket)
        lane.drain.note()
        self._end(lane)

    def remove(self, lane: Lane, ticket: Ticket) -> None:
        """Let a ticket go whose client is gone, whether it waits or only does not know that it does not."""
        self.dropped.pop(ticket, None)
        if ticket.waits:
            ticket.waits = False
            lane.band.remove(ticket)
            self._end(lane)

    def drop_unheld(self) -> None:
        """Drop those for whom there is no worker, and who are not held until there is one."""
        for lane in self.lanes:
            if not lane.is_holding:
                for ticket in lane.band.tickets():
                    self._drop(lane, ticket, "no_worker")

    def expire(self, now: float) -> None:
        """Drop those that have waited too long."""
        for lane in self.lanes:
            lane.drain.mark(now)
            while (ticket := lane.band.expired(now)) is not None:
                lane.home.tallies[lane.rank].expired += 1
                self._drop(lane, ticket, "not_woken" if lane.is_holding else "expired")

    def owed(self) -> list[tuple[Lane, Ticket]]:
        """Return the classes that go before higher ones now, each with its next ticket."""
        return [
            (lane, ticket)
            for lane in self.lanes
            # Most often there is no debt; and there is none where nobody waits.
            if lane.debt > 0 and shares.is_owed(lane, ticket := lane.band.head())
        ]

    def _begin(self, lane: Lane, ticket: Ticket, now: float) -> None:
        if not lane.band.waiting:
            shares.begin_waiting(lane, now)
            lane.drain.begin(now)
        ticket.waits = True
        ticket.pool = lane.home.name
        self.highest = min(self.highest, lane.rank)

    def _end(self, lane: Lane) -> None:
        if not lane.band.waiting:
            shares.end_waiting(lane)
            self.highest = next((other.rank for other in self.lanes if other.band.waiting), NOBODY)

    def _drop(self, lane: Lane, ticket: Ticket, reason: Reason) -> None:
        self.remove(lane, ticket)
        self.dropped[ticket] = reason


def retry_after_seconds(lane: Lane, now: float) -> int:
    """Return after how long all that wait in a class now will have been served, or refused."""
    if lane.is_asleep:
        return holding.retry_after_seconds(lane, now)
    longest = lane.policy.queue_timeout_seconds
    rate = lane.drain.per_second(now)
    return max(1, ceil(min(lane.band.waiting / rate if rate else longest, longest)))
