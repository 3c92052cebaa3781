"""The bytes of an answer's head.

Owns how status, headers and framing are written to a client. Pure.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec

from tidegate_api.names import REQUEST_ID_HEADER
from tidegate_gateway import errors, sse

STATUS_LINES: Final = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE: Final = b"connection: close\r\n"
CHUNKED: Final = b"transfer-encoding: chunked\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
REQUEST_ID: Final = REQUEST_ID_HEADER.encode()

# Of a worker's headers these end here: they speak of its connection to us, or say what software it is.
DROPPED: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        REQUEST_ID,
    }
)


# What a worker's header says about its answer.
HAS_LENGTH: Final = 1
IS_CHUNKED: Final = 2
IS_EVENT_STREAM: Final = 4
IS_ENCODED: Final = 8


# Most headers of most answers are the same.
@lru_cache(maxsize=256)
def line(name: bytes, value: bytes) -> tuple[bytes, int]:
    """Return what a client is sent of a worker's header, perhaps nothing, and what the header says."""
    key = name.lower()
    text = b"%b: %b\r\n" % (key, value)
    if key == b"content-length":
        return text, HAS_LENGTH
    if key in DROPPED:
        return b"", IS_CHUNKED if key == b"transfer-encoding" else 0
    if key == b"content-type":
        return text, IS_EVENT_STREAM if sse.is_stream(value) else 0
    return text, IS_ENCODED if key == b"content-encoding" else 0


class AnswerHead(msgspec.Struct, frozen=True):
    """The head of a worker's answer: the header lines that a client is sent of it, and what they say."""

    status: int
    lines: bytes
    says: int

    @property
    def is_event_stream(self) -> bool:
        """Tell whether events of ours can be put into this answer: not if it is compressed or has a length."""
        return self.says & ~IS_CHUNKED == IS_EVENT_STREAM

    @property
    def is_delimited(self) -> bool:
        """Tell whether its end is told by more than the end of the connection."""
        return self.says & (HAS_LENGTH | IS_CHUNKED) != 0

    @property
    def is_readable(self) -> bool:
        """Tell whether its body is as the engine wrote it, not compressed."""
        return not self.says & IS_ENCODED


def read_head(status: int, fields: list[tuple[bytes, bytes]]) -> AnswerHead:
    """Return the head that a worker sent."""
    lines = []
    says = 0
    for name, value in fields:
        text, said = line(name, value)
        lines.append(text)
        says |= said
    return AnswerHead(status, b"".join(lines), says)


def status_line(status: int) -> bytes:
    """Return the first line of an answer; a status that HTTP does not name keeps its number."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status


def local(
    status: int,
    content: bytes,
    request_id: str,
    headers: tuple[tuple[str, str], ...],
    *,
    close: bool,
    is_head: bool,
) -> bytes:
    """Return a whole answer of the gateway's own; `content` is JSON unless `headers` say otherwise."""
    lines = [status_line(status)]
    lines += [f"{name}: {value}\r\n".encode() for name, value in headers]
    if content and not any(name == "content-type" for name, _ in headers):
        lines.append(b"content-type: application/json\r\n")
    if status != HTTPStatus.NO_CONTENT:
        lines.append(b"content-length: %d\r\n" % len(content))
    lines.append(b"x-request-id: %b\r\n" % request_id.encode())
    if close:
        lines.append(CLOSE)
    lines.append(b"\r\n")
    if not is_head:
        lines.append(content)
    return b"".join(lines)


def refusal(problem: errors.Problem, request_id: str, *, close: bool, is_head: bool) -> bytes:
    """Return a whole answer that tells a problem."""
    content = errors.body(problem, request_id)
    return local(problem.status, content, request_id, problem.headers, close=close, is_head=is_head)
