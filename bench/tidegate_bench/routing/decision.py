"""How long it takes to decide where a request goes: its prompt hashed, the workers weighed, the credits booked.

Owns the micro-benchmark. No sockets: what is timed is what the gateway's loop is kept from by one decision.
"""

import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from tidegate_bench.routing.policies import PATIENT
from tidegate_bench.routing.traces import words
from tidegate_bench.statistics import quantile
from tidegate_gateway.directory import Worker
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.qos.ticket import Reason, Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.prefix import blocks_of, seed_of
from tidegate_gateway.routing.router import Router

WORKERS: Final = 64
PROMPT_TOKENS: Final = 8192
ANSWER_TOKENS: Final = 128
# Documents of 6,000 tokens that questions are about; each question is new.
DOCUMENTS: Final = 96
DOCUMENT_TOKENS: Final = 6000
# Requests in flight all the time: four for each worker.
OPEN: Final = 4 * WORKERS
# Enough that no decision waits for credits: routing is what is timed.
LIMIT_TOKENS: Final = 10_000_000


class _Nobody:
    def dispatched(self, endpoint: Endpoint) -> None:
        raise RuntimeError("nothing waits in this benchmark")

    def rejected(self, reason: Reason) -> None:
        raise RuntimeError(reason)

    def preempted(self) -> None:
        raise RuntimeError("there is one pool")


@dataclass(frozen=True, slots=True)
class Decisions:
    """One round: microseconds of each decision."""

    microseconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return quantile(self.microseconds, 0.5)

    @property
    def p99(self) -> float:
        """What 99 of 100 do not exceed."""
        return quantile(self.microseconds, 0.99)


class Desk:
    """A dispatcher with 64 workers that decides one request after the other."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a load, not a secret
        router = Router(random.Random(seed))  # noqa: S311
        self._dispatcher = Dispatcher(router)
        workers = [Worker(f"u{i}", "ns", "m", f"p{i}", "127.0.0.1", i) for i in range(WORKERS)]
        self._dispatcher.update(PATIENT, Fleet(router, LIMIT_TOKENS).update(workers), 0.0)
        self._documents = [words(self._rng, DOCUMENT_TOKENS) for _ in range(DOCUMENTS)]
        self._open: deque[Ticket] = deque()
        self._now = 0.0

    def round(self, count: int) -> Decisions:
        """Decide so many requests; each answer ends when so many others have come."""
        prompts = [self._prompt() for _ in range(count)]
        return Decisions(tuple(self._decide(prompt) * 1e6 for prompt in prompts))

    def _prompt(self) -> bytes:
        document = self._rng.choice(self._documents)
        question = words(self._rng, PROMPT_TOKENS - DOCUMENT_TOKENS)
        return (
            f'[{{"role":"system","content":"{document}"}},{{"role":"user","content":"{question}"}}]'.encode()
        )

    def _decide(self, prompt: bytes) -> float:
        """Return the seconds of CPU of one decision: what others take of the machine meanwhile is not its own."""
        self._now += 0.001
        began = time.thread_time()
        blocks = blocks_of(prompt, seed_of("m", None, ""))
        ticket = Ticket(
            _Nobody(),
            "tenant",
            "high",
            prompt_tokens=PROMPT_TOKENS,
            output_tokens=ANSWER_TOKENS,
            blocks=blocks,
        )
        chosen = self._dispatcher.submit(ticket, self._now)
        took = time.thread_time() - began
        if chosen is None:
            raise RuntimeError("a request waited: there were not enough credits")
        self._settle(ticket)
        return took

    def _settle(self, ticket: Ticket) -> None:
        self._dispatcher.first_byte(ticket, self._now + 0.01)
        self._open.append(ticket)
        if len(self._open) > OPEN:
            self._dispatcher.end(self._open.popleft(), self._now)
