"""Engines, clients and a clock without real time: what a dispatcher does to them in the long run.

An engine runs so many requests at once, each for as long as its tokens take, and keeps the others waiting by class and
arrival, as vLLM does with priorities. Every admission is noted together with who was waiting at that moment.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy, Worker
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.qos.errors import Overloaded
from tidegate_gateway.qos.lanes import CLASSES
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report


@dataclass
class Load:
    """Requests of one tenant, as they come."""

    tenant: str
    qos_class: QosClass
    per_second: float
    tokens: Callable[[random.Random], int]


@dataclass(frozen=True)
class Admission:
    """One request that was sent on."""

    at: float
    ticket: Ticket
    tokens: int
    # How many of each class waited, this one not counted.
    waiting: Mapping[QosClass, int]


@dataclass
class Engine:
    """One worker's engine."""

    endpoint: Endpoint
    places: int
    tokens_per_second: float
    running: int = 0
    preemptions: int = 0
    waiting: list[tuple[int, int, Ticket]] = field(default_factory=list)


class Simulation:
    """One service with one pool, under load."""

    def __init__(
        self,
        loads: list[Load],
        *,
        seed: int = 1,
        engines: int = 1,
        places: int = 16,
        tokens_per_second: float = 50.0,
        limit: float = 32_768,
        reports: bool = True,
        classes: Mapping[QosClass, ClassPolicy] = DEFAULT_CLASSES,
        check_seconds: float = 0.5,
    ) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.numbers = count()
        self.dispatcher = Dispatcher(self, lambda callback: self.at(0.0, callback))
        self.engines = []
        for i in range(engines):
            worker = Worker(f"w{i}", "ns", "chat", f"w{i}", "10.0.0.1")
            self.engines.append(Engine(Endpoint(worker, i, limit), places, tokens_per_second))
        self.by_endpoint = {engine.endpoint: engine for engine in self.engines}
        self.dispatcher.update(classes, {"shared": [e.endpoint for e in self.engines]}, self.now)
        self.waiting: Counter[QosClass] = Counter()
        self.admissions: list[Admission] = []
        self.waits: dict[QosClass, list[float]] = {name: [] for name in CLASSES}
        self.refused: Counter[tuple[QosClass, str]] = Counter()
        self.served: Counter[QosClass] = Counter()
        self.tokens_served = 0
        self.check_seconds = check_seconds
        for load in loads:
            self.at(self.rng.expovariate(load.per_second), lambda load=load: self.arrive(load))
        self.at(check_seconds, self.check)
        if reports:
            for engine in self.engines:
                self.at(self.rng.random(), lambda engine=engine: self.report(engine))

    def at(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.numbers), what))

    def run(self, seconds: float = float("inf"), admissions: float = float("inf")) -> "Simulation":
        until = self.now + seconds
        while self.events[0][0] <= until and len(self.admissions) < admissions:
            self.now, _, what = heapq.heappop(self.events)
            what()
        return self

    # Clients

    def arrive(self, load: Load) -> None:
        self.at(self.rng.expovariate(load.per_second), lambda: self.arrive(load))
        tokens = load.tokens(self.rng)
        ticket = Ticket(
            Client(self),
            load.tenant,
            load.qos_class,
            prompt_tokens=tokens // 2,
            output_tokens=tokens - tokens // 2,
        )
        assert isinstance(ticket.waiter, Client)
        ticket.waiter.ticket = ticket
        try:
            endpoint = self.dispatcher.submit(ticket, self.now)
        except Overloaded:
            self.refused[load.qos_class, "overloaded"] += 1
            return
        if endpoint is None:
            self.waiting[load.qos_class] += 1

    # The chooser

    def choose(self, ticket: Ticket, candidates: list[Endpoint], now: float) -> Endpoint:
        return min(candidates, key=lambda endpoint: endpoint.tokens)

    def sent(self, ticket: Ticket, endpoint: Endpoint, now: float) -> None:
        if ticket.deadline:
            self.waiting[ticket.qos_class] -= 1
        self.waits[ticket.qos_class].append(now - ticket.queued_at)
        tokens = ticket.prompt_tokens + ticket.output_tokens
        self.admissions.append(Admission(now, ticket, tokens, Counter(self.waiting)))
        engine = self.by_endpoint[endpoint]
        heapq.heappush(engine.waiting, (CLASSES.index(ticket.qos_class), next(self.numbers), ticket))
        self.begin(engine)

    def first_byte(self, ticket: Ticket, now: float) -> None:
        pass

    def gone(self, ticket: Ticket, now: float) -> None:
        pass

    # Engines

    def begin(self, engine: Engine) -> None:
        while engine.waiting and engine.running < engine.places:
            engine.running += 1
            _, _, ticket = heapq.heappop(engine.waiting)
            seconds = (ticket.prompt_tokens + ticket.output_tokens) / engine.tokens_per_second
            self.at(seconds, lambda ticket=ticket: self.finish(engine, ticket))

    def finish(self, engine: Engine, ticket: Ticket) -> None:
        engine.running -= 1
        self.begin(engine)
        self.served[ticket.qos_class] += 1
        self.tokens_served += ticket.prompt_tokens + ticket.output_tokens
        self.dispatcher.end(ticket, self.now)

    def report(self, engine: Engine) -> None:
        self.at(1.0, lambda: self.report(engine))
        report = Report(self.now, engine.running, len(engine.waiting), 0.5, engine.preemptions)
        self.dispatcher.report(engine.endpoint, report, self.now)

    def check(self) -> None:
        self.at(self.check_seconds, self.check)
        self.dispatcher.check(self.now)


class Client:
    """Who waits for one ticket."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.ticket: Ticket

    def dispatched(self, endpoint: Endpoint) -> None:
        pass

    def rejected(self, reason: str) -> None:
        self.simulation.waiting[self.ticket.qos_class] -= 1
        self.simulation.refused[self.ticket.qos_class, reason] += 1

    def preempted(self) -> None:
        raise AssertionError("nothing is borrowed in a shared pool")


def shares(admissions: list[Admission], begin: float, end: float) -> dict[QosClass, float]:
    """Return each class's share of the tokens admitted in a span of time."""
    tokens: Counter[QosClass] = Counter()
    for admission in admissions:
        if begin <= admission.at < end:
            tokens[admission.ticket.qos_class] += admission.tokens
    total = sum(tokens.values())
    return {name: tokens[name] / total for name in CLASSES}
