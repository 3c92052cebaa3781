"""One answer of HTTP/1.1: where it ends, and whether it is what the engine sent.

Pure. Bodies and tokens are counted: a status code proves nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

from tidegate_bench.engine import CONTENT, REPLY

TOKEN: Final = b'"content":"tok "'
LAST_EVENT: Final = b"data: [DONE]\n\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer holds: tokens of a stream, or the engine's reply."""

    stream: bool
    tokens: int
    # Whether it must be the engine's bytes, or may be written anew.
    verbatim: bool = True


class Reader:
    """Collects one answer after the other."""

    __slots__ = ("_data", "_head_end", "_parts", "_total")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._parts: list[bytes] = []
        self._data = b""
        self._head_end = -1
        self._total = 0

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; return the whole answer once it is there, and begin anew."""
        self._parts.append(data)
        if self._head_end < 0 and not self._read_head():
            return None
        if self._total:
            self._total -= len(data)
            if self._total > 0:
                return None
        elif not data.endswith(LAST_CHUNK) and not self._ends_chunked():
            return None
        whole = b"".join(self._parts)
        self._begin()
        return whole

    def _read_head(self) -> bool:
        data = b"".join(self._parts)
        self._head_end = data.find(b"\r\n\r\n")
        if self._head_end < 0:
            return False
        found = LENGTH.search(data, 0, self._head_end)
        if found:
            # What has come before this part no longer counts.
            before = len(data) - len(self._parts[-1])
            self._total = self._head_end + 4 + int(found[1]) - before
        return True

    def _ends_chunked(self) -> bool:
        """Tell whether the last five bytes came in more than one part."""
        return len(self._parts[-1]) < len(LAST_CHUNK) and b"".join(self._parts[-5:]).endswith(LAST_CHUNK)


def tokens_if_right(answer: bytes, expected: Expected) -> tuple[int, bool]:
    """Return how many tokens an answer holds, and whether it is whole and the engine's."""
    is_ok = answer.startswith(b"HTTP/1.1 200")
    if not expected.stream:
        return 0, is_ok and _is_reply(answer, expected.verbatim)
    found = answer.count(TOKEN)
    if found != expected.tokens and is_ok:
        # A gateway may cut an event into two chunks of HTTP.
        answer = dechunked(answer)
        found = answer.count(TOKEN)
    return found, is_ok and found == expected.tokens and answer.count(LAST_EVENT) == 1


def _is_reply(answer: bytes, verbatim: bool) -> bool:
    if verbatim:
        return answer.endswith(REPLY)
    return CONTENT.encode() in answer and b'"total_tokens":80' in answer.replace(b": ", b":")


def dechunked(answer: bytes) -> bytes:
    """Return the body of a chunked answer without its framing, as far as it goes."""
    at = answer.find(b"\r\n\r\n") + 4
    parts = []
    while (line := answer.find(b"\r\n", at)) >= 0:
        size = int(answer[at:line].split(b";")[0] or b"0", 16)
        if size == 0:
            break
        parts.append(answer[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
    return b"".join(parts)
