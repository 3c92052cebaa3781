"""What is changed while streams go on, each as whoever runs a cluster does it.

Owns the steps of each change, and the run of streams through one. A change is made again for as long as streams remain,
so that all of them meet it.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from integration.api import eventually
from streams.clients import Answered, Ask, Client
from streams.world import LONG_SECONDS, World

CLIENTS: Final = 200
TOKENS: Final = (20, 120)
WORKERS: Final = 4
FEWER: Final = 2

# Makes a change once, given how often it was made before.
Change = Callable[[World, int], None]


def rolling_update(world: World, times: int) -> None:
    """Give the workers another command line, so that the operator replaces each."""
    before = world.uids()
    world.change(engine={"maxNumSeqs": 32 + times % 7})
    world.settled(WORKERS, before)


def scale_down(world: World, times: int) -> None:
    """Ask for fewer workers, then for as many as before; every other time the autoscaler takes them away.

    It marks whom it wants to go, and takes nobody away who is busy; a fixed number does not ask.
    """
    scaled = bool(times % 2)

    def ask_for(number: int) -> None:
        bounds = {"minReplicas": number, "maxReplicas": number}
        world.change(scaling=bounds if scaled else None, replicas=None if scaled else number)
        world.settled(number)

    ask_for(FEWER)
    ask_for(WORKERS)


def gateway_roll(world: World, times: int) -> None:
    """Replace each gateway: another one first, then SIGTERM for the old one, with its streams open."""
    for one in world.kubelet.gateways():
        world.add_gateway()
        world.delete("Pod", one.name)
        eventually(lambda uid=one.uid: uid not in world.kubelet.running, LONG_SECONDS, world.told)  # type: ignore[misc]


def operator_roll(world: World, times: int) -> None:
    """Restart the operator, kill it in the middle of a rollout, do without it while a worker is replaced."""
    world.end_operator(signal.SIGTERM)
    world.operate()
    before = world.uids()
    world.change(engine={"maxNumSeqs": 64 + times % 7})
    world.end_operator(signal.SIGKILL)
    _lose_a_worker(world)
    world.operate()
    world.settled(WORKERS, before)


def _lose_a_worker(world: World) -> None:
    """Delete the Pod of a worker while no operator runs: its ReplicaSet replaces it, the gateways hear of it."""
    lost = world.kubelet.workers()[0]
    world.delete("Pod", lost.name)
    before = world.uids() - {lost.uid}

    def is_replaced() -> bool:
        return lost.uid not in world.kubelet.running and len(world.uids() - before) >= 1

    eventually(is_replaced, LONG_SECONDS, world.told)


CHANGES: Final[Mapping[str, Change]] = {
    "rolling update": rolling_update,
    "scale-down": scale_down,
    "gateway roll": gateway_roll,
    "operator roll": operator_roll,
}


@dataclass
class Outcome:
    """What became of the streams through one change."""

    name: str
    streams: int = 0
    tokens: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    # How often the change was made; Pods that ended, streams open with them when they were told to, and those that had
    # to be killed in the end.
    times: int = 0
    ended: int = 0
    open_when_told: int = 0
    killed: int = 0
    # Connections that ended between two requests just as one was sent: sent again on another, as every client does.
    sent_again: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def broken(self) -> int:
        """How many did not come whole."""
        return self.streams - self.seen["whole"]


async def run(world: World, name: str, change: Change, streams: int, clients: int = CLIENTS) -> Outcome:
    """Send at least so many streams while a change is made again and again."""
    outcome, began = Outcome(name), time.monotonic()
    ended_before = len(world.kubelet.ended)
    changing = asyncio.create_task(_change_on(world, change, outcome, streams))
    answers: list[Answered] = []
    crowd = [
        asyncio.create_task(_client(world, f"{name}, client {number}", answers, changing))
        for number in range(min(clients, streams))
    ]
    try:
        while len(answers) < streams and not changing.done():  # noqa: ASYNC110 - ten times a second
            await asyncio.sleep(0.1)
        outcome.streams = -1  # no more changes are begun
        await changing
    finally:
        outcome.streams = -1
        if not changing.done():
            await asyncio.gather(changing, return_exceptions=True)
        await asyncio.gather(*crowd)
    _count(outcome, answers)
    for pod in world.kubelet.ended[ended_before:]:
        outcome.ended += 1
        outcome.open_when_told += pod.in_flight
        outcome.killed += pod.killed
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


async def _change_on(world: World, change: Change, outcome: Outcome, streams: int) -> None:
    loop = asyncio.get_running_loop()
    # Streams are to be open by then.
    await asyncio.sleep(0.5)
    while outcome.streams == 0:
        await loop.run_in_executor(world.hands, change, world, outcome.times)
        outcome.times += 1


async def _client(world: World, name: str, answers: list[Answered], changing: asyncio.Task[None]) -> None:
    """Send one stream after the other until the change is over."""
    client, number = Client(world.key, world.choose), 0
    while not changing.done():
        tokens = world.rng.randint(*TOKENS)
        answers.append(await client.ask(Ask(f"{name}: question {number}", tokens)))
        number += 1
    client.close()


def _count(outcome: Outcome, answers: list[Answered]) -> None:
    outcome.streams = len(answers)
    for answered in answers:
        outcome.seen[answered.verdict] += 1
        outcome.sent_again += answered.sent_again
        if answered.verdict == "whole":
            outcome.tokens += answered.ask.tokens
        else:
            read = answered.read
            outcome.wrong.append(
                f"{answered.ask.prompt}: {answered.verdict} after {len(read.tokens)} of {answered.ask.tokens} tokens, "
                f"{answered.seconds:.1f} s, status {read.status}, {read.error or read.garbage}"
            )
