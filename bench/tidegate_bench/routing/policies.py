"""Ways to choose an engine in simulated time: our dispatcher and router as the gateway joins them, and simple rules.

Owns the joining. Decides nothing itself.
"""

import random
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many

import msgspec

from tidegate_api.names import QosClass
from tidegate_bench.routing.traces import Ask
from tidegate_bench.routing.virtual import Go
from tidegate_bench.sim.sequence import Sequence
from tidegate_bench.sim.virtual import Clock, VirtualEngine
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, Strategy, Worker
from tidegate_gateway.estimate import Estimate
from tidegate_gateway.qos.credits import START_TOKENS
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.qos.errors import Overloaded
from tidegate_gateway.qos.ticket import Reason, Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.prefix import blocks_of, seed_of
from tidegate_gateway.routing.router import Router

POLL_SECONDS = 1.0
CHECK_SECONDS = 1.0
LAST_SECONDS = 3600.0
# Nobody is refused where only the place is measured.
PATIENT: Mapping[QosClass, ClassPolicy] = {
    name: ClassPolicy(policy.pool, policy.min_share, 10**9, 10**9) for name, policy in DEFAULT_CLASSES.items()
}


class _Call(msgspec.Struct):
    # As the gateway sees a chat: the bytes of its messages.
    messages: msgspec.Raw
    max_tokens: int


_decoder = msgspec.json.Decoder(_Call)


class _Rule:
    """A choice that needs no more than who has how many requests."""

    def begin(self, clock: Clock, engines: Many[VirtualEngine]) -> None:
        self.open = [0] * len(engines)
        self._engine: dict[int, int] = {}

    def submit(self, number: int, ask: Ask, body: bytes, go: Go) -> None:
        chosen = self.choose(number)
        self.open[chosen] += 1
        self._engine[number] = chosen
        go(chosen)

    def choose(self, number: int) -> int:
        raise NotImplementedError

    def first_token(self, number: int) -> None:
        pass

    def ended(self, number: int, sequence: Sequence) -> None:
        self.open[self._engine.pop(number)] -= 1


class RoundRobin(_Rule):
    """One after the other."""

    def choose(self, number: int) -> int:
        """Return the next engine."""
        return number % len(self.open)


class LeastRequests(_Rule):
    """Whoever has the fewest requests; the first of equals."""

    def choose(self, number: int) -> int:
        """Return the engine with the fewest."""
        return self.open.index(min(self.open))


class _Waiter:
    """A request of ours, as the dispatcher sees it."""

    def __init__(self, ours: "Ours", number: int, go: Go, prompt_bytes: int) -> None:
        self._ours = ours
        self._number = number
        self._go = go
        self.prompt_bytes = prompt_bytes
        self.ticket: Ticket

    def dispatched(self, endpoint: Endpoint) -> None:
        """Send the request."""
        self._ours.dispatched(self.ticket)
        self._go(self._ours.numbers[endpoint.worker.uid])

    def rejected(self, reason: Reason) -> None:
        """Refuse the request."""
        self._ours.forget(self._number)
        self._go(None)

    def preempted(self) -> None:
        """Never happens: nobody borrows where there is one pool."""
        raise RuntimeError("a request was taken back from the only pool")


class Ours:
    """Our gateway's decisions, with engines that are asked about their load every second."""

    def __init__(
        self,
        rng: random.Random,
        strategy: Strategy = "Auto",
        classes: Mapping[QosClass, ClassPolicy] = PATIENT,
        watch: Callable[[Ticket, float], None] | None = None,
    ) -> None:
        self._router = Router(rng, strategy)
        self._dispatcher = Dispatcher(self._router)
        self._fleet = Fleet(self._router, START_TOKENS)
        self._classes = classes
        # Told of each ticket that is sent on, and when.
        self._watch = watch
        self._estimate = Estimate()
        self._waiters: dict[int, _Waiter] = {}
        self.numbers: dict[str, int] = {}

    def begin(self, clock: Clock, engines: Many[VirtualEngine]) -> None:
        """Take the engines."""
        self._clock = clock
        self._engines = engines
        workers = [Worker(f"u{i}", "ns", "m", f"p{i}", "127.0.0.1", i) for i in range(len(engines))]
        self.numbers = {worker.uid: number for number, worker in enumerate(workers)}
        self._dispatcher.update(self._classes, self._fleet.update(workers), clock.now)
        self._poll()

    def _poll(self) -> None:
        now = self._clock.now
        for uid, endpoint in self._fleet.by_uid.items():
            scheduler = self._engines[self.numbers[uid]].scheduler
            profile = scheduler.profile
            report = Report(
                now,
                len(scheduler.running),
                scheduler.waiting,
                scheduler.pool.used,
                scheduler.statistics.preemptions,
                profile.num_gpu_blocks * profile.block_size,
                started=1.0,
            )
            self._router.reported(endpoint, report)
            self._dispatcher.report(endpoint, report, now)
        self._dispatcher.check(now)
        if now < LAST_SECONDS:
            self._clock.at(now + POLL_SECONDS, self._poll)

    def submit(self, number: int, ask: Ask, body: bytes, go: Go) -> None:
        """Let the dispatcher send the request, now or when it may."""
        call = _decoder.decode(body)
        prompt = bytes(call.messages)
        waiter = self._waiters[number] = _Waiter(self, number, go, len(prompt))
        waiter.ticket = Ticket(
            waiter,
            ask.tenant,
            ask.qos_class,
            prompt_tokens=self._estimate.prompt_tokens(len(prompt)),
            output_tokens=self._estimate.output_tokens(call.max_tokens, 1),
            blocks=blocks_of(prompt, seed_of("m", None, "")) if self._router.wants_blocks else (),
        )
        try:
            endpoint = self._dispatcher.submit(waiter.ticket, self._clock.now)
        except Overloaded:
            waiter.rejected("overloaded")
            return
        if endpoint is not None:
            waiter.dispatched(endpoint)

    def dispatched(self, ticket: Ticket) -> None:
        """Tell who watches."""
        if self._watch is not None:
            self._watch(ticket, self._clock.now)

    def forget(self, number: int) -> None:
        """Forget a request that was refused."""
        del self._waiters[number]

    def first_token(self, number: int) -> None:
        """Tell the dispatcher."""
        self._dispatcher.first_byte(self._waiters[number].ticket, self._clock.now)

    def ended(self, number: int, sequence: Sequence) -> None:
        """Tell the dispatcher, and learn how long prompts and answers are."""
        waiter = self._waiters.pop(number)
        self._dispatcher.end(waiter.ticket, self._clock.now)
        self._estimate.learn(waiter.prompt_bytes, sequence.prompt.tokens, sequence.generated)
