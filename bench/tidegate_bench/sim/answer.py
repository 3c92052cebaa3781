"""The bytes of answers, as uvicorn and vLLM 0.32 write them.

Owns heads, events and bodies. A stream's events differ only in their token, so all else is made once per choice.
"""

import json
from collections.abc import Sequence as Many
from typing import Any, Final

from tidegate_bench.sim.sequence import WORDS, Sequence, text

DONE: Final = b"data: [DONE]\n\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)


def whole(content: bytes, *lines: str, status: int = 200, media_type: str = "application/json") -> bytes:
    """Return an answer with a length; `lines` are further headers."""
    reason = REASONS.get(status, "Service Unavailable" if status == 503 else "Error")
    extra = "".join(f"{line}\r\n" for line in lines)
    head = (
        f"HTTP/1.1 {status} {reason}\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n"
        f"content-length: {len(content)}\r\ncontent-type: {media_type}\r\n{extra}\r\n"
    )
    return head.encode() + content


def error(status: int, kind: str, message: str, param: str | None = None) -> bytes:
    """Return a refusal."""
    told = {"message": message, "type": kind, "param": param, "code": status}
    return whole(json.dumps({"error": told}).encode(), status=status)


def frame(data: bytes) -> bytes:
    """Return one chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def usage(sequences: Many[Sequence], prompts: int, details: bool) -> dict[str, Any]:
    """Return the account of a request with this many prompts."""
    choices = max(1, len(sequences) // prompts)
    asked = sum(sequence.prompt.tokens for sequence in sequences[::choices])
    made = sum(sequence.generated for sequence in sequences)
    told: dict[str, Any] = {
        "prompt_tokens": asked,
        "total_tokens": asked + made,
        "completion_tokens": made,
    }
    if details:
        told["prompt_tokens_details"] = {"cached_tokens": sequences[0].cached_tokens}
    return told


class Events:
    """The events of one choice of a stream."""

    __slots__ = ("_after", "_before", "_head", "_index", "_is_chat", "_last")

    def __init__(self, head: dict[str, Any], index: int, is_chat: bool, reason: str) -> None:
        self._head = head
        self._index = index
        self._is_chat = is_chat
        self._before, self._after = self._around(None)
        self._last = self._around(reason)

    def first(self) -> bytes:
        """Return what comes before the first token: in a chat, the role."""
        if not self._is_chat:
            return b""
        delta = {"role": "assistant", "content": ""}
        choice = {"index": self._index, "delta": delta, "logprobs": None, "finish_reason": None}
        return frame(event(self._head | {"choices": [choice]}))

    def token(self, number: int) -> bytes:
        """Return the event of a token that is not the last."""
        return self._before + WORDS[number % len(WORDS)] + self._after

    def last(self, number: int) -> bytes:
        """Return the event of the last token."""
        before, after = self._last
        return before + WORDS[number % len(WORDS)] + after

    def _around(self, reason: str | None) -> tuple[bytes, bytes]:
        mark = WORDS[0].decode()
        piece: dict[str, Any] = {"delta": {"content": mark}} if self._is_chat else {"text": mark}
        choice = {"index": self._index, **piece, "logprobs": None, "finish_reason": reason}
        if reason is not None or not self._is_chat:
            choice["stop_reason"] = None
        before, _, after = frame(event(self._head | {"choices": [choice]})).partition(WORDS[0])
        return before, after


def event(content: dict[str, Any]) -> bytes:
    """Return one event of a stream."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


def choices(sequences: Many[Sequence], is_chat: bool) -> list[dict[str, Any]]:
    """Return the choices of a whole answer."""
    made = []
    for sequence in sequences:
        words = text(0, sequence.generated).decode()
        piece: dict[str, Any]
        piece = {"message": {"role": "assistant", "content": words}} if is_chat else {"text": words}
        end = {"logprobs": None, "finish_reason": sequence.reason, "stop_reason": None}
        made.append({"index": sequence.index, **piece, **end})
    return made
