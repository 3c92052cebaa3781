"""A dispatcher with endpoints, a clock that is turned by hand, and a record of what everybody was told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, Worker
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.qos.figures import ClassFigures
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report


class Told:
    """A waiter that remembers, and may do something when it is told."""

    def __init__(self, rig: "Rig | None") -> None:
        self.rig = rig
        self.ticket: Ticket
        self.heard: list[str] = []
        self.when_told: Callable[[Ticket], None] = lambda ticket: None

    def dispatched(self, endpoint: Endpoint) -> None:
        assert self.ticket.endpoint is endpoint
        self._hear(f"dispatched {endpoint.worker.name}")

    def rejected(self, reason: str) -> None:
        self._hear(reason)

    def preempted(self) -> None:
        self._hear("preempted")

    def _hear(self, word: str) -> None:
        assert self.rig is not None
        assert not self.rig.submitting, "nobody is told anything from within submit"
        self.heard.append(word)
        self.when_told(self.ticket)


class LeastTokens:
    """Chooses the endpoint with the fewest tokens in flight, and keeps the count that routing keeps."""

    def choose(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        assert len(candidates) > 1
        return min(candidates, key=lambda endpoint: endpoint.tokens)

    def sent(self, ticket: Ticket, endpoint: Endpoint, now: float) -> None:
        assert ticket.endpoint is endpoint
        ticket.miss_tokens = ticket.prompt_tokens
        endpoint.prefill_tokens += ticket.miss_tokens

    def first_byte(self, ticket: Ticket, now: float) -> None:
        self._computed(ticket)

    def gone(self, ticket: Ticket, now: float) -> None:
        self._computed(ticket)

    def _computed(self, ticket: Ticket) -> None:
        assert ticket.endpoint is not None
        ticket.endpoint.prefill_tokens -= ticket.miss_tokens


class Rig:
    """One service. Pools are given as the limits of their endpoints, in tokens."""

    def __init__(
        self,
        *,
        classes: Mapping[QosClass, ClassPolicy] | None = None,
        max_queue: int = 10_000,
        slots: int = 0,
        **pools: list[float],
    ) -> None:
        self.classes = {
            name: replace(policy, max_queue=max_queue)
            for name, policy in {**DEFAULT_CLASSES, **(classes or {})}.items()
        }
        self.slots = slots
        self.now = 1000.0
        self.submitting = False
        self.soon: list[Callable[[], None]] = []
        # Pools that were asked for in vain, once for each time.
        self.woken: list[str] = []
        self.dispatcher = Dispatcher(LeastTokens(), self.soon.append, self.woken.append)
        self.endpoints: dict[str, list[Endpoint]] = {}
        self.update(**pools)

    def update(self, **pools: list[float]) -> None:
        """Let each pool have endpoints with these limits; those that were there stay."""
        for name, limits in pools.items():
            there = self.endpoints.setdefault(name, [])
            del there[len(limits) :]
            for limit in limits[len(there) :]:
                uid = f"{name}-{len(there)}"
                worker = Worker(uid, "ns", "chat", uid, "10.0.0.1", pool=name)
                there.append(Endpoint(worker, len(there), limit))
        self.dispatcher.update(self.classes, self.endpoints, self.now, self.slots)

    def submit(
        self,
        qos_class: QosClass,
        tokens: int = 100,
        tenant: str = "acme",
        when_told: Callable[[Ticket], None] | None = None,
    ) -> Ticket:
        """Submit a request and return its ticket."""
        ticket = made(qos_class, tokens, tenant, self)
        assert isinstance(ticket.waiter, Told)
        if when_told is not None:
            ticket.waiter.when_told = when_told
        self.submitting = True
        try:
            endpoint = self.dispatcher.submit(ticket, self.now)
        finally:
            self.submitting = False
        assert endpoint is ticket.endpoint
        self.turn()
        return ticket

    def turn(self) -> None:
        """Let what was put off happen, as the event loop does."""
        while self.soon:
            self.soon.pop(0)()

    def end(self, ticket: Ticket) -> None:
        self.dispatcher.end(ticket, self.now)
        self.turn()

    def first_byte(self, ticket: Ticket) -> None:
        self.dispatcher.first_byte(ticket, self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass, checking once a second as the gateway does."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 1)
            self.dispatcher.check(self.now)
            self.turn()

    def report(self, endpoint: Endpoint, **fields: float) -> None:
        values = {"running": 1, "waiting": 0, "kv_used": 0.1, "preemptions": 0} | fields
        self.dispatcher.report(endpoint, Report(at=self.now, **values), self.now)  # type: ignore[arg-type]
        self.turn()

    def figures(self, pool: str, qos_class: QosClass) -> ClassFigures:
        """Return the figures of one class in one pool."""
        found = next(figures for figures in self.dispatcher.figures() if figures.name == pool)
        return next(figures for figures in found.classes if figures.name == qos_class)


def made(qos_class: QosClass, tokens: int, tenant: str = "acme", rig: Rig | None = None) -> Ticket:
    """Return a ticket that is not submitted yet; its waiter remembers what it is told."""
    waiter = Told(rig)
    waiter.ticket = Ticket(
        waiter, tenant, qos_class, prompt_tokens=tokens // 2, output_tokens=tokens - tokens // 2
    )
    return waiter.ticket


def heard(ticket: Ticket) -> list[str]:
    """Return what a ticket's waiter was told."""
    assert isinstance(ticket.waiter, Told)
    return ticket.waiter.heard


def dedicated(**shares: float) -> dict[QosClass, ClassPolicy]:
    """Return policies with a pool of its own for each class named."""
    return {
        name: replace(policy, pool=name, min_share=shares[name])
        for name, policy in DEFAULT_CLASSES.items()
        if name in shares
    }
