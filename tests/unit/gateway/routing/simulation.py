"""Workers with prefix caches, in simulated time, behind a real router: to see what its choices come to.

Each worker computes prompts one after the other, then gives tokens, slower the more requests it has. Its cache has
blocks of 64 bytes and forgets the least recently used. It is no vLLM; it has what routing can do well or badly.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.prefix import blocks_of
from tidegate_gateway.routing.router import Router
from unit.gateway.routing.things import end, report, send, service, ticket

CACHE_BLOCK_BYTES = 64
BYTES_PER_TOKEN = 4
TOKENS_PER_SECOND = 8000.0
STEP_SECONDS = 0.01
STEP_SECONDS_PER_REQUEST = 0.0003


def cache_blocks(prompt: bytes) -> list[int]:
    """Return what an engine would cache of a prompt."""
    chain, blocks = 0, []
    for begin in range(0, len(prompt) - CACHE_BLOCK_BYTES + 1, CACHE_BLOCK_BYTES):
        chain = hash((chain, prompt[begin : begin + CACHE_BLOCK_BYTES]))
        blocks.append(chain)
    return blocks


class SimulatedWorker:
    """One engine."""

    def __init__(self, cache_tokens: int) -> None:
        self.cache: dict[int, None] = {}
        self.most_blocks = cache_tokens * BYTES_PER_TOKEN // CACHE_BLOCK_BYTES
        self.free_at = 0.0
        self.running = 0
        self.requests = 0

    def compute(self, prompt: bytes, now: float) -> tuple[int, float]:
        """Take a prompt; return how many of its tokens were cached, and when it gives its first token."""
        blocks = cache_blocks(prompt)
        cached = 0
        for block in blocks:
            if block not in self.cache:
                break
            cached += 1
        for block in reversed(blocks):
            self.cache.pop(block, None)
            self.cache[block] = None
        while len(self.cache) > self.most_blocks:
            del self.cache[next(iter(self.cache))]
        cached_tokens = cached * CACHE_BLOCK_BYTES // BYTES_PER_TOKEN
        tokens = len(prompt) // BYTES_PER_TOKEN - cached_tokens
        self.free_at = max(self.free_at, now) + tokens / TOKENS_PER_SECOND
        self.running += 1
        self.requests += 1
        return cached_tokens, self.free_at + self.step()

    def step(self) -> float:
        """Return how long a token takes now."""
        return STEP_SECONDS + STEP_SECONDS_PER_REQUEST * self.running


@dataclass
class Outcome:
    """What came of it."""

    requests: list[int]
    # Tokens that the workers had cached, and that one cache for all, without limit, would have had.
    cached: int = 0
    could_be_cached: int = 0
    first_token_seconds: list[float] = field(default_factory=list)

    @property
    def hit_rate(self) -> float:
        """Return how much of what could be had was had."""
        return self.cached / self.could_be_cached

    @property
    def unevenness(self) -> float:
        """Return the most loaded worker's requests by the mean."""
        return max(self.requests) * len(self.requests) / sum(self.requests)


Choice = Callable[[Router, Ticket, list[Endpoint], float], Endpoint]


class Simulation:
    """Time, in events; two at the same time happen in the order in which they were planned."""

    def __init__(
        self,
        prompts: Iterable[bytes],
        *,
        workers: int = 8,
        concurrency: int | None = None,
        per_second: float = 0.0,
        cache_tokens: int = 200_000,
        output_tokens: int = 100,
        strategy: Any = "Auto",
        choose: Choice = Router.choose,
        seed: int = 1,
    ) -> None:
        self.prompts = iter(prompts)
        self.concurrency = concurrency
        self.per_second = per_second
        self.cache_tokens = cache_tokens
        self.output_tokens = output_tokens
        self.choose = choose
        self.rng = random.Random(seed)
        self.router, self.endpoints = service(workers, strategy)
        self.engines = [SimulatedWorker(cache_tokens) for _ in range(workers)]
        self.seen: set[int] = set()
        self.outcome = Outcome([])
        self._events: list[tuple[float, int, Callable[[float, Any], None], Any]] = []
        self._number = 0

    def plan(self, at: float, event: Callable[[float, Any], None], what: Any = None) -> None:
        self._number += 1
        heappush(self._events, (at, self._number, event, what))

    def run(self) -> Outcome:
        """Let all prompts be sent and answered."""
        self.plan(0.5, self.report)
        for _ in range(self.concurrency or 1):
            self.plan(1.0, self.arrive)
        while self._events:
            now, _, event, what = heappop(self._events)
            event(now, what)
        self.outcome.requests = [engine.requests for engine in self.engines]
        return self.outcome

    def arrive(self, now: float, _: Any) -> None:
        prompt = next(self.prompts, None)
        if prompt is None:
            return
        if self.concurrency is None:
            self.plan(now + self.rng.expovariate(self.per_second), self.arrive)
        tokens = len(prompt) // BYTES_PER_TOKEN
        made = ticket(tokens, blocks_of(prompt, 1), output_tokens=self.output_tokens)
        chosen = self.choose(self.router, made, self.endpoints, now)
        send(self.router, made, chosen, now)
        cached, first = self.engines[chosen.slot].compute(prompt, now)
        self.outcome.cached += cached
        self.outcome.could_be_cached += self.could_be_cached(prompt)
        self.outcome.first_token_seconds.append(first - now)
        self.plan(first, self.begin, made)

    def begin(self, now: float, made: Ticket) -> None:
        assert made.endpoint is not None
        self.router.first_byte(made, now)
        self.plan(now + self.output_tokens * self.engines[made.endpoint.slot].step(), self.finish, made)

    def finish(self, now: float, made: Ticket) -> None:
        assert made.endpoint is not None
        self.engines[made.endpoint.slot].running -= 1
        end(made)
        if self.concurrency is not None:
            self.arrive(now, None)

    def report(self, now: float, _: Any) -> None:
        for endpoint, engine in zip(self.endpoints, self.engines, strict=True):
            used = min(1.0, endpoint.tokens / self.cache_tokens)
            said = report(now, running=engine.running, kv_used=used, kv_tokens=self.cache_tokens)
            self.router.reported(endpoint, said)
        if self._events:
            self.plan(now + 1, self.report)

    def could_be_cached(self, prompt: bytes) -> int:
        """Return how many tokens of a prompt one cache for all, without limit, would have had; it has all then."""
        blocks = cache_blocks(prompt)
        known = 0
        while known < len(blocks) and blocks[known] in self.seen:
            known += 1
        self.seen.update(blocks)
        return known * CACHE_BLOCK_BYTES // BYTES_PER_TOKEN


def simulate(prompts: Iterable[bytes], **how: Any) -> Outcome:
    """Send prompts: each when another has ended, `concurrency` at a time, or so many `per_second` at random times."""
    return Simulation(prompts, **how).run()


def text(rng: random.Random, size: int) -> bytes:
    """Return a text that no other resembles."""
    return rng.randbytes(size // 2).hex().encode()


def disjoint(count: int, size: int = 2000, seed: int = 5) -> Iterator[bytes]:
    """Return prompts that share nothing."""
    rng = random.Random(seed)
    return (text(rng, size) for _ in range(count))


def shared(count: int, groups: int, prefix: int = 6000, own: int = 1200, seed: int = 5) -> Iterator[bytes]:
    """Return prompts that begin in one of some ways, some more common than others (Zipf)."""
    rng = random.Random(seed)
    prefixes = [text(rng, prefix) for _ in range(groups)]
    weights = [1 / (rank + 1) for rank in range(groups)]
    for _ in range(count):
        yield rng.choices(prefixes, weights)[0] + text(rng, own)


def hot(
    count: int, share: float = 0.8, prefix: int = 6000, own: int = 1200, seed: int = 5
) -> Iterator[bytes]:
    """Return prompts of which so many begin alike, and the others share nothing."""
    rng = random.Random(seed)
    common = text(rng, prefix)
    for _ in range(count):
        begin = common if rng.random() < share else text(rng, prefix)
        yield begin + text(rng, own)


def talks(
    count: int, users: int, *, system: int = 1500, turn: int = 500, turns: int = 8, seed: int = 5
) -> Iterator[bytes]:
    """Return the prompts of users who talk, all under one system prompt: each has all that was said before."""
    rng = random.Random(seed)
    begin = text(rng, system)
    said = [begin] * users
    for _ in range(count):
        user = rng.randrange(users)
        if len(said[user]) > system + turns * turn:
            said[user] = begin
        said[user] += text(rng, turn)
        yield said[user]
