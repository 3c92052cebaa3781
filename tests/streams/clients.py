"""Clients that read every byte: a request in, what was read out.

Owns connections and HTTP as a client has to read it. What is right is judged in `words`.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from streams.words import Read, Verdict, answer, judge, take_body, take_event

# No answer of these runs takes so long, on however busy a machine: what is still open then hangs.
DEADLINE_SECONDS: Final = 240.0
MODEL: Final = "m"
Address = tuple[str, int]


@dataclass(frozen=True)
class Ask:
    """One request."""

    prompt: str
    tokens: int
    stream: bool = True
    model: str = MODEL

    def body(self) -> bytes:
        """Return it as JSON."""
        message = {"role": "user", "content": self.prompt}
        return json.dumps(
            {"model": self.model, "messages": [message], "max_tokens": self.tokens, "stream": self.stream}
        ).encode()

    def expected(self) -> list[str]:
        """Return what must come back."""
        return answer(self.prompt, self.tokens)


@dataclass
class Answered:
    """What became of a request."""

    ask: Ask
    read: Read
    verdict: Verdict
    seconds: float = 0.0
    first_token_seconds: float = 0.0
    # How often a connection that was kept had ended under it, and it was sent on another one.
    sent_again: int = 0


@dataclass
class Client:
    """One client, which keeps its connection from one request to the next, as HTTP clients do."""

    key: str
    # Where the next connection goes: as kube-proxy's rules, which choose for each one anew.
    choose: Callable[[], Address]
    _open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def ask(self, ask: Ask) -> Answered:
        """Send a request, and read all of what comes."""
        loop = asyncio.get_running_loop()
        began, again = loop.time(), 0
        # As every client that keeps connections: one whose other end has gone is not used again.
        await asyncio.sleep(0)
        if self._open is not None and self._open[0].at_eof():
            self.close()
        while True:
            is_kept = self._open is not None
            read, first = Read(), 0.0
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
                async with asyncio.timeout(DEADLINE_SECONDS):
                    first = await self._exchange(ask, read)
            if not read.is_complete:
                self.close()
            if read.status == 0 and is_kept:
                # Its end and our request crossed: every client of HTTP asks again on a new connection.
                again += 1
                continue
            now = loop.time()
            verdict = judge(read, ask.expected())
            return Answered(ask, read, verdict, now - began, max(0.0, first - began), again)

    async def _exchange(self, ask: Ask, read: Read) -> float:
        if self._open is None:
            self._open = await asyncio.open_connection(*self.choose(), limit=2**20)
        reader, writer = self._open
        body = ask.body()
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        headers = await _read_head(reader, read)
        is_stream = headers.get("content-type", "").startswith("text/event-stream")
        first = await _read_body(reader, read, headers, is_stream=is_stream)
        if headers.get("connection") == "close":
            self.close()
        return first

    def close(self) -> None:
        """Leave."""
        if self._open is not None:
            self._open[1].transport.abort()
            self._open = None


async def _read_head(reader: asyncio.StreamReader, read: Read) -> dict[str, str]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    read.status = int(lines[0].split(" ")[1])
    pairs = (line.partition(": ") for line in lines[1:] if line)
    return {name.lower(): value for name, _, value in pairs}


async def _read_body(
    reader: asyncio.StreamReader, read: Read, headers: dict[str, str], *, is_stream: bool
) -> float:
    """Read to the end of the message; return when its first token came."""
    first, held = 0.0, b""
    loop = asyncio.get_running_loop()
    try:
        if "content-length" in headers:
            held = await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                held += (await reader.readexactly(size + 2))[:-2]
                if is_stream:
                    held = _take_events(read, held)
                    if not first and read.tokens:
                        first = loop.time()
            await reader.readexactly(2)
        else:
            # It ends with its connection.
            held = await reader.read()
            if is_stream:
                held = _take_events(read, held)
            elif not _is_json(held):
                raise ValueError("no frame said that this is whole, nor does it look so")
        read.is_complete = True
    finally:
        if is_stream and held:
            read.garbage = held.decode(errors="replace")
        elif not is_stream and read.is_complete:
            take_body(read, held)
    return first


def _take_events(read: Read, data: bytes) -> bytes:
    """Take the events that are whole, and return the rest."""
    *events, rest = data.split(b"\n\n")
    for event in events:
        take_event(read, event)
    return rest


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
