"""Workers that are killed within an answer, at a chosen token: what their clients see.

Owns the campaign and what is right in it. Before the first token an answer is asked of another worker, once, and the
client sees nothing; after it a stream ends with an error of its own and without `[DONE]`, and any other answer is cut
so that no client takes it for whole. The killed one is started again on its address, as a kubelet does with a
container, and nobody tells the gateway of either.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ports import free_port
from streams.clients import DEADLINE_SECONDS, Answered, Ask, Client
from streams.gateways import HOST, Alone
from streams.node import Node, is_alive

WORKERS: Final = 4
TOKENS: Final = 16
# Streams that go on meanwhile, and lose their worker by the way.
BESIDE: Final = 6


@dataclass(frozen=True)
class Kill:
    """One planned death, and the request that brings it."""

    number: int
    how: str
    # Tokens that are sent before it; of an answer that is no stream, that share of its bytes.
    at: int
    stream: bool
    framing: str

    @property
    def ask(self) -> Ask:
        """The request."""
        prompt = f"request {self.number}: die {self.how} at {self.at}, framed {self.framing}"
        return Ask(prompt, TOKENS, self.stream)


@dataclass
class Outcome:
    """What was counted."""

    kills: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    # Of those that were asked beside, which no fault was meant for.
    beside: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def plan(count: int, rng: random.Random) -> list[Kill]:
    """Return deaths of all kinds: a third before the first token, half of the rest by SIGKILL of the process."""
    made = []
    for number in range(count):
        stream = rng.random() < 0.7
        at = 0 if rng.random() < 0.34 else rng.randint(1, TOKENS)
        framing = rng.choices(["chunked", "chunked" if stream else "length", "closed"], [2, 4, 1])[0]
        made.append(Kill(number, rng.choice(["kill", "kill", "reset", "close"]), at, stream, framing))
    return made


def fault_of(kill: Kill, answered: Answered, attempts: int) -> str:
    """Return what was wrong with what the client of a kill saw; nothing if nothing was."""
    verdict = answered.verdict
    if kill.at == 0:
        right = verdict == "whole" and attempts == 2
    elif verdict == "whole":
        # A reset may overtake what was sent before it: then nothing had come, and another worker was asked.
        right = attempts == 2 and kill.how == "reset"
    elif kill.stream:
        right = verdict == "told" and attempts == 1
    else:
        right = verdict in ("cut", "refused") and attempts == 1
    told = f"{kill}: {verdict} after {attempts} attempts, {len(answered.read.tokens)} tokens, "
    return "" if right else f"{told}status {answered.read.status}, error {answered.read.error}"


class Fleet:
    """Workers on fixed ports, each started again when it has died."""

    def __init__(self, node: Node, rng: random.Random) -> None:
        self._node, self._rng = node, rng
        self.ports = [free_port() for _ in range(WORKERS)]
        self._processes = {port: node.start(HOST, port) for port in self.ports}
        self.deaths = 0
        self._is_restoring = False

    async def keep(self) -> None:
        """Start again who has died, for ever."""
        while True:
            await self.restore()
            await asyncio.sleep(0.01)

    async def restore(self) -> None:
        """Start who is dead now."""
        for port, process in list(self._processes.items()):
            if not is_alive(process):
                self._is_restoring = True
                self.deaths += 1
                # What a kubelet takes at least; the gateway goes on asking there meanwhile.
                await asyncio.sleep(self._rng.uniform(0.0, 0.2))
                self._processes[port] = self._node.start(HOST, port)
                self._is_restoring = False

    async def buried(self, deaths: int) -> None:
        """Wait until so many have died and everybody lives again."""
        while self.deaths < deaths or self._is_restoring:  # noqa: ASYNC110 - a few times a second
            await asyncio.sleep(0.01)


async def run(folder: Path, count: int, seed: int) -> Outcome:
    """Let so many workers die, and return what clients saw."""
    rng = random.Random(seed)
    node = Node(folder, token_seconds=0.005, prefill_seconds=0.01)
    fleet = Fleet(node, rng)
    gateway = Alone(folder, fleet.ports)
    outcome, kills = Outcome(), plan(count, rng)
    answers: list[Answered] = []
    try:
        await gateway.ready()
        beside = [asyncio.create_task(_stream_on(gateway, number, answers)) for number in range(BESIDE)]
        keeping = asyncio.create_task(fleet.keep())
        client = Client(gateway.key, gateway.choose)
        targets, deaths = [], 0
        for kill in kills:
            targets.append(await client.ask(kill.ask))
            deaths += kill.how == "kill"
            async with asyncio.timeout(DEADLINE_SECONDS):
                await fleet.buried(deaths)
            if keeping.done():
                keeping.result()
        client.close()
        for task in (*beside, keeping):
            task.cancel()
        await asyncio.gather(*beside, keeping, return_exceptions=True)
    finally:
        gateway.kill()
        node.close()
    _judge(outcome, kills, targets, answers, node)
    return outcome


async def _stream_on(gateway: Alone, number: int, answers: list[Answered]) -> None:
    client = Client(gateway.key, gateway.choose)
    asked = 0
    try:
        while True:
            answers.append(await client.ask(Ask(f"beside {number}, the {asked}th", TOKENS)))
            asked += 1
    finally:
        with suppress(RuntimeError):
            client.close()


def _judge(
    outcome: Outcome, kills: list[Kill], targets: list[Answered], beside: list[Answered], node: Node
) -> None:
    attempts = Counter(prompt for _, prompt in node.arrivals())
    for kill, answered in zip(kills, targets, strict=True):
        outcome.kills += 1
        kind = (
            "before the first token" if kill.at == 0 else "within a stream" if kill.stream else "within JSON"
        )
        outcome.seen[f"{kind}: {answered.verdict}"] += 1
        fault = fault_of(kill, answered, attempts[answered.ask.prompt])
        if fault:
            outcome.wrong.append(fault)
    for answered in beside:
        verdict, prompt = answered.verdict, answered.ask.prompt
        outcome.beside[verdict] += 1
        # It may lose its worker at any time: whole, told of it, or, if two workers died under it, refused.
        right = {"whole": 2, "told": 2, "refused": 2}
        if verdict not in right or attempts[prompt] > right[verdict]:
            outcome.wrong.append(
                f"{prompt}: {verdict} after {attempts[prompt]} attempts, {answered.read.error or answered.read.garbage}"
            )
