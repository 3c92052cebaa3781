"""A trace played in simulated time against simulated engines, by a policy that says which one gets each request.

Owns the play and what comes of it; the same input gives the same figures. It knows no network and no HTTP: what those
cost is measured with sockets (`routing.bench`).
"""

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Protocol, cast

from tidegate_bench.routing.requests import body_of, optimum, sequence_of
from tidegate_bench.routing.traces import NOBODY, Ask
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import Sequence
from tidegate_bench.sim.virtual import Clock, VirtualEngine


class Policy(Protocol):
    """Says where requests go."""

    def begin(self, clock: Clock, engines: Many[VirtualEngine]) -> None:
        """Take the engines; all are empty."""

    def submit(self, number: int, body: bytes, go: Callable[[int], None]) -> None:
        """Call `go`, now or later, with the engine that gets this request."""

    def first_token(self, number: int) -> None:
        """Note that a request's first token has come."""

    def ended(self, number: int, sequence: Sequence) -> None:
        """Note that a request has its whole answer."""


@dataclass(slots=True)
class Played:
    """What came of a trace."""

    optimum: int
    cached: int = 0
    # From when each request was due.
    first_token_seconds: list[float] = field(default_factory=list)
    # Requests by worker.
    requests: list[int] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0

    @property
    def hit_ratio(self) -> float:
        """Cached prompt tokens over what one cache without limit would have had."""
        return self.cached / self.optimum if self.optimum else 1.0

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
        self.played = Played(optimum(asks, self.bodies, profile), requests=[0] * workers)
        self.engines = [VirtualEngine(profile, self.clock, self._advanced) for _ in range(workers)]
        self._due = [0.0] * len(asks)
        self._followers: dict[int, list[int]] = {}
        self._ended: set[int] = set()
        for number, ask in enumerate(asks):
            if ask.after == NOBODY:
                self._plan(number, ask.at)
            else:
                self._followers.setdefault(ask.after, []).append(number)

    def _plan(self, number: int, at: float) -> None:
        self._due[number] = at
        self.clock.at(at, lambda: self._ask(number))

    def _ask(self, number: int) -> None:
        self.policy.submit(number, self.bodies[number], lambda engine: self._go(number, engine))

    def _go(self, number: int, engine: int) -> None:
        sequence = sequence_of(self.bodies[number], self.asks[number], self.profile)
        sequence.owner = number
        self.played.requests[engine] += 1
        self.engines[engine].submit(sequence)

    def _advanced(self, sequence: Sequence) -> None:
        number = cast(int, sequence.owner)
        if sequence.generated == 1:
            self.played.first_token_seconds.append(self.clock.now - self._due[number])
            self.policy.first_token(number)
        if sequence.ended:
            self._end(number, sequence)

    def _end(self, number: int, sequence: Sequence) -> None:
        self.played.cached += sequence.cached_tokens
        self.played.tokens += sequence.generated
        self.played.seconds = self.clock.now
        self.policy.ended(number, sequence)
        for follower in self._followers.get(number, ()):
            self._plan(follower, max(self.clock.now, self.asks[follower].at))


def play(asks: Many[Ask], profile: Profile, workers: int, policy: Policy, seconds: float = 3600.0) -> Played:
    """Play a trace to its end, or for so many seconds."""
    made = _Play(asks, profile, workers, policy)
    policy.begin(made.clock, made.engines)
    made.clock.run(until=seconds)
    return made.played
