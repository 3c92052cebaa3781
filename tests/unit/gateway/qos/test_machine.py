"""Whatever clients, engines and the cluster do: credits add up, everybody is told once, nobody waits for nothing."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, ColdStart
from tidegate_gateway.qos.errors import NoWorker, Overloaded
from tidegate_gateway.qos.lanes import CLASSES
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from unit.gateway.qos.rig import Rig, heard

NAMES = st.sampled_from(CLASSES)
TENANTS = st.sampled_from(["a", "b", "c"])
ENDS: set[str] = {"expired", "not_woken", "overloaded", "no_worker"}
COLD = ColdStart(max_queue=4, expected_seconds=40)


class Machine(RuleBasedStateMachine):
    """Keeps by itself what it can know from outside: who was told what, and the rules as the documentation has them."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(max_queue=6, shared=[500.0, 300.0])
        self.tickets: list[Ticket] = []
        self.ended: set[Ticket] = set()
        self.high_at = -inf
        # Where each was last sent, and whether its class was not at home there when it was.
        self.sent: dict[Ticket, tuple[Endpoint, bool]] = {}

    # What happens

    @rule(qos_class=NAMES, tenant=TENANTS, tokens=st.integers(1, 400))
    def submit(self, qos_class: QosClass, tenant: str, tokens: int) -> None:
        if qos_class == "high":
            self.high_at = self.rig.now
        waiting = self.count_waiting(qos_class)
        asked = len(self.rig.woken)
        try:
            self.tickets.append(self.rig.submit(qos_class, tokens, tenant))
        except NoWorker:
            assert not self.endpoints()
            policy = self.policy(qos_class)
            assert not (policy.is_wanted and policy.cold_start.holds)
            assert self.rig.woken[asked:] == [policy.pool] * policy.is_wanted
            return
        except Overloaded as full:
            holds = self.is_holding(qos_class)
            assert full.waiting == waiting >= (4 if holds else 6)
            assert 1 <= full.retry_after_seconds <= max(40, self.policy(qos_class).queue_timeout_seconds)
            return
        self.settle()

    @rule(qos_class=NAMES, tenant=TENANTS)
    def submit_one_that_leaves_when_told(self, qos_class: QosClass, tenant: str) -> None:
        if qos_class == "high":
            self.high_at = self.rig.now

        def leave(ticket: Ticket) -> None:
            self.rig.dispatcher.end(ticket, self.rig.now)
            self.ended.add(ticket)

        with suppress(NoWorker, Overloaded):
            self.tickets.append(self.rig.submit(qos_class, 50, tenant, leave))
        self.settle()

    @precondition(lambda self: self.tickets)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        for _ in range(2):
            self.rig.end(ticket)
        self.ended.add(ticket)
        self.settle()

    @precondition(lambda self: any(t.endpoint for t in self.tickets))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from([t for t in self.tickets if t.endpoint]))
        self.rig.first_byte(ticket)

    @precondition(lambda self: any(t.endpoint and not t.first_byte_at for t in self.tickets))
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from([t for t in self.tickets if t.endpoint and not t.first_byte_at]))
        assert ticket.endpoint is not None
        failed = ticket.endpoint
        ticket.excluded |= {failed.worker.uid}
        other = self.rig.dispatcher.retry(ticket, self.rig.now)
        self.rig.turn()
        assert other is ticket.endpoint is not failed
        if other is None:
            assert all(e.worker.uid in ticket.excluded for e in self.endpoints())
            self.ended.add(ticket)
        self.settle()

    @rule(seconds=st.sampled_from([0.5, 7, 40, 400]))
    def wait(self, seconds: float) -> None:
        self.rig.wait(seconds)
        self.settle()

    @precondition(lambda self: any(self.rig.endpoints.values()))
    @rule(data=st.data(), waiting=st.integers(0, 5), running=st.integers(0, 9), preemptions=st.integers(0, 3))
    def report(self, data: st.DataObject, waiting: int, running: int, preemptions: int) -> None:
        endpoint = data.draw(st.sampled_from(self.endpoints()))
        self.rig.report(endpoint, waiting=waiting, running=running, preemptions=preemptions)
        self.settle()

    @precondition(lambda self: any(self.rig.endpoints.values()))
    @rule(data=st.data())
    def eject(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.endpoints())).ejected_until = self.rig.now + 5
        self.rig.dispatcher.check(self.rig.now)
        self.settle()

    @rule(
        high=st.booleans(),
        low=st.booleans(),
        shared=st.integers(0, 2),
        own=st.integers(0, 2),
        wanted=st.booleans(),
        holds=st.booleans(),
    )
    def change(self, *, high: bool, low: bool, shared: int, own: int, wanted: bool, holds: bool) -> None:
        pools = {"high": "high" if high else "shared", "medium": "shared", "low": "low" if low else "shared"}
        cold = replace(COLD, holds=holds)
        self.rig.classes = {
            name: replace(policy, pool=pools[name], max_queue=6, is_wanted=wanted, cold_start=cold)
            for name, policy in DEFAULT_CLASSES.items()
        }
        self.rig.update(shared=[500.0] * shared, high=[200.0] * own * high, low=[200.0] * own * low)
        self.settle()

    # What must hold

    @invariant()
    def what_is_booked_is_what_was_sent(self) -> None:
        requests: Counter[Endpoint] = Counter()
        tokens: Counter[Endpoint] = Counter()
        prefill: Counter[Endpoint] = Counter()
        for ticket in self.tickets:
            if ticket.endpoint is not None:
                requests[ticket.endpoint] += 1
                tokens[ticket.endpoint] += ticket.prompt_tokens + ticket.output_tokens
                prefill[ticket.endpoint] += 0 if ticket.first_byte_at else ticket.prompt_tokens
        for endpoint in {*requests, *self.endpoints()}:
            assert endpoint.requests == requests[endpoint]
            assert endpoint.tokens == tokens[endpoint]
            assert endpoint.prefill_tokens == prefill[endpoint]

    @invariant()
    def everybody_is_in_one_state_and_told_of_it_once(self) -> None:
        for ticket in self.tickets:
            words = heard(ticket)
            assert sum(word in ENDS for word in words) <= 1
            assert words.count("preempted") == ticket.preemptions <= 1
            if ticket in self.ended or (words and words[-1] in ENDS):
                assert ticket.endpoint is None
                assert not ticket.waits
            elif ticket.waits:
                assert ticket.endpoint is None
                assert not words or words[-1] == "preempted"
                assert ticket.deadline > self.rig.now - 1
            else:
                assert ticket.endpoint is not None

    @invariant()
    def figures_count_who_waits_and_runs(self) -> None:
        for name in CLASSES:
            shown = [c for pool in self.rig.dispatcher.figures() for c in pool.classes if c.name == name]
            assert sum(figures.queued for figures in shown) == self.count_waiting(name)
            running = sum(1 for t in self.tickets if t.endpoint is not None and t.qos_class == name)
            assert sum(figures.running for figures in shown) == running

    @invariant()
    def nobody_waits_for_workers_that_nobody_would_start(self) -> None:
        for ticket in self.tickets:
            if ticket.waits and not self.endpoints():
                assert self.is_holding(ticket.qos_class)
        held = sum(self.rig.dispatcher.held().values())
        assert held == sum(ticket.waits and self.is_holding(ticket.qos_class) for ticket in self.tickets)

    @invariant()
    def nobody_waits_while_there_are_credits_for_him(self) -> None:
        endpoints = self.endpoints()
        live = [e for e in endpoints if e.ejected_until <= self.rig.now] or endpoints
        for name in CLASSES:
            if self.count_waiting(name):
                assert not [e.worker.uid for e in live if self.may_use(name, e)], name

    @invariant()
    def nobody_waits_while_others_have_borrowed_from_him(self) -> None:
        for name in CLASSES:
            if not self.count_waiting(name):
                continue
            home = self.policy(name).pool
            for endpoint in self.rig.endpoints.get(home, []):
                borrowed = sum(
                    t.held_tokens
                    for t in self.tickets
                    if self.sent.get(t) == (endpoint, True)
                    and t.endpoint is endpoint
                    and CLASSES.index(t.qos_class) > CLASSES.index(name)
                    and not t.first_byte_at
                    and not t.preemptions
                )
                if borrowed and endpoint.ejected_until <= self.rig.now:
                    assert endpoint.tokens - borrowed >= self.limit(name, endpoint)

    # What follows from the rules

    def settle(self) -> None:
        """Note who has ended by being told so, and who was sent on."""
        self.ended |= {t for t in self.tickets if ENDS & set(heard(t))}
        for ticket in self.tickets:
            if ticket.endpoint is not None and self.sent.get(ticket, (None,))[0] is not ticket.endpoint:
                is_home = self.policy(ticket.qos_class).pool == ticket.pool
                self.sent[ticket] = ticket.endpoint, not is_home

    def endpoints(self) -> list[Endpoint]:
        return [endpoint for endpoints in self.rig.endpoints.values() for endpoint in endpoints]

    def is_holding(self, name: QosClass) -> bool:
        policy = self.policy(name)
        return policy.is_wanted and policy.cold_start.holds and not self.rig.endpoints.get(policy.pool)

    def policy(self, name: QosClass) -> ClassPolicy:
        return self.rig.classes[name]

    def count_waiting(self, name: QosClass) -> int:
        return sum(ticket.waits for ticket in self.tickets if ticket.qos_class == name)

    def limit(self, name: QosClass, endpoint: Endpoint) -> float:
        pool = next(pool for pool, there in self.rig.endpoints.items() if endpoint in there)
        is_reserved = self.policy("high").pool == pool and self.rig.now - self.high_at <= 600
        return endpoint.limit_tokens * (0.9 if is_reserved and name != "high" else 1.0)

    def may_use(self, name: QosClass, endpoint: Endpoint) -> bool:
        pool = next(pool for pool, there in self.rig.endpoints.items() if endpoint in there)
        if self.policy(name).pool != pool:
            higher = CLASSES[: CLASSES.index(name)]
            if any(self.policy(other).pool == pool and self.count_waiting(other) for other in higher):
                return False
        return endpoint.tokens < self.limit(name, endpoint)


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestMachine = Machine.TestCase
# Ten seconds: part of `make test`, not of every `make check`.
TestMachine.pytestmark = [pytest.mark.slow]
