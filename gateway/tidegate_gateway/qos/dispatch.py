"""Who goes first: takes requests, lets them wait, and sends each on when it is its turn.

Owns the order of the classes and the life of a ticket. Must not do I/O or read a clock.

Between two calls, nobody waits whom the credits, the reserve and the classes above would let go: so a request of which
no equal or higher class waits can be sent on at once, and no queue is touched while there is room.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Final

from tidegate_api.names import QosClass
from tidegate_gateway.directory import ClassPolicy
from tidegate_gateway.qos import figures, shares
from tidegate_gateway.qos.errors import NoWorker, Overloaded
from tidegate_gateway.qos.lanes import CLASSES, HIGH, Lane
from tidegate_gateway.qos.pools import Tally
from tidegate_gateway.qos.supply import Chooser, Place, Supply
from tidegate_gateway.qos.ticket import Reason, Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report

__all__ = ["Chooser", "Dispatcher"]

# So many are sent on or refused at a time: some milliseconds of the event loop.
BATCH: Final = 64
NOBODY: Final = len(CLASSES)


class Dispatcher:
    """The queues and credits of one service.

    `call_soon` is the event loop's: it lets what one request means for others happen after `submit` has returned.
    Without it that happens at the next call of any other method.
    """

    def __init__(
        self, chooser: Chooser, call_soon: Callable[[Callable[[], None]], object] | None = None
    ) -> None:
        self._supply = Supply(chooser)
        self._lanes = dict(zip(CLASSES, self._supply.lanes, strict=True))
        self._call_soon = call_soon
        self._is_called = False
        self._now = 0.0
        # Rank of the highest class that waits.
        self._waiting = NOBODY
        self._pumping = False
        # Have left the queue and do not know yet.
        self._dropped: dict[Ticket, Reason] = {}

    def update(
        self,
        classes: Mapping[QosClass, ClassPolicy],
        pools: Mapping[str, Sequence[Endpoint]],
        now: float,
    ) -> None:
        """Take the classes' policies and the endpoints that are ready now, by pool."""
        self._now = now
        timeouts = [lane.policy.queue_timeout_seconds for lane in self._supply.lanes]
        self._supply.update(classes, pools, now)
        for pool in self._supply.pools.values():
            shares.refresh(pool)
        for lane, timeout in zip(self._supply.lanes, timeouts, strict=True):
            for ticket in lane.band.tickets():
                ticket.pool = lane.home.name
                ticket.deadline += lane.policy.queue_timeout_seconds - timeout
                if self._supply.is_empty():
                    self._drop(lane, ticket, "no_worker")
        self._pump(now)

    # The life of a ticket

    def submit(self, ticket: Ticket, now: float) -> Endpoint | None:
        """Return the endpoint whose credits the ticket now holds, or None while it waits.

        Raises NoWorker if there is none, and Overloaded if as many of its class wait as may.
        """
        self._now = now
        supply = self._supply
        lane = self._lanes[ticket.qos_class]
        ticket.queued_at = now
        if lane.rank == HIGH:
            supply.note_high(now)
        if lane.rank < self._waiting and not self._pumping:
            place = supply.find(lane, ticket, now)
            if place is None and not supply.may_recall(lane):
                place = supply.find_reserved(lane, ticket, now)
            if place is not None:
                endpoint = supply.book(ticket, lane, place, now)
                if self._waiting != NOBODY:
                    self._charge(lane, ticket, now)
                    if self._owed():
                        self._pump_soon()
                return endpoint
        if supply.is_empty():
            raise NoWorker
        self._enqueue(lane, ticket, now)
        return None

    def retry(self, ticket: Ticket, now: float) -> Endpoint | None:
        """Return another endpoint for a ticket whose worker failed; without credits if need be, since it waited once.

        The worker's uid is in `ticket.excluded`. None: there is no other, and the ticket has ended.
        """
        self._now = now
        lane = self._lanes[ticket.qos_class]
        if ticket.account is None:
            return None
        self._supply.release(ticket, lane, now)
        place = self._supply.find_other(lane, ticket, now)
        endpoint = None if place is None else self._supply.book(ticket, lane, place, now)
        self._pump(now)
        return endpoint

    def first_byte(self, ticket: Ticket, now: float) -> None:
        """Note that the prompt is computed and an answer has begun: it is not broken off for others any more."""
        self._supply.first_byte(ticket, now)

    def keep(self, ticket: Ticket) -> None:
        """Note that something was passed on of an answer whose first byte tells nothing of the prompt."""
        self._supply.keep(ticket)

    def end(self, ticket: Ticket, now: float) -> None:
        """Take a ticket out of whatever state it is in, once."""
        self._now = now
        lane = self._lanes[ticket.qos_class]
        if ticket.account is not None:
            self._supply.release(ticket, lane, now)
        elif ticket.waits:
            self._leave(lane, ticket)
        else:
            self._dropped.pop(ticket, None)
        if self._waiting != NOBODY:
            self._pump(now)

    def report(self, endpoint: Endpoint, report: Report, now: float) -> None:
        """Adjust an endpoint's credits to what its engine says."""
        self._now = now
        if self._supply.report(endpoint, report, now) and self._waiting != NOBODY:
            self._pump(now)

    def check(self, now: float) -> None:
        """Refuse what has waited too long, and let go what only time has let go."""
        self._now = now
        self._supply.check(now)
        for pool in self._supply.pools.values():
            if pool.mark(now):
                shares.refresh(pool)
        for lane in self._supply.lanes:
            lane.drain.mark(now)
            while (ticket := lane.band.expired(now)) is not None:
                self._tally(lane).expired += 1
                self._drop(lane, ticket, "expired")
        self._pump(now)

    def retry_after_seconds(self, qos_class: QosClass) -> int:
        """Return after how long all that wait in a class now will have been served, or refused."""
        lane = self._lanes[qos_class]
        longest = lane.policy.queue_timeout_seconds
        rate = lane.drain.per_second(self._now)
        return max(1, ceil(min(lane.band.waiting / rate if rate else longest, longest)))

    def figures(self) -> tuple[figures.PoolFigures, ...]:
        """Return what metrics and status show."""
        return figures.read(tuple(self._supply.pools.values()), self._supply.lanes)

    # Waiting

    def _enqueue(self, lane: Lane, ticket: Ticket, now: float) -> None:
        if lane.band.waiting >= lane.policy.max_queue:
            self._make_room(lane, ticket)
        ticket.deadline = now + lane.policy.queue_timeout_seconds
        self._wait(lane, ticket, now)
        lane.band.push(ticket)
        if self._supply.may_recall(lane):
            self._pump_soon()

    def _wait(self, lane: Lane, ticket: Ticket, now: float) -> None:
        if not lane.band.waiting:
            shares.begin_waiting(lane, now)
            lane.drain.begin(now)
        ticket.waits = True
        ticket.pool = lane.home.name
        self._waiting = min(self._waiting, lane.rank)

    def _make_room(self, lane: Lane, ticket: Ticket) -> None:
        """Put out the last request of the tenant that fills the queue, unless that is who asks."""
        self._tally(lane).overloaded += 1
        last = lane.band.newest_of_longest(ticket.tenant)
        if last is None:
            raise Overloaded(self.retry_after_seconds(lane.name), lane.band.waiting)
        self._drop(lane, last, "overloaded")
        self._pump_soon()

    def _leave(self, lane: Lane, ticket: Ticket) -> None:
        """Take a ticket out of its queue."""
        ticket.waits = False
        lane.band.remove(ticket)
        self._left(lane)

    def _left(self, lane: Lane) -> None:
        if not lane.band.waiting:
            shares.end_waiting(lane)
            self._waiting = next((other.rank for other in self._supply.lanes if other.band.waiting), NOBODY)

    def _drop(self, lane: Lane, ticket: Ticket, reason: Reason) -> None:
        self._leave(lane, ticket)
        self._dropped[ticket] = reason

    def _tally(self, lane: Lane) -> Tally:
        return lane.home.tallies[lane.rank]

    def _charge(self, lane: Lane, ticket: Ticket, now: float) -> None:
        pool = self._supply.pools[ticket.pool]
        shares.charge(lane, pool, ticket.held_tokens, now)

    # Going

    def _pump_soon(self) -> None:
        if self._call_soon is not None and not self._is_called:
            self._is_called = True
            self._call_soon(self._pump_now)

    def _pump_now(self) -> None:
        self._is_called = False
        self._pump(self._now)

    def _pump(self, now: float) -> None:
        """Tell who was dropped, and send on whoever may go.

        Those who are told may call any method meanwhile: what they change is seen by the next step, and what they
        submit waits for it.
        """
        if self._pumping:
            return
        self._pumping = True
        try:
            for _ in range(BATCH):
                if not self._step(now):
                    return
            self._pump_soon()
        finally:
            self._pumping = False

    def _step(self, now: float) -> bool:
        if self._dropped:
            ticket = next(iter(self._dropped))
            ticket.waiter.rejected(self._dropped.pop(ticket))
            return True
        if self._waiting == NOBODY:
            return False
        return self._serve_owed(now) or self._serve_highest(now)

    def _owed(self) -> list[tuple[Lane, Ticket]]:
        """Return the classes that go before higher ones now, each with its next ticket."""
        return [
            (lane, ticket)
            for lane in self._supply.lanes
            # A class without a debt is not owed; one that does not wait has none.
            if lane.debt > 0 and shares.is_owed(lane, ticket := lane.band.head())
        ]

    def _serve_owed(self, now: float) -> bool:
        for lane, ticket in self._owed():
            place = self._supply.find_owed(lane, ticket, now)
            if place is not None:
                self._send(lane, ticket, place, now)
                return True
        return False

    def _serve_highest(self, now: float) -> bool:
        supply = self._supply
        lanes = [lane for lane in supply.lanes[self._waiting :] if lane.band.waiting]
        # A lower class may use no pool, and no part of one, that a higher class could not.
        lane, ticket = lanes[0], lanes[0].band.head()
        place = supply.find(lane, ticket, now)
        if place is not None:
            self._send(lane, ticket, place, now)
            return True
        return any(self._serve_by_right(lane, now) for lane in lanes)

    def _serve_by_right(self, lane: Lane, now: float) -> bool:
        """Send on by what is kept for a class without free credits: what others borrowed of it, and the reserve."""
        ticket = lane.band.head()
        recalled = self._supply.find_recalled(lane, now)
        if recalled is not None:
            endpoint, leaving = recalled
            for other in leaving:
                self._take_back(other, now)
            self._send(lane, ticket, (lane.home, endpoint, False), now, leaving)
            return True
        place = self._supply.find_reserved(lane, ticket, now)
        if place is not None:
            self._send(lane, ticket, place, now)
        return place is not None

    def _take_back(self, ticket: Ticket, now: float) -> None:
        """Put a ticket with a borrowed worker back to the front of its own queue, with the time it had left."""
        lane = self._lanes[ticket.qos_class]
        self._supply.pools[ticket.pool].tallies[lane.rank].preempted += 1
        self._supply.release(ticket, lane, now)
        ticket.preemptions += 1
        ticket.deadline = now + lane.policy.queue_timeout_seconds - (ticket.dispatched_at - ticket.queued_at)
        self._wait(lane, ticket, now)
        lane.band.push_front(ticket)

    def _send(
        self, lane: Lane, ticket: Ticket, place: Place, now: float, leaving: Sequence[Ticket] = ()
    ) -> None:
        lane.band.take(ticket)
        lane.drain.note()
        ticket.waits = False
        self._left(lane)
        endpoint = self._supply.book(ticket, lane, place, now)
        if self._waiting != NOBODY:
            self._charge(lane, ticket, now)
        for other in leaving:
            if other.waits:
                other.waiter.preempted()
        if ticket.endpoint is endpoint:
            ticket.waiter.dispatched(endpoint)
