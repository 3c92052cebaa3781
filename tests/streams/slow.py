"""Clients that are slow on purpose, beside good ones: what that costs the good ones and the gateway.

Owns the slow ones, what must become of them, and the figures. Times are told, not judged: another machine has others.
"""

import asyncio
import contextlib
import random
import socket
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from ports import free_port
from streams.clients import Address, Answered, Ask, Client
from streams.gateways import HOST, Alone
from streams.node import Node
from tidegate_bench.statistics import quantile

GOOD: Final = 50
ROUNDS: Final = 4
TOKENS: Final = 20
WORKERS: Final = 2
# A slow reader's own buffer is small: what it does not read is the gateway's to hold.
RECEIVE_BYTES: Final = 4096
# What a gateway may hold for a client that does not read, and what a connection costs besides.
STALLED_MB: Final = 1.0
Kind = Literal["headers", "body", "reader"]
KINDS: Final[tuple[Kind, ...]] = ("headers", "body", "reader")


@dataclass
class Outcome:
    """What was counted and measured."""

    slow: int = 0
    # How each kind ended: 408, dropped, or still there when it should not be.
    ends: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    p95_alone_ms: float = 0.0
    p95_beside_ms: float = 0.0
    rss_before_mb: float = 0.0
    rss_most_mb: float = 0.0
    rss_after_mb: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def growth_per_slow_mb(self) -> float:
        """Memory for each slow client at the most."""
        return (self.rss_most_mb - self.rss_before_mb) / max(self.slow, 1)


async def run(folder: Path, count: int, seed: int, limits: dict[str, float] | None = None) -> Outcome:
    """Let so many slow clients come, a third of each kind, and good ones beside them."""
    rng = random.Random(seed)
    node = Node(folder, token_seconds=0.01, prefill_seconds=0.02)
    ports = [free_port() for _ in range(WORKERS)]
    for port in ports:
        node.start(HOST, port)
    gateway = Alone(folder, ports, limits)
    outcome = Outcome(slow=count)
    try:
        await gateway.ready()
        alone = await _good_ones(gateway, "alone", outcome)
        outcome.rss_before_mb = gateway.rss_mb
        kinds = [KINDS[number % len(KINDS)] for number in range(count)]
        slow = [asyncio.create_task(_slow(gateway, kind, rng.random())) for kind in kinds]
        watching = asyncio.create_task(_watch(gateway, outcome))
        beside: list[float] = []
        while not beside or not all(task.done() for task in slow):
            beside += await _good_ones(gateway, "beside", outcome)
        watching.cancel()
        for kind, task in zip(kinds, slow, strict=True):
            outcome.ends[f"{kind}: {task.result()}"] += 1
        outcome.rss_after_mb = gateway.rss_mb
        outcome.p95_alone_ms, outcome.p95_beside_ms = (
            quantile(alone, 0.95) * 1e3,
            quantile(beside, 0.95) * 1e3,
        )
        code, _ = await asyncio.to_thread(gateway.get, "/healthz")
        if code != 200:
            outcome.wrong.append(f"/healthz says {code} in the end")
    finally:
        gateway.kill()
        node.close()
    _judge(outcome)
    return outcome


async def _good_ones(gateway: Alone, when: str, outcome: Outcome) -> list[float]:
    """Ask with all good clients a few times; return the seconds to the first token of each answer."""

    async def one(number: int) -> list[Answered]:
        client = Client(gateway.key, gateway.choose)
        asks = [Ask(f"{when} {number}, round {turn}", TOKENS) for turn in range(ROUNDS)]
        answers = [await client.ask(ask) for ask in asks]
        client.close()
        return answers

    found = [a for answers in await asyncio.gather(*map(one, range(GOOD))) for a in answers]
    for answered in found:
        outcome.good[answered.verdict] += 1
        if answered.verdict != "whole":
            outcome.wrong.append(f"{answered.ask.prompt}: {answered.verdict}, {answered.read.error}")
    return [answered.first_token_seconds for answered in found]


async def _watch(gateway: Alone, outcome: Outcome) -> None:
    while True:
        outcome.rss_most_mb = max(outcome.rss_most_mb, gateway.rss_mb)
        await asyncio.sleep(0.1)


async def _slow(gateway: Alone, kind: Kind, share: float) -> str:
    """Be slow until the gateway has had enough; return how that ended."""
    await asyncio.sleep(share)
    reader, writer = await _connect(gateway.choose())
    body = Ask("a flood", 1).body()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {gateway.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    try:
        if kind == "reader":
            writer.write(head + body)
            await _until_closed(writer)
            return "dropped"
        data, at = (head, 40) if kind == "headers" else (head + body, len(head) + 20)
        writer.write(data[:at])
        return await _trickle(reader, writer, data[at:-1])
    except OSError:
        return "dropped"
    finally:
        writer.transport.abort()


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    await asyncio.get_running_loop().sock_connect(sock, address)
    return await asyncio.open_connection(sock=sock, limit=RECEIVE_BYTES)


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: bytes) -> str:
    """Send a byte now and then, for as long as there are any; return the status that comes back."""
    answer = asyncio.create_task(reader.readline())
    for at in range(len(rest)):
        done, _ = await asyncio.wait({answer}, timeout=0.5)
        if done:
            break
        writer.write(rest[at : at + 1])
    line = await answer
    return line.split(b" ")[1].decode() if line else "closed without a word"


async def _until_closed(writer: asyncio.StreamWriter) -> None:
    """Read nothing until the other side has given up; that shows in writing only."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    with contextlib.suppress(OSError):
        while not writer.is_closing():
            await asyncio.sleep(0.5)
            # A byte of a next request: refused once the connection is gone.
            writer.write(b"P")
            await writer.drain()


def _judge(outcome: Outcome) -> None:
    right = {"headers: 408", "body: 408", "reader: dropped"}
    outcome.wrong += [f"{count} of {end}" for end, count in outcome.ends.items() if end not in right]
    if outcome.growth_per_slow_mb > STALLED_MB:
        outcome.wrong.append(f"{outcome.growth_per_slow_mb:.2f} MB for each slow client")
