"""A small mixed workload, sent the same way to a real engine and to a simulated one.

Owns the workload and the times of each token. Prompts are token ids: so both have exactly as many tokens.
"""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from tidegate_bench.answers import LAST_EVENT, Reader
from tidegate_bench.sim.fit import Seen

# Ids that every model of interest has, and that are no special tokens.
FIRST_ID: Final = 300
LAST_ID: Final = 900
PROMPT_TOKENS: Final = (16, 400)
ANSWER_TOKENS: Final = (8, 32)
TIMEOUT_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Question:
    """One request."""

    prompt: tuple[int, ...]
    answer_tokens: int

    def request(self, model: str) -> bytes:
        """Return the bytes to send."""
        body = json.dumps(
            {
                "model": model,
                "prompt": self.prompt,
                "max_tokens": self.answer_tokens,
                "ignore_eos": True,
                "temperature": 0,
                "stream": True,
            }
        ).encode()
        head = (
            "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def questions(count: int, seed: str) -> list[Question]:
    """Return requests of mixed sizes that have no beginning in common."""
    rng = random.Random(seed)  # noqa: S311 - a load, not a secret
    return [
        Question(
            tuple(rng.randint(FIRST_ID, LAST_ID) for _ in range(rng.randint(*PROMPT_TOKENS))),
            rng.randint(*ANSWER_TOKENS),
        )
        for _ in range(count)
    ]


class _Client(asyncio.Protocol):
    """One connection that asks one question after the other."""

    def __init__(self, left: list[Question], model: str, seen: list[Seen]) -> None:
        self._left = left
        self._model = model
        self._seen = seen
        self._reader = Reader()
        self._times: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        if not self._left:
            self._transport.close()
            return
        self._question = self._left.pop(0)
        self._times = []
        self._sent = time.monotonic()
        self._transport.write(self._question.request(self._model))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._times += [now] * data.count(b'"text":')
        answer = self._reader.feed(data)
        if answer is None:
            return
        if LAST_EVENT not in answer:
            self.done.set_exception(RuntimeError(f"not an answer: {answer[:300]!r}"))
            return
        self._seen.append(Seen(len(self._question.prompt), self._sent, tuple(self._times)))
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def ask_all(port: int, model: str, asked: Sequence[Question], clients: int) -> list[Seen]:
    """Ask everything, by so many clients of which each has one question open; raise RuntimeError for a wrong answer."""
    left, seen = list(asked), list[Seen]()
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(clients):
        _, client = await loop.create_connection(lambda: _Client(left, model, seen), "127.0.0.1", port)
        made.append(client.done)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await asyncio.gather(*made)
    if len(seen) != len(asked):
        raise RuntimeError(f"{len(seen)} of {len(asked)} questions were answered")
    return seen
