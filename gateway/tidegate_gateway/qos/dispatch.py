"""Who goes first: takes requests, lets them wait, and sends each on when it is its turn.

Owns the order of the classes and the life of a ticket. Must not do I/O or read a clock.

Between two calls, nobody waits whom the credits, the reserve and the classes above would let go: so a request of which
no equal or higher class waits can be sent on at once, and no queue is touched while there is room.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tidegate_api.names import QosClass
from tidegate_gateway.directory import ClassPolicy
from tidegate_gateway.qos import figures, holding, places, queues, shares
from tidegate_gateway.qos.errors import NoWorker
from tidegate_gateway.qos.lanes import CLASSES, HIGH, Lane
from tidegate_gateway.qos.queues import NOBODY, Queues
from tidegate_gateway.qos.supply import Chooser, Place, Supply
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report

__all__ = ["Chooser", "Dispatcher"]

# So many are sent on or refused at a time: some milliseconds of the event loop.
BATCH: Final = 64


class Dispatcher:
    """The queues and credits of one service.

    `call_soon` is the event loop's: it lets what one request means for others happen after `submit` has returned.
    Without it that happens at the next call of any other method. `wake` is told the name of a pool without workers
    that a request asks for, each time.
    """

    def __init__(
        self,
        chooser: Chooser,
        call_soon: Callable[[Callable[[], None]], object] | None = None,
        wake: Callable[[str], None] | None = None,
    ) -> None:
        self._supply = Supply(chooser)
        self._queues = Queues(self._supply.lanes)
        self._lanes = dict(zip(CLASSES, self._supply.lanes, strict=True))
        # Those whose only worker has failed and is not known to be gone yet, and until when that is waited for.
        self._bereft: dict[Ticket, float] = {}
        self._call_soon = call_soon
        self._wake = wake
        self._is_called = False
        self._now = 0.0
        self._pumping = False

    def update(
        self,
        classes: Mapping[QosClass, ClassPolicy],
        pools: Mapping[str, Sequence[Endpoint]],
        now: float,
        slots: int = 0,
    ) -> None:
        """Take the classes' policies and the endpoints that are ready now, by pool; see `Supply.slots`."""
        self._now = now
        lanes = self._supply.lanes
        before = [(lane.is_holding, holding.longest_seconds(lane)) for lane in lanes]
        self._supply.update(classes, pools, now, slots)
        for pool in self._supply.pools.values():
            shares.refresh(pool)
        self._queue_bereft(now)
        for lane, (was_holding, seconds) in zip(lanes, before, strict=True):
            holding.renew(lane, was_holding, seconds, now)
            if lane.is_asleep and lane.band.waiting:
                self._ask(lane)
        if self._supply.is_empty():
            self._queues.drop_unheld()
        self._queues.expire(now)
        self._pump(now)

    # The life of a ticket

    def submit(self, ticket: Ticket, now: float) -> Endpoint | None:
        """Return the endpoint whose credits the ticket now holds, or None while it waits.

        Raises NoWorker if there is none and it is not to be held until there is one, and Overloaded if as many of its
        class wait as may.
        """
        self._now = now
        supply = self._supply
        lane = self._lanes[ticket.qos_class]
        ticket.queued_at = now
        tally = lane.home.tallies[lane.rank]
        tally.arrived += 1
        tally.arrived_prompt_tokens += ticket.prompt_tokens
        if lane.rank == HIGH:
            supply.note_high(now)
        if lane.rank < self._queues.highest and not self._pumping:
            place = places.find(supply, lane, ticket, now)
            if place is None and not places.may_recall(supply, lane):
                place = places.find_reserved(supply, lane, ticket, now)
            if place is not None:
                endpoint = supply.book(ticket, lane, place, now)
                if self._queues.highest != NOBODY:
                    self._charge(lane, ticket, now)
                    if self._queues.owed():
                        self._pump_soon()
                return endpoint
        if lane.is_asleep:
            self._ask(lane)
        if supply.is_empty() and not lane.is_holding:
            raise NoWorker
        self._queues.add(lane, ticket, now)
        if self._queues.dropped or places.may_recall(supply, lane):
            self._pump_soon()
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
        place = places.find_other(self._supply, lane, ticket, now)
        endpoint = None if place is None else self._supply.book(ticket, lane, place, now)
        self._pump(now)
        return endpoint

    def leave_canary(self, ticket: Ticket) -> bool:
        """Let a ticket that the tried version failed on be the version in use's; tell whether that can be done."""
        account = ticket.account
        if account is None or not (account.endpoint.is_canary and self._supply.is_split):
            return False
        ticket.is_canary, ticket.is_stable = False, True
        return True

    def wait_for_another(self, ticket: Ticket, now: float) -> bool:
        """Let a ticket whose worker failed wait for another one, before all others; tell whether it may.

        It may if there is none and requests are held. While the one that failed seems to be there still, the ticket
        waits in no queue, and not for long.
        """
        self._now = now
        lane = self._lanes[ticket.qos_class]
        if not holding.may_hold(lane) or places.find_other(self._supply, lane, ticket, now) is not None:
            return False
        self._supply.release(ticket, lane, now)
        self._bereft[ticket] = now + holding.LOSS_SECONDS
        self._queue_bereft(now)
        self._pump(now)
        return True

    def first_byte(self, ticket: Ticket, now: float) -> None:
        """Note that the prompt is computed and an answer has begun: it is not broken off for others any more."""
        if self._supply.first_byte(ticket, now):
            lane = self._lanes[ticket.qos_class]
            tally = lane.home.tallies[lane.rank]
            tally.first_tokens += 1
            if now - ticket.queued_at > lane.policy.ttft_seconds:
                tally.late_first_tokens += 1

    def keep(self, ticket: Ticket) -> None:
        """Note that something was passed on of an answer whose first byte tells nothing of the prompt."""
        self._supply.keep(ticket)

    def end(self, ticket: Ticket, now: float, output_tokens: int = 0) -> None:
        """Take a ticket out of whatever state it is in, once; so many tokens of its answer have come."""
        self._now = now
        lane = self._lanes[ticket.qos_class]
        if ticket.account is not None:
            tally = lane.home.tallies[lane.rank]
            tally.finished += 1
            tally.finished_output_tokens += output_tokens
            self._supply.release(ticket, lane, now)
        else:
            self._bereft.pop(ticket, None)
            self._queues.remove(lane, ticket)
        if self._queues.highest != NOBODY:
            self._pump(now)

    def report(self, endpoint: Endpoint, report: Report, now: float) -> None:
        """Adjust an endpoint's credits to what its engine says."""
        self._now = now
        if self._supply.report(endpoint, report, now):
            self._pump(now)

    def check(self, now: float) -> None:
        """Refuse what has waited too long, and let go what only time has let go."""
        self._now = now
        self._supply.check(now)
        for pool in self._supply.pools.values():
            if pool.mark(now):
                shares.refresh(pool)
        self._queues.expire(now)
        for ticket in [one for one, until in self._bereft.items() if until <= now]:
            del self._bereft[ticket]
            self._queues.dropped[ticket] = "lost"
        self._pump(now)

    def retry_after_seconds(self, qos_class: QosClass) -> int:
        """Return after how long all that wait in a class now will have been served, or refused."""
        return queues.retry_after_seconds(self._lanes[qos_class], self._now)

    def is_asleep(self, qos_class: QosClass) -> bool:
        """Tell whether the pool that a class waits for has no worker, and will be given one."""
        return self._lanes[qos_class].is_asleep

    def is_held(self, ticket: Ticket) -> bool:
        """Tell whether a ticket waits for the first worker of its pool."""
        return ticket.waits and self._lanes[ticket.qos_class].is_holding

    def held(self) -> dict[str, int]:
        """Return how many requests wait for the first worker of which pool."""
        found: dict[str, int] = {}
        for lane in self._supply.lanes:
            if lane.is_holding and lane.band.waiting:
                found[lane.wakes] = found.get(lane.wakes, 0) + lane.band.waiting
        return found

    def figures(self) -> tuple[figures.PoolFigures, ...]:
        """Return what metrics and status show."""
        return figures.read(tuple(self._supply.pools.values()), self._supply.lanes)

    def _queue_bereft(self, now: float) -> None:
        """Let those wait for their turn whose worker is gone by now, or is not the only one any more."""
        if not self._bereft:
            return
        there = {endpoint.worker.uid for endpoint in self._supply.endpoints}
        for ticket in [one for one in self._bereft if there - one.excluded or not there & one.excluded]:
            del self._bereft[ticket]
            lane = self._lanes[ticket.qos_class]
            self._queues.put_back(lane, ticket, now)
            if lane.is_asleep:
                self._ask(lane)

    def _ask(self, lane: Lane) -> None:
        pool = holding.ask(lane, self._now)
        if self._wake is not None:
            self._wake(pool)

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
        dropped = self._queues.dropped
        if dropped:
            ticket = next(iter(dropped))
            ticket.waiter.rejected(dropped.pop(ticket))
            return True
        if self._queues.highest == NOBODY:
            return False
        return self._serve_owed(now) or self._serve_highest(now)

    def _serve_owed(self, now: float) -> bool:
        for lane, ticket in self._queues.owed():
            place = places.find_owed(self._supply, lane, ticket, now)
            if place is not None:
                self._send(lane, ticket, place, now)
                return True
        return False

    def _serve_highest(self, now: float) -> bool:
        lanes = [lane for lane in self._supply.lanes[self._queues.highest :] if lane.band.waiting]
        # A lower class may use no pool, and no part of one, that a higher class could not.
        lane, ticket = lanes[0], lanes[0].band.head()
        place = places.find(self._supply, lane, ticket, now)
        if place is not None:
            self._send(lane, ticket, place, now)
            return True
        return any(self._serve_by_right(lane, now) for lane in lanes)

    def _serve_by_right(self, lane: Lane, now: float) -> bool:
        """Send on by what is kept for a class without free credits: what others borrowed of it, and the reserve."""
        ticket = lane.band.head()
        recalled = places.find_recalled(self._supply, lane, ticket, now)
        if recalled is not None:
            endpoint, leaving = recalled
            for other in leaving:
                self._take_back(other, now)
            self._send(lane, ticket, (lane.home, endpoint, False), now, leaving)
            return True
        place = places.find_reserved(self._supply, lane, ticket, now)
        if place is not None:
            self._send(lane, ticket, place, now)
        return place is not None

    def _take_back(self, ticket: Ticket, now: float) -> None:
        lane = self._lanes[ticket.qos_class]
        self._supply.pools[ticket.pool].tallies[lane.rank].preempted += 1
        self._supply.release(ticket, lane, now)
        ticket.preemptions += 1
        self._queues.put_back(lane, ticket, now)

    def _send(
        self, lane: Lane, ticket: Ticket, place: Place, now: float, leaving: Sequence[Ticket] = ()
    ) -> None:
        self._queues.take(lane, ticket)
        endpoint = self._supply.book(ticket, lane, place, now)
        if self._queues.highest != NOBODY:
            self._charge(lane, ticket, now)
        for other in leaving:
            if other.waits:
                other.waiter.preempted()
        if ticket.endpoint is endpoint:
            ticket.waiter.dispatched(endpoint)

    def _charge(self, lane: Lane, ticket: Ticket, now: float) -> None:
        shares.charge(lane, self._supply.pools[ticket.pool], ticket.held_tokens, now)
