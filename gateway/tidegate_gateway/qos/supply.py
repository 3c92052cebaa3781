"""The workers of one service as room for requests, and who holds it.

Owns pools, accounts and what is booked on them. Must not know who waits, or choose where a request goes.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final, Protocol

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy
from tidegate_gateway.qos.credits import Account, adjust, first_limit, limit_by_slots, settle
from tidegate_gateway.qos.drr import cost_of
from tidegate_gateway.qos.lanes import CLASSES, HIGH, Lane, connect
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
        self.endpoints: tuple[Endpoint, ...] = ()
        # How many requests of ours one of their engines runs at a time, where nothing more can be known of it; 0: its
        # reports tell.
        self.slots = 0
        # Whether some of them run the version in use, and others one that is tried.
        self.is_split = False
        # Tickets that are with a worker of a higher class and may be called back.
        self.borrowed = 0
        self._reserving = False
        self._high_at = -inf

    def update(
        self,
        classes: Mapping[QosClass, ClassPolicy],
        pools: Mapping[str, Sequence[Endpoint]],
        now: float,
        slots: int = 0,
    ) -> None:
        """Take the classes' policies and the endpoints that are ready now."""
        self.slots = slots
        policies = [classes.get(name, DEFAULT_CLASSES[name]) for name in CLASSES]
        before = self.pools
        # A pool whose workers are gone stays as long as requests are with them, and while a class is at home there.
        kept = [name for name, pool in before.items() if any(tally.running for tally in pool.tallies)]
        present = [name for name, endpoints in pools.items() if endpoints]
        names = dict.fromkeys([*(policy.pool for policy in policies), *present, *kept])
        self.pools = {name: before.get(name) or Pool(name, now) for name in names}
        for pool in self.pools.values():
            pool.endpoints = tuple(pools.get(pool.name, ()))
        self.endpoints = tuple(endpoint for pool in self.pools.values() for endpoint in pool.endpoints)
        tried = sum([endpoint.is_canary for endpoint in self.endpoints])
        self.is_split = 0 < tried < len(self.endpoints)
        self._open_accounts()
        for lane, policy in zip(self.lanes, policies, strict=True):
            lane.policy = policy
            lane.home = self.pools[policy.pool]
        connect(self.lanes, self.pools, self._reserving)

    def _open_accounts(self) -> None:
        before = self.accounts
        self.accounts = {e: account for e, account in before.items() if e.requests or e.is_draining}
        for pool in self.pools.values():
            siblings = [before[endpoint] for endpoint in pool.endpoints if endpoint in before]
            for endpoint in pool.endpoints:
                if endpoint not in before:
                    endpoint.limit_tokens = first_limit(endpoint, siblings)
                self.accounts[endpoint] = before.get(endpoint) or Account(endpoint)
                if self.slots:
                    endpoint.limit_tokens = limit_by_slots(endpoint, self.slots)

    def is_empty(self) -> bool:
        """Tell whether there is no worker at all."""
        return not self.endpoints

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
        if self.slots:
            endpoint.limit_tokens = limit_by_slots(endpoint, self.slots)
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
                self.borrowed += 1
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
        if self.slots:
            endpoint.limit_tokens = limit_by_slots(endpoint, self.slots)
        elif account.target:
            settle(account, tokens, now)
        if lane.rank == HIGH:
            account.high_tokens -= tokens
        self.pools[ticket.pool].tallies[lane.rank].running -= 1
        ticket.endpoint = None
        ticket.account = None
        ticket.held_tokens = 0

    def first_byte(self, ticket: Ticket, now: float) -> bool:
        """Note that an answer has begun, and tell whether that was new."""
        account = ticket.account
        if account is None or ticket.first_byte_at:
            return False
        ticket.first_byte_at = now
        self.keep(ticket)
        self.chooser.first_byte(ticket, now)
        return True

    def keep(self, ticket: Ticket) -> None:
        """Let a ticket keep to its end what it may have borrowed."""
        account = ticket.account
        if account is not None and ticket in account.borrowed:
            del account.borrowed[ticket]
            self.borrowed -= 1

    # What changes with time

    def report(self, endpoint: Endpoint, report: Report, now: float) -> bool:
        """Adjust an endpoint's credits and tell whether there are more now."""
        account = self.accounts.get(endpoint)
        pool = self.pools.get(endpoint.worker.pool)
        if account is None or pool is None or self.slots:
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
