"""The life of one request to generate: submitted, answered token by token, ended, or hit by a fault.

Owns what is sent when. Knows the engine only as `Host`.
"""

import json
import time
from asyncio import AbstractEventLoop, TimerHandle
from typing import Any, Final, Protocol

from tidegate_bench.sim import answer
from tidegate_bench.sim.ask import CHAT, EMBEDDINGS, Body
from tidegate_bench.sim.faults import Fault
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import Sequence

# Until the loop has handed what was written to the kernel.
FLUSH_SECONDS: Final = 0.01


class Host(Protocol):
    """The engine, as far as a request needs it."""

    loop: AbstractEventLoop
    profile: Profile

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence."""

    def abort(self, sequence: Sequence) -> None:
        """Forget a sequence."""

    def load_lines(self, wanted: str) -> tuple[str, ...]:
        """Return the header lines about load, if a request wants them."""


class Client(Protocol):
    """The connection, as far as a request needs it."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def reset(self) -> None:
        """Reset the connection."""

    def close(self) -> None:
        """Close the connection once all is sent."""

    def done(self) -> None:
        """Take the next request."""


class Call:
    """One request."""

    def __init__(
        self,
        host: Host,
        client: Client,
        path: str,
        body: Body,
        *,
        sequences: list[Sequence],
        request_id: str,
        load_format: str = "",
    ) -> None:
        self._host = host
        self._client = client
        self._path = path
        self._body = body
        self._sequences = sequences
        self._load_format = load_format
        self._left = len(sequences)
        self._tokens = 0
        self._fault: Fault | None = None
        # What a fault keeps from being sent.
        self._held: list[bytes] | None = None
        self._waits: TimerHandle | None = None
        self._fault_ends: TimerHandle | None = None
        is_chat = path == CHAT
        self._head = {
            "id": f"{'chatcmpl' if is_chat else 'cmpl'}-{request_id}",
            "object": "chat.completion" if is_chat else "text_completion",
            "created": int(time.time()),
            "model": body.model or host.profile.model,
        }
        self._events: list[answer.Events] = []

    def start(self, fault: Fault | None) -> None:
        """Send what vLLM sends before the first token, and queue the sequences.

        The head of a stream goes out as soon as the prompt is in tokens, not with the first token.
        """
        self._fault = fault
        if self._body.stream and self._path != EMBEDDINGS:
            self._open_stream()
        if fault is not None and fault.tokens == 0:
            self._hit(fault)
        seconds = self._host.profile.request_seconds
        if seconds > 0:
            self._waits = self._host.loop.call_later(seconds, self._submit)
        else:
            self._submit()

    def _open_stream(self) -> None:
        is_chat = self._path == CHAT
        head = self._head | ({"object": "chat.completion.chunk"} if is_chat else {})
        self._events = [answer.Events(head, s.index, is_chat, s.reason) for s in self._sequences]
        self._client.send(answer.STREAM_HEAD)

    def _submit(self) -> None:
        self._waits = None
        for sequence in self._sequences:
            self._host.submit(sequence)

    def abort(self) -> None:
        """Free what the request holds: nobody waits for it."""
        for timer in (self._waits, self._fault_ends):
            if timer is not None:
                timer.cancel()
        for sequence in self._sequences:
            self._host.abort(sequence)

    # Answering

    def advance(self, sequence: Sequence) -> None:
        """Send what a new token brings."""
        self._tokens += 1
        if self._events:
            self._send(self._event(sequence))
        fault = self._fault
        if fault is not None and fault.tokens == self._tokens:
            self._hit(fault)
        if sequence.ended:
            self._left -= 1
            if self._left == 0:
                self._finish()

    def _event(self, sequence: Sequence) -> bytes:
        events = self._events[sequence.index]
        number = sequence.generated - 1
        data = events.last(number) if sequence.ended else events.token(number)
        return events.first() + data if number == 0 else data

    def _finish(self) -> None:
        if self._events:
            options = self._body.stream_options
            head = self._head | {
                "object": "chat.completion.chunk" if self._path == CHAT else "text_completion"
            }
            end = answer.frame(answer.DONE) + answer.LAST_CHUNK
            if options is not None and options.include_usage:
                end = answer.frame(answer.event(head | {"choices": [], "usage": self._usage()})) + end
            self._send(end)
        else:
            content = json.dumps(self._content(), separators=(",", ":")).encode()
            self._send(answer.whole(content, *self._host.load_lines(self._load_format)))
        if self._held is None:
            self._client.done()

    def _content(self) -> dict[str, Any]:
        if self._path == EMBEDDINGS:
            size = self._host.profile.embedding_size
            data = [
                {"object": "embedding", "index": i, "embedding": [0.5] * size}
                for i in range(len(self._sequences))
            ]
            return self._head | {"object": "list", "data": data, "usage": self._usage()}
        choices = answer.choices(self._sequences, self._path == CHAT)
        return self._head | {"choices": choices, "usage": self._usage()}

    def _usage(self) -> dict[str, Any]:
        prompts = len(self._sequences) // (self._body.n or 1)
        return answer.usage(self._sequences, prompts, self._host.profile.prompt_tokens_details)

    def _send(self, data: bytes) -> None:
        if self._held is None:
            self._client.send(data)
        else:
            self._held.append(data)

    # Faults

    def _hit(self, fault: Fault) -> None:
        """Send no more; what was sent is on its way before the connection ends."""
        ends = {
            "stall": (fault.seconds, self._release),
            "die": (FLUSH_SECONDS, self._client.reset),
            "close": (FLUSH_SECONDS, self._client.close),
        }
        if fault.kind in ends and self._held is None:
            self._held = []
            self._fault_ends = self._host.loop.call_later(*ends[fault.kind])

    def _release(self) -> None:
        held, self._held = self._held or [], None
        self._client.send(b"".join(held))
        if self._left == 0:
            self._client.done()
