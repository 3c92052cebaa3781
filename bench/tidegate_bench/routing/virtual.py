"""A trace played in simulated time against simulated engines, by a policy that says which one gets each request.

Owns the play and what comes of it; the same input gives the same figures. It knows no network and no HTTP: what those
cost is measured with sockets (`routing.bench`).
"""

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Final, Protocol, cast

from tidegate_api.names import PRIORITY_BY_CLASS, engine_priority
from tidegate_bench.routing.requests import body_of, optimum, sequence_of
from tidegate_bench.routing.traces import NOBODY, Ask
from tidegate_bench.sim.outcome import Outcome
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import Sequence
from tidegate_bench.sim.virtual import Clock, VirtualEngine

OK: Final = 200
REFUSED: Final = 429
Go = Callable[[int | None], None]


class Policy(Protocol):
    """Says where requests go."""

    def begin(self, clock: Clock, engines: Many[VirtualEngine]) -> None:
        """Take the engines; all are empty."""

    def submit(self, number: int, ask: Ask, body: bytes, go: Go) -> None:
        """Call `go`, now or later, with the engine that gets this request; with None if none ever does."""

    def first_token(self, number: int) -> None:
        """Note that a request's first token has come."""

    def ended(self, number: int, sequence: Sequence) -> None:
        """Note that a request has its whole answer."""


@dataclass(slots=True)
class Played:
    """What came of a trace."""

    # One for each request, in the trace's order: what could have been cached of it, and what became of it.
    optimum: list[int]
    outcomes: list[Outcome]
    # Requests by worker.
    requests: list[int]

    @property
    def cached(self) -> int:
        """Prompt tokens that were found in caches."""
        return sum(outcome.cached_tokens for outcome in self.outcomes)

    @property
    def hit_ratio(self) -> float:
        """Cached prompt tokens over what one cache without limit would have had."""
        best = sum(self.optimum)
        return self.cached / best if best else 1.0

    @property
    def unevenness(self) -> float:
        """Requests of the busiest worker over the mean."""
        return max(self.requests) * len(self.requests) / sum(self.requests)


class _Play:
    def __init__(self, asks: Many[Ask], profile: Profile, workers: int, policy: Policy) -> None:
        self.asks = asks
        self.profile = profile
        self.policy = policy
        self.clock = Clock()
        self.bodies = [body_of(ask) for ask in asks]
        outcomes = [Outcome(ask.at, status=0) for ask in asks]
        self.played = Played(optimum(asks, self.bodies, profile), outcomes, [0] * workers)
        self.engines = [VirtualEngine(profile, self.clock, self._advanced) for _ in range(workers)]
        self._followers: dict[int, list[int]] = {}
        for number, ask in enumerate(asks):
            if ask.after == NOBODY:
                self._plan(number, ask.at)
            else:
                self._followers.setdefault(ask.after, []).append(number)

    def _plan(self, number: int, at: float) -> None:
        self.played.outcomes[number].due = at
        self.clock.at(at, lambda: self._ask(number))

    def _ask(self, number: int) -> None:
        ask, body = self.asks[number], self.bodies[number]
        self.policy.submit(number, ask, body, lambda engine: self._go(number, engine))

    def _go(self, number: int, engine: int | None) -> None:
        outcome = self.played.outcomes[number]
        if engine is None:
            outcome.status = REFUSED
            outcome.ended = self.clock.now
            return
        ask = self.asks[number]
        sequence = sequence_of(self.bodies[number], ask, self.profile)
        sequence.owner = number
        sequence.priority = engine_priority(PRIORITY_BY_CLASS[ask.qos_class])
        self.played.requests[engine] += 1
        self.engines[engine].submit(sequence)

    def _advanced(self, sequence: Sequence) -> None:
        number = cast(int, sequence.owner)
        outcome = self.played.outcomes[number]
        if sequence.generated == 1:
            outcome.first_token = self.clock.now
            self.policy.first_token(number)
        if sequence.ended:
            outcome.ended = self.clock.now
            outcome.tokens = sequence.generated
            outcome.cached_tokens = sequence.cached_tokens
            outcome.status = OK
            outcome.is_right = True
            self.policy.ended(number, sequence)
            for follower in self._followers.get(number, ()):
                self._plan(follower, max(self.clock.now, self.asks[follower].at))


def play(asks: Many[Ask], profile: Profile, workers: int, policy: Policy, seconds: float = 3600.0) -> Played:
    """Play a trace to its end, or for so many seconds."""
    made = _Play(asks, profile, workers, policy)
    policy.begin(made.clock, made.engines)
    made.clock.run(until=seconds)
    return made.played
