"""Streams of server-sent events: where events end, what they carry, how an error is told in one.

Owns the separation of events, and of ours from what was already sent. Must not end a stream with `[DONE]`: an answer
cut short is not done.

A line ends with CR LF, LF or CR, and an event with an empty line, as in
https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import re
from typing import Final

from tidegate_gateway import errors

MEDIA_TYPE: Final = b"text/event-stream"
LONGEST_SEPARATOR: Final = 4
# Of an event whose end has not come; one token's has some hundred bytes, with all its probabilities some thousand.
MOST_HELD: Final = 4 * 1024 * 1024
# Atomic groups: CR LF must not be read as two ends of lines.
EVENT_END: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
DATA: Final = re.compile(rb"(?:^|[\r\n])data: ?([^\r\n]*)")


def is_stream(content_type: bytes) -> bool:
    """Tell whether an answer of this type is a stream of events."""
    return content_type.lower().startswith(MEDIA_TYPE)


def data_of(event: bytes) -> bytes:
    """Return what an event carries; b"" if it is only a comment."""
    return b"\n".join(DATA.findall(event))


class EventReader:
    """Cuts a stream into what its events carry."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, parts: list[bytes]) -> list[bytes]:
        """Return the data of the events that these parts complete; raise Refused if one has no end."""
        # What is held has been looked through, but for the beginning of an end.
        seen = max(0, len(self._held) - LONGEST_SEPARATOR + 1)
        stream = self._held + b"".join(parts)
        found = []
        start = 0
        for end in EVENT_END.finditer(stream, seen):
            found.append(data_of(stream[start : end.end()]))
            start = end.end()
        self._held = stream[start:]
        if len(self._held) > MOST_HELD:
            raise errors.Refused(errors.worker_failed())
        return [data for data in found if data]


def separator(sent: bytes) -> bytes:
    """Return what must follow the last bytes `sent` before an event of our own may begin.

    Half a line is ended too: the error must never become part of it.
    """
    if not sent or sent.endswith((b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n")):
        return b""
    return b"\n" if sent.endswith((b"\n", b"\r")) else b"\n\n"


def error_event(problem: errors.Problem, request_id: str, sent: bytes) -> bytes:
    """Return the event that ends a stream after the bytes `sent`."""
    return separator(sent) + b"data: " + errors.body(problem, request_id) + b"\n\n"
