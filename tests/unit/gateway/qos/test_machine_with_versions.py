"""As `test_machine`, while workers of two versions come and go, and adapters with them."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tidegate_api.names import QosClass
from tidegate_gateway.qos.errors import NoWorker, Overloaded
from tidegate_gateway.qos.lanes import CLASSES
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from unit.gateway.qos.rig import made
from unit.gateway.qos.test_machine import NAMES, TENANTS, Machine

ADAPTERS = st.sampled_from([None, None, None, "sql"])
TRACKS = st.sampled_from(["either", "stable", "canary"])


class Versions(Machine):
    """What of `Machine` holds of all that wait, holds here of whoever is first in line."""

    @rule(qos_class=NAMES, tenant=TENANTS, tokens=st.integers(1, 400), track=TRACKS, adapter=ADAPTERS)
    def submit_of_a_version(
        self, qos_class: QosClass, tenant: str, tokens: int, track: str, adapter: str | None
    ) -> None:
        if qos_class == "high":
            self.high_at = self.rig.now
        ticket = made(qos_class, tokens, tenant, self.rig)
        ticket.is_canary, ticket.is_stable, ticket.adapter = track == "canary", track == "stable", adapter
        self.rig.submitting = True
        try:
            self.rig.dispatcher.submit(ticket, self.rig.now)
        except (NoWorker, Overloaded):
            return
        finally:
            self.rig.submitting = False
        self.tickets.append(ticket)
        self.rig.turn()
        self.settle()

    @precondition(lambda self: any(self.rig.endpoints.values()))
    @rule(data=st.data(), is_canary=st.booleans(), has_adapter=st.booleans())
    def become(self, data: st.DataObject, *, is_canary: bool, has_adapter: bool) -> None:
        endpoint = data.draw(st.sampled_from(self.endpoints()))
        endpoint.is_canary = is_canary
        endpoint.adapters = frozenset({"sql"} if has_adapter else ())
        self.rig.update()
        self.settle()

    @precondition(lambda self: any(t.endpoint and not t.first_byte_at for t in self.tickets))
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from([t for t in self.tickets if t.endpoint and not t.first_byte_at]))
        there = self.endpoints()
        both = {e.is_canary for e in there} == {True, False}
        failed = ticket.endpoint
        assert failed is not None
        if data.draw(st.booleans()):
            assert self.rig.dispatcher.leave_canary(ticket) is (both and failed.is_canary)
        ticket.excluded |= {failed.worker.uid}
        others = [e for e in there if e.worker.uid not in ticket.excluded]
        other = self.rig.dispatcher.retry(ticket, self.rig.now)
        self.rig.turn()
        if other is None:
            self.ended.add(ticket)
            assert not self.able(ticket, others)
        else:
            assert other in self.able(ticket, others)
        self.settle()

    @invariant()
    def nobody_waits_while_there_are_credits_for_him(self) -> None:
        first = self.first()
        if first is None:
            return
        able = self.able(first, self.endpoints())
        live = [e for e in able if e.ejected_until <= self.rig.now] or able
        assert not [e.worker.uid for e in live if self.may_use(first.qos_class, e)]

    @invariant()
    def nobody_waits_while_others_have_borrowed_from_him(self) -> None:
        first = self.first()
        if first is None:
            return
        own = self.able(first, self.rig.endpoints.get(self.policy(first.qos_class).pool, []))
        for endpoint in own:
            borrowed = sum(
                t.held_tokens
                for t in self.tickets
                if self.sent.get(t) == (endpoint, True)
                and t.endpoint is endpoint
                and CLASSES.index(t.qos_class) > CLASSES.index(first.qos_class)
                and not t.first_byte_at
                and not t.preemptions
            )
            if borrowed and endpoint.ejected_until <= self.rig.now:
                assert endpoint.tokens - borrowed >= self.limit(first.qos_class, endpoint)

    def first(self) -> Ticket | None:
        """Return who is first in line, if anybody waits."""
        queues = self.rig.dispatcher._queues
        if queues.highest == len(CLASSES):
            return None
        ticket: Ticket = queues.lanes[queues.highest].band.head()
        return ticket

    def able(self, ticket: Ticket, among: list[Endpoint]) -> list[Endpoint]:
        """Return those that may serve a request, as the documentation has it."""
        there = self.endpoints()
        holders = [e for e in there if ticket.adapter in e.adapters] or there
        both = {e.is_canary for e in there} == {True, False}
        stable = [e for e in holders if not e.is_canary and e.worker.uid not in ticket.excluded]
        able = (stable or holders) if both and ticket.is_stable else holders
        return [e for e in among if e in able]


Versions.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestVersions = Versions.TestCase
TestVersions.pytestmark = [pytest.mark.slow]
