"""Asks the other gateways twice a second what they admit, and answers them.

Owns the asking: when, for how long, and over which connections, both sides of `GET /peer`. Must not decide anything:
what is said goes to `Shares`. A gateway that does not answer has said nothing.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeVar, cast

import aiohttp
import msgspec
import structlog
from aiohttp import web
from yarl import URL

from tidegate_gateway.directory import Peer
from tidegate_gateway.limits.members import pod_of
from tidegate_gateway.limits.shares import Shares
from tidegate_gateway.limits.tables import DECODER, ENCODER

PATH: Final = "/peer"
PERIOD_SECONDS: Final = 0.5
# A round is not held up for longer by one that is slow; its answer counts in the next.
PATIENCE_SECONDS: Final = 0.4
TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0, sock_connect=1.0)
FAREWELL_SECONDS: Final = 1.5
LONGEST_NAME: Final = 128
FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError, UnicodeDecodeError)

T = TypeVar("T")


class Peers:
    """The conversation with the other gateways.

    `listed` returns those that are there now, or None while that is not known.
    """

    def __init__(
        self,
        shares: Shares,
        listed: Callable[[], Sequence[Peer] | None],
        rng: random.Random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shares = shares
        self._listed = listed
        self._rng = rng
        self._clock = clock
        # Those to ask, by uid.
        self._peers: dict[str, Peer] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._silent: set[str] = set()
        # Who has been told that this gateway ends.
        self._told: set[str] = set()
        self._telling = asyncio.Event()
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger("peers")

    async def run(self) -> None:
        """Ask and divide for ever."""
        loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=0)
        # No proxy of the environment: these are Pods.
        async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False) as session:
            try:
                while True:
                    due = loop.time() + PERIOD_SECONDS * self._rng.uniform(0.9, 1.1)
                    try:
                        await self._round(session)
                    except Exception as error:
                        # A fault in what is made of an answer must not end the asking.
                        message = "limits were not divided among gateways"
                        loop.call_exception_handler({"message": message, "exception": error})
                    await asyncio.sleep(max(0.0, due - loop.time()))
            finally:
                asking = list(self._asking.values())
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        listed = self._listed()
        if listed is None:
            return
        loop = asyncio.get_running_loop()
        pods = tuple(peer.uid for peer in listed)
        self._shares.update(pods, loop.time())
        own = pod_of(self._shares.members.instance)
        self._peers.update({peer.uid: peer for peer in listed if peer.uid != own})
        for uid, peer in list(self._peers.items()):
            if uid not in self._asking:
                self._asking[uid] = asyncio.create_task(self._ask(session, peer, is_listed=uid in pods))
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=PATIENCE_SECONDS)
        now = loop.time()
        self._shares.update(pods, now)
        await _unhurried(self._shares.round(now, self._clock()))

    async def _ask(self, session: aiohttp.ClientSession, peer: Peer, *, is_listed: bool) -> None:
        """Ask one gateway. One that has left the list is asked on until it is silent: it may have open requests."""
        url = URL.build(
            scheme="http",
            host=peer.host,
            port=peer.port,
            path=PATH,
            query={"from": self._shares.members.instance},
        )
        try:
            async with session.get(url, allow_redirects=False, raise_for_status=True) as response:
                answer = DECODER.decode(await response.read())
            self._shares.hear(answer, asyncio.get_running_loop().time())
            self._note(peer, None)
        except FAILURES as error:
            if is_listed:
                self._note(peer, error)
            else:
                self._peers.pop(peer.uid, None)
        finally:
            del self._asking[peer.uid]

    def _note(self, peer: Peer, error: Exception | None) -> None:
        """Log that a gateway has fallen silent, or speaks again; each once."""
        if error is None:
            self._silent.discard(peer.uid)
        elif peer.uid not in self._silent:
            self._silent.add(peer.uid)
            self._log.warning(
                "a gateway does not answer: limits stay divided as they are",
                peer=peer.host,
                error=type(error).__name__,
            )

    async def answer(self, request: web.Request) -> web.Response:
        """Handle `GET /peer?from=INSTANCE`."""
        asker = request.query.get("from", "")
        if not 0 < len(asker) <= LONGEST_NAME or not asker.isascii() or not asker.isprintable():
            return web.Response(status=400, text="say who asks: /peer?from=INSTANCE\n")
        now = asyncio.get_running_loop().time()
        answer = await _unhurried(self._shares.answer(asker, now))
        if answer.closing:
            self._told.add(asker)
            self._telling.set()
        return web.Response(body=ENCODER.encode(answer), content_type="application/json")

    async def leave(self) -> None:
        """Tell the others that nothing more is admitted here; return once they know, or soon."""
        self._shares.closing = True
        members = self._shares.members
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while any(member.instance not in self._told for member in members.live.values()):
                    self._telling.clear()
                    await self._telling.wait()


async def _unhurried(steps: Generator[None, None, T]) -> T:
    """Do work in steps, and let others have their turn between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(T, end.value)
        await asyncio.sleep(0)
