"""A worker's answer on its way to an HTTP client: head and framing, flushed as it comes.

Owns what a client's connection is sent of an answer, and how one that breaks off is told from a complete one. Must
not know workers or limits.
"""

from typing import TYPE_CHECKING, Final

from tidegate_gateway import answer, sse
from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.errors import Problem
from tidegate_gateway.request import Head

if TYPE_CHECKING:
    from tidegate_gateway.server import ClientConnection

NO_BODY: Final = frozenset({204, 304})
# What a stream begins with that is held: a head as a worker's, and a comment, which clients read and drop.
HELD: Final = AnswerHead(
    200,
    b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n",
    answer.IS_EVENT_STREAM,
)
WAITING: Final = b": waiting for a worker\n\n"


class Relay:
    """The outlet of one request of a client's connection."""

    # As long as nothing has happened. Set on the class, since most requests change few of them.
    _chunked = False
    _event_stream = False
    _held = False
    _last = b""
    _open_ended = False
    _outgoing_head = b""

    def __init__(self, client: "ClientConnection", head: Head) -> None:
        self._client = client
        self._head = head

    @property
    def is_paused(self) -> bool:
        """Tell whether the client reads slower than it is answered."""
        return self._client.is_paused

    def hold(self, limits: bytes) -> bool:
        """Begin a stream, if it has not begun, and say that it waits: events of it that clients pass over."""
        if not self._held:
            self.begin(HELD, limits)
            self._held = True
        self.write([WAITING], False)
        return True

    def begin(self, head: AnswerHead, limits: bytes) -> None:
        """Make the head; it is sent with the first part of the body, in one packet."""
        if self._held:
            return
        self._event_stream = head.is_event_stream
        framing = b""
        if not head.says & answer.HAS_LENGTH and head.status not in NO_BODY:
            # What ends with the worker's connection may be half of it: only a stream's end tells more. So no frame of
            # ours says that it is whole.
            self._open_ended = not (head.says & answer.IS_CHUNKED or head.is_event_stream)
            if self._head.is_http10 or self._open_ended:
                self._client.close_after = True
            else:
                self._chunked = True
                framing = answer.CHUNKED
        self._outgoing_head = b"%b%b%bx-request-id: %b\r\n%b%b\r\n" % (
            answer.status_line(head.status),
            head.lines,
            limits,
            self._head.request_id.encode(),
            framing,
            answer.CLOSE if self._client.close_after else b"",
        )

    def write(self, parts: list[bytes], complete: bool) -> None:
        """Pass on what came, at once."""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._event_stream and data:
            self._last = data if len(data) >= sse.LONGEST_SEPARATOR else self._last[-4:] + data
        if self._chunked:
            if data:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            if complete:
                data += answer.LAST_CHUNK
        if self._outgoing_head:
            data = self._outgoing_head + data
            self._outgoing_head = b""
        if data:
            self._client.write(data)
        if complete:
            self._client.finish()

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem."""
        if self._held:
            self.cut(problem)
        else:
            self._client.refuse(problem, self._head)

    def cut(self, problem: Problem) -> None:
        """End the answer so that no client takes it for complete."""
        client = self._client
        client.close_after = True
        if not self._event_stream:
            client.break_off(is_open_ended=self._open_ended or self._head.is_http10)
            return
        event = sse.error_event(problem, self._head.request_id, self._last)
        end = b"%x\r\n%b\r\n%b" % (len(event), event, answer.LAST_CHUNK) if self._chunked else event
        client.write(self._outgoing_head + end)
        client.finish()
