"""The simulated engine as a server, on the loop that starts it.

Owns the listening socket, the routes and the counts that tests look at. `async with SimEngine(profile) as engine:`
listens on `engine.port`.
"""

import asyncio
import contextlib
import time
from collections import deque
from types import TracebackType
from typing import Any, Final, Self, cast

import msgspec

from tidegate_bench.sim import answer, ask, metrics, plain
from tidegate_bench.sim.call import Call
from tidegate_bench.sim.connection import Connection, Received
from tidegate_bench.sim.faults import Fault, Faults
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.runner import Runner
from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.sequence import Sequence

GENERATE: Final = frozenset({ask.CHAT, ask.COMPLETIONS, ask.EMBEDDINGS})
SWEEP_SECONDS: Final = 0.5
# How often an engine that is to end looks whether it may.
LOOK_SECONDS: Final = 0.02


class SimEngine:
    """One engine. Attributes are for tests and benches to read."""

    def __init__(
        self, profile: Profile | None = None, *, host: str = "127.0.0.1", port: int = 0, keep: int = 256
    ) -> None:
        self.profile = profile or Profile()
        self.host = host
        self.port = port
        self.connections: set[Connection] = set()
        # The last requests to generate that came; how many came, and how many of them were abandoned.
        self.received: deque[Received] = deque(maxlen=keep)
        self.requests = 0
        self.aborted = 0
        self.is_draining = False
        self.faults = Faults()
        self.scheduler = Scheduler(self.profile)
        self._server: asyncio.Server | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def running(self) -> int:
        """How many sequences are in the batch."""
        return len(self.scheduler.running)

    @property
    def waiting(self) -> int:
        """How many sequences wait for the batch."""
        return self.scheduler.waiting

    @property
    def is_listening(self) -> bool:
        """Tell whether connections are accepted."""
        return self._server is not None

    @property
    def lag_seconds(self) -> float:
        """By how much this process was too slow for its profile."""
        return self._runner.lag_seconds

    async def start(self) -> None:
        """Listen; `port` is then the real one."""
        self.loop = asyncio.get_running_loop()
        self._runner = Runner(self.scheduler, self.loop, self._advanced)
        await self._listen()
        self._sweep()

    async def stop(self) -> None:
        """Listen no more, and end all connections."""
        for timer in self._timers.values():
            timer.cancel()
        self._close_listener()
        for connection in list(self.connections):
            connection.transport.abort()
        self._runner.stop()
        # Transports tell of their end a turn later.
        await asyncio.sleep(0)

    async def drain(self, seconds: float) -> None:
        """Take no more requests, and return once those that run have ended, or after so long.

        As vLLM with --shutdown-timeout: it closes its socket, and answers 503 to what still comes on old connections.
        """
        self.is_draining = True
        self._close_listener()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(not connection.is_idle for connection in self.connections):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)

    async def _listen(self) -> None:
        self._server = await self.loop.create_server(
            lambda: Connection(self), self.host, self.port, backlog=1024, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _close_listener(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _sweep(self) -> None:
        oldest = self.loop.time() - self.profile.keep_alive_seconds
        for connection in [c for c in self.connections if c.is_idle and c.idle_since < oldest]:
            connection.close()
        self._timers["sweep"] = self.loop.call_later(SWEEP_SECONDS, self._sweep)

    # Requests

    def serve(self, connection: Connection, request: Received) -> None:
        """Answer a request, now or token by token."""
        try:
            if request.path in GENERATE:
                self._generate(connection, request)
            elif request.path.startswith("/sim/"):
                connection.send(plain.as_json(self._control(request)))
            else:
                method, path, body = request.method, request.path, request.body
                connection.send(plain.respond(self.scheduler, method, path, body, time.time()))
        except ask.Refused as refused:
            connection.send(answer.error(refused.status, refused.kind, str(refused), refused.param))

    def _generate(self, connection: Connection, request: Received) -> None:
        if self.is_draining:
            raise ask.Refused(503, "ServiceUnavailableError", "the server is shutting down")
        self.requests += 1
        self.received.append(request)
        body = ask.read(request.body)
        fault = body.fault or self.faults.take()
        if fault is not None and fault.kind == "reset":
            connection.reset()
            return
        if fault is not None and fault.kind == "status":
            raise ask.Refused(fault.status, "InternalServerError", "a fault was asked for")
        made = ask.sequences(request.path, body, self.profile)
        call = Call(
            self,
            connection,
            request.path,
            body,
            sequences=made,
            request_id=request.headers.get("x-request-id") or f"{self.requests:016x}",
            load_format=request.headers.get("endpoint-load-metrics-format", ""),
        )
        for sequence in made:
            sequence.owner = call
        connection.call = call
        call.start(fault)

    def _advanced(self, sequence: Sequence) -> None:
        cast(Call, sequence.owner).advance(sequence)

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence."""
        self._runner.submit(sequence)

    def abort(self, sequence: Sequence) -> None:
        """Forget a sequence."""
        self.scheduler.abort(sequence)

    def abandon(self, call: Call) -> None:
        """Forget a request whose client has gone."""
        self.aborted += 1
        call.abort()

    def load_lines(self, wanted: str) -> tuple[str, ...]:
        """Return the header lines about load, if a request wants them."""
        value = metrics.load_header(self.scheduler, wanted)
        return () if value is None else (f"endpoint-load-metrics: {value}",)

    # Control

    def _control(self, request: Received) -> dict[str, Any]:
        route = (request.method, request.path)
        if route == ("POST", "/sim/faults"):
            self.plan(_read_fault(request.body))
        elif route == ("DELETE", "/sim/faults"):
            self.clear_faults()
        elif route == ("POST", "/sim/reset"):
            self.reset()
        elif route != ("GET", "/sim/state"):
            raise ask.Refused(404, "NotFoundError", f"there is no {request.method} {request.path}")
        return self.state()

    def plan(self, fault: Fault) -> None:
        """Let a fault hit the next requests, or the engine now."""
        if fault.kind == "refuse":
            self._close_listener()
            self._later("refuse", fault.seconds, self._accept_again)
        elif fault.kind == "slow":
            self._runner.factor = fault.factor
            self._later("slow", fault.seconds, self._full_speed)
        else:
            self.faults.plan(fault)

    def clear_faults(self) -> None:
        """End all faults."""
        self.faults.clear()
        self._full_speed()
        refusing = self._timers.pop("refuse", None)
        if refusing is not None and not refusing.cancelled():
            refusing.cancel()
            self._accept_again()

    def _later(self, name: str, seconds: float, action: Any) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()
        self._timers[name] = self.loop.call_later(seconds, action)

    def _accept_again(self) -> None:
        self._timers.pop("refuse", None)
        self._listening = self.loop.create_task(self._listen())

    def _full_speed(self) -> None:
        self._runner.factor = 1.0

    def reset(self) -> None:
        """Be as after a restart; nothing may be running."""
        self.scheduler.reset()
        self.requests = self.aborted = 0
        self._runner.lag_seconds = 0.0
        self.received.clear()

    def state(self) -> dict[str, Any]:
        """Return all counts."""
        counted = self.scheduler.statistics
        return {
            "running": self.running,
            "waiting": self.waiting,
            "requests": self.requests,
            "aborted": self.aborted,
            "preemptions": counted.preemptions,
            "prompt_tokens": counted.prompt_tokens,
            "queried_tokens": counted.queried_tokens,
            "cached_tokens": counted.cached_tokens,
            "generated_tokens": counted.generated_tokens,
            "lag_seconds": self.lag_seconds,
        }


def _read_fault(body: bytes) -> Fault:
    try:
        return msgspec.json.decode(body, type=Fault)
    except msgspec.DecodeError as error:
        raise ask.Refused(400, "BadRequestError", str(error)) from None
