"""The workers of one service as room for requests: where there are credits for a class, and who holds them.

Owns pools, accounts and what is booked on them. Must not know queues beyond whether somebody waits in one.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final, Protocol

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy
from tidegate_gateway.qos import recall
from tidegate_gateway.qos.credits import Account, adjust, first_limit, settle
from tidegate_gateway.qos.drr import cost_of
from tidegate_gateway.qos.lanes import CLASSES, HIGH, RESERVE, Lane, connect
from tidegate_gateway.qos.pools import Pool
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report

# For so long after its last request class high is thought to be in use. Reserving for a class that nobody calls
# would leave a tenth of every worker idle; and its first request after a pause is admitted over the limit.
HIGH_IN_USE_SECONDS: Final = 600.0

# A pool, an endpoint of it with credits, and whether they are borrowed from a higher class.
Place = tuple[Pool, Endpoint, bool]


class Chooser(Protocol):
    """Which of several endpoints is best for a request (`routing`)."""

    def choose(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        """Return one of the candidates, of which there are at least two."""

    def sent(self, ticket: Ticket, endpoint: Endpoint, now: float) -> None:
        """Count the request in."""

    def first_byte(self, ticket: Ticket, now: float) -> None:
        """Note that its prompt is computed."""

    def gone(self, ticket: Ticket, now: float) -> None:
        """Undo `sent`: it ended, or is sent elsewhere, before its first byte."""


class Supply:
    """Pools, their endpoints and what is booked on them."""

    def __init__(self, chooser: Chooser) -> None:
        self.chooser = chooser
        self.pools: dict[str, Pool] = {}
        self.accounts: dict[Endpoint, Account] = {}
        self.lanes = tuple(Lane(rank, Pool("", 0.0)) for rank in range(len(CLASSES)))
        self._endpoints: tuple[Endpoint, ...] = ()
        # Tickets that are with a worker of a higher class and may be called back.
        self._borrowed = 0
        self._reserving = False
        self._high_at = -inf

    def update(
        self,
        classes: Mapping[QosClass, ClassPolicy],
        pools: Mapping[str, Sequence[Endpoint]],
        now: float,
    ) -> None:
        """Take the classes' policies and the endpoints that are ready now."""
        policies = [classes.get(name, DEFAULT_CLASSES[name]) for name in CLASSES]
        before = self.pools
        # A pool whose workers are gone stays as long as requests are with them, and while a class is at home there.
        kept = [name for name, pool in before.items() if any(tally.running for tally in pool.tallies)]
        present = [name for name, endpoints in pools.items() if endpoints]
        names = dict.fromkeys([*(policy.pool for policy in policies), *present, *kept])
        self.pools = {name: before.get(name) or Pool(name, now) for name in names}
        for pool in self.pools.values():
            pool.endpoints = tuple(pools.get(pool.name, ()))
        self._endpoints = tuple(endpoint for pool in self.pools.values() for endpoint in pool.endpoints)
        self._open_accounts()
        for lane, policy in zip(self.lanes, policies, strict=True):
            lane.policy = policy
            lane.home = self.pools[policy.pool]
        connect(self.lanes, self.pools, self._reserving)

    def _open_accounts(self) -> None:
        before = self.accounts
        self.accounts = {e: account for e, account in before.items() if e.requests}
        for pool in self.pools.values():
            siblings = [before[endpoint] for endpoint in pool.endpoints if endpoint in before]
            for endpoint in pool.endpoints:
                if endpoint not in before:
                    endpoint.limit_tokens = first_limit(endpoint, siblings)
                self.accounts[endpoint] = before.get(endpoint) or Account(endpoint)

    def is_empty(self) -> bool:
        """Tell whether there is no worker at all."""
        return not self._endpoints

    # Looking for credits

    def find(self, lane: Lane, ticket: Ticket, now: float) -> Place | None:
        """Return where the class may send its next ticket, or None while it must wait.

        No higher class waits when this is asked: so nothing is borrowed from one that does.
        """
        horizon = now
        while True:
            for pool, fraction, is_borrowed in lane.routes:
                endpoint = self._choose(pool, fraction, ticket, horizon, now)
                if endpoint is not None:
                    return pool, endpoint, is_borrowed
            if horizon == inf or not self._are_all_ejected(now):
                return None
            horizon = inf

    def find_owed(self, lane: Lane, ticket: Ticket, now: float) -> Place | None:
        """Return where the class gets its minimum share: in its own pool, the reserve included."""
        horizon = inf if self._are_all_ejected(now) else now
        endpoint = self._choose(lane.home, 1.0, ticket, horizon, now)
        return None if endpoint is None else (lane.home, endpoint, False)

    def find_reserved(self, lane: Lane, ticket: Ticket, now: float) -> Place | None:
        """Return where class high may go over an endpoint's limit: where it holds less than what is kept for it.

        So it always finds its slot, even where one large request of another class went into the reserve.
        """
        if lane.rank != HIGH:
            return None
        horizon = inf if self._are_all_ejected(now) else now
        accounts = self.accounts
        candidates = [
            e
            for e in lane.home.endpoints
            if accounts[e].high_tokens < RESERVE * e.limit_tokens and e.ejected_until <= horizon
        ]
        endpoint = self._best(candidates, ticket, now)
        return None if endpoint is None else (lane.home, endpoint, False)

    def find_other(self, lane: Lane, ticket: Ticket, now: float) -> Place | None:
        """Return where to try again what failed elsewhere: with credits or, if there are none, without."""
        routes = lane.routes
        tried = ticket.excluded
        for horizon in (now, inf):
            places = [
                (
                    route,
                    [
                        e
                        for e in route.pool.endpoints
                        if e.ejected_until <= horizon and e.worker.uid not in tried
                    ],
                )
                for route in routes
            ]
            for route, untried in places:
                endpoint = self._best(
                    [e for e in untried if e.tokens < route.fraction * e.limit_tokens], ticket, now
                )
                if endpoint is not None:
                    return route.pool, endpoint, route.is_borrowed
            for route, untried in places:
                endpoint = self._best(untried, ticket, now)
                if endpoint is not None:
                    return route.pool, endpoint, route.is_borrowed
        return None

    def find_recalled(self, lane: Lane, now: float) -> tuple[Endpoint, list[Ticket]] | None:
        """Return which endpoint of its own pool has credits for the class once which borrowers have left it."""
        if not self.may_recall(lane):
            return None
        fraction = lane.routes[0].fraction
        horizon = inf if self._are_all_ejected(now) else now
        return recall.choose(lane, fraction, self.accounts, horizon)

    def may_recall(self, lane: Lane) -> bool:
        """Tell whether lower classes have borrowed from the class's own pool and not got a byte yet."""
        return self._borrowed > 0 and any(
            CLASSES.index(ticket.qos_class) > lane.rank
            for endpoint in lane.home.endpoints
            for ticket in self.accounts[endpoint].borrowed
        )

    def _choose(
        self, pool: Pool, fraction: float, ticket: Ticket, horizon: float, now: float
    ) -> Endpoint | None:
        candidates = [
            e for e in pool.endpoints if e.tokens < e.limit_tokens * fraction and e.ejected_until <= horizon
        ]
        if not candidates:
            pool.starved_at = now
            return None
        if ticket.excluded:
            # It must not wait for ever where all are excluded.
            candidates = [e for e in candidates if e.worker.uid not in ticket.excluded] or candidates
        return self._best(candidates, ticket, now)

    def _best(self, candidates: Sequence[Endpoint], ticket: Ticket, now: float) -> Endpoint | None:
        if len(candidates) > 1:
            return self.chooser.choose(ticket, candidates, now)
        return candidates[0] if candidates else None

    def _are_all_ejected(self, now: float) -> bool:
        for endpoint in self._endpoints:  # noqa: SIM110 - most often the first one tells; a generator costs more.
            if endpoint.ejected_until <= now:
                return False
        return True

    # Booking

    def book(self, ticket: Ticket, lane: Lane, place: Place, now: float) -> Endpoint:
        """Give a ticket its credits."""
        pool, endpoint, is_borrowed = place
        tokens = cost_of(ticket)
        account = self.accounts[endpoint]
        ticket.endpoint = endpoint
        ticket.account = account
        ticket.held_tokens = tokens
        ticket.pool = pool.name
        ticket.dispatched_at = now
        ticket.first_byte_at = 0.0
        endpoint.requests += 1
        endpoint.tokens += tokens
        tally = pool.tallies[lane.rank]
        tally.running += 1
        tally.requests += 1
        tally.tokens += tokens
        if lane.rank == HIGH:
            account.high_tokens += tokens
        if pool is not lane.home:
            tally.spilled += 1
            if is_borrowed and not ticket.preemptions:
                account.borrowed[ticket] = None
                self._borrowed += 1
        self.chooser.sent(ticket, endpoint, now)
        return endpoint

    def release(self, ticket: Ticket, lane: Lane, now: float) -> None:
        """Take a ticket's credits back."""
        account = ticket.account
        if account is None:
            return
        if not ticket.first_byte_at:
            self.keep(ticket)
            self.chooser.gone(ticket, now)
        tokens = ticket.held_tokens
        endpoint = account.endpoint
        endpoint.requests -= 1
        endpoint.tokens -= tokens
        if account.target:
            settle(account, tokens, now)
        if lane.rank == HIGH:
            account.high_tokens -= tokens
        self.pools[ticket.pool].tallies[lane.rank].running -= 1
        ticket.endpoint = None
        ticket.account = None
        ticket.held_tokens = 0

    def first_byte(self, ticket: Ticket, now: float) -> None:
        """Note that an answer has begun."""
        account = ticket.account
        if account is None or ticket.first_byte_at:
            return
        ticket.first_byte_at = now
        self.keep(ticket)
        self.chooser.first_byte(ticket, now)

    def keep(self, ticket: Ticket) -> None:
        """Let a ticket keep to its end what it may have borrowed."""
        account = ticket.account
        if account is not None and ticket in account.borrowed:
            del account.borrowed[ticket]
            self._borrowed -= 1

    # What changes with time

    def report(self, endpoint: Endpoint, report: Report, now: float) -> bool:
        """Adjust an endpoint's credits and tell whether there are more now."""
        account = self.accounts.get(endpoint)
        pool = self.pools.get(endpoint.worker.pool)
        if account is None or pool is None:
            return False
        return adjust(account, report, pool.starved_at, now)

    def note_high(self, now: float) -> None:
        """Note that class high is in use."""
        self._high_at = now
        if not self._reserving:
            self._reserving = True
            connect(self.lanes, self.pools, True)

    def check(self, now: float) -> None:
        """Stop reserving for class high once it is not in use any more."""
        if self._reserving and now - self._high_at > HIGH_IN_USE_SECONDS:
            self._reserving = False
            connect(self.lanes, self.pools, False)
