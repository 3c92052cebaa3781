"""From the bytes of a client to complete requests, in order.

Owns the parser's callbacks, the limits on size, and the clock by which the next bytes are due. Knows no socket:
what is to be sent is told through `Owner`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import httptools
import msgspec

from tidegate_gateway import errors
from tidegate_gateway.directory import Caller
from tidegate_gateway.errors import Problem, Refused
from tidegate_gateway.repeat import Repeat, remember
from tidegate_gateway.request import BODIED, KEYLESS, Head, new_request_id, read_fields, read_head
from tidegate_gateway.settings import Limits

# A connection whose headers differ this often is not worth comparing any more.
MISSES = 8
NO_UPGRADE = errors.bad_request("no upgrade is possible; leave out the Upgrade header.")


class Request(msgspec.Struct, frozen=True):
    """A complete request, or one whose refusal is already known (its body is not kept)."""

    head: Head
    caller: Caller | None = None
    body: bytes = b""


class Owner(Protocol):
    """Whom a reader tells."""

    def identify(self, authorization: bytes | None) -> Caller | None:
        """Return who is calling."""

    def refuse_key(self, authorization: bytes | None) -> Problem:
        """Return what is told to somebody who could not be identified by this."""

    def deliver(self, request: Request) -> None:
        """Take the next request."""

    def expect_body(self) -> None:
        """Tell the client to send the body that it announced."""


def collector(fields: list[tuple[bytes, bytes]]) -> Callable[[bytes, bytes], None]:
    """Return what the parser calls with each header; a request has a dozen, so it must cost little."""
    append = fields.append
    return lambda name, value: append((name, value))


class RequestReader:
    """Reads the requests of one connection."""

    __slots__ = (
        "_body_due",
        "_body_size",
        "_caller",
        "_clock",
        "_fed",
        "_feed_is_large",
        "_limits",
        "_message_size",
        "_misses",
        "_owner",
        "_parser",
        "_parts",
        "_raw",
        "_repeat",
        "_repeat_left",
        "_target",
        "deadline",
        "ended",
        "head",
        "on_header",
    )

    def __init__(self, owner: Owner, limits: Limits, clock: Callable[[], float]) -> None:
        self._owner = owner
        self._limits = limits
        self._clock = clock
        self._feed_is_large = False
        # The bytes of this feed, if a request begins with them.
        self._fed = b""
        self._repeat: Repeat | None = None
        self._misses = 0
        # Bytes of the body of a repeated head that have yet to come.
        self._repeat_left = 0
        self._raw: list[tuple[bytes, bytes]] = []
        self.on_header = collector(self._raw)
        # No more can be read: what follows is not a request, or comes after the last one.
        self.ended = False
        self.deadline = clock() + limits.header_seconds
        self._begin()
        self._parser: Any = httptools.HttpRequestParser(self)

    def _begin(self) -> None:
        self.head: Head | None = None
        self._caller: Caller | None = None
        self._target = b""
        self._raw.clear()
        self._parts: list[bytes] = []
        self._body_due = 0.0
        self._body_size = 0
        self._message_size = 0

    @property
    def is_idle(self) -> bool:
        """Tell whether no request has begun to arrive."""
        return self._message_size == 0 and self.head is None

    def wait(self, seconds: float) -> None:
        """Expect a next request within `seconds`, or the rest of one that has begun."""
        limits = self._limits
        self.deadline = self._clock() + (seconds if self.is_idle else limits.header_seconds)

    def close(self) -> None:
        """Read no more. The parser holds our bound methods: without this only the garbage collector frees both."""
        self.ended = True
        self._parser = None

    def feed(self, data: bytes) -> None:
        """Read the next bytes; what cannot be understood is delivered as a request with a problem, the last one."""
        # A loop, not recursion: thousands of small requests may come at once.
        while data and not self.ended:
            if self._repeat_left:
                data = self._take_body(data)
            elif self._message_size == 0 and self._repeat is not None:
                data = self._take_repeat(self._repeat, data)
            else:
                self._parse(data)
                return
        if self.head is not None:
            self._await_body()

    def _await_body(self) -> None:
        """Let the next bytes of a body be due soon, and all of it in good time: a byte now and then is not enough."""
        now = self._clock()
        if not self._body_due:
            self._body_due = now + self._limits.body_seconds
        self.deadline = min(now + self._limits.body_idle_seconds, self._body_due)

    def _take_repeat(self, repeat: Repeat, data: bytes) -> bytes:
        """Take the head that came before, and return what follows; any other head is parsed."""
        found = repeat.match(data)
        if found is None:
            self._misses += 1
            if self._misses == MISSES:
                self._repeat = None
            self._parse(data)
            return b""
        self.head = head = repeat.next_head()
        self._caller = self._owner.identify(head.authorization)
        if self._caller is None:
            head.problem = self._owner.refuse_key(head.authorization)
        begin, self._repeat_left = found
        self._message_size = begin
        if self._repeat_left == 0:
            self.on_message_complete()
        return data[begin:]

    def _take_body(self, data: bytes) -> bytes:
        """Take what belongs to the body, and return the rest."""
        left = self._repeat_left
        part, rest = (data, b"") if len(data) <= left else (data[:left], data[left:])
        self._repeat_left = left - len(part)
        if self.head is not None and self.head.problem is None:
            self._parts.append(part)
        if self._repeat_left == 0:
            self.on_message_complete()
        return rest

    def _parse(self, data: bytes) -> None:
        if self._message_size == 0:
            self.deadline = self._clock() + self._limits.header_seconds
            self._fed = data if self._misses < MISSES else b""
        else:
            self._fed = b""
        self._message_size += len(data)
        self._feed_is_large = self._message_size > self._limits.header_bytes
        try:
            self._parser.feed_data(data)
            if self.head is not None:
                self._await_body()
            if self._feed_is_large:
                self._check_message_size()
        except httptools.HttpParserUpgrade:
            self.end(NO_UPGRADE)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refused):
                raise
            self.end(error.__context__.problem)
        except httptools.HttpParserError as error:
            self.end(errors.bad_request(f"{str(error).rstrip('.')}."))
        except Refused as refused:
            self.end(refused.problem)

    def end(self, problem: Problem) -> None:
        """Deliver a last request with this problem, and read no more."""
        head = self.head or Head(b"", b"", None, None, new_request_id())
        head.problem = problem
        head.keep_alive = False
        self.ended = True
        self._begin()
        self._owner.deliver(Request(head))

    # Called by the parser

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url

    def on_headers_complete(self) -> None:
        """Decide what the request is before its body arrives, so that a refused body is never kept."""
        parser = self._parser
        if self.ended:
            raise Refused(NO_UPGRADE)
        if self._feed_is_large:
            self._check_header_size()
        if parser.should_upgrade():
            raise Refused(NO_UPGRADE)
        method, version = parser.get_method(), parser.get_http_version()
        head = read_head(method, self._target, version, read_fields(self._raw), parser.should_keep_alive())
        self.head = head
        self._raw.clear()
        if head.problem is None and head.action not in KEYLESS:
            self._caller = self._owner.identify(head.authorization)
            if self._caller is None:
                head.problem = self._owner.refuse_key(head.authorization)
        if head.expects_continue:
            if head.problem is not None:
                # The client may or may not send the body now: what follows cannot be told apart.
                raise Refused(dataclasses.replace(head.problem, close=True))
            self._owner.expect_body()
        self._message_size = 1

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._body_size += len(part)
        if self._body_size > self._limits.body_bytes:
            raise Refused(errors.BODY_TOO_LARGE)
        head = self.head
        if head is not None and head.problem is None and head.action in BODIED:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """Deliver the request."""
        head, caller, parts = self.head, self._caller, self._parts
        if head is None:
            return
        if not head.keep_alive:
            self.ended = True
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._fed:
            self._repeat = remember(self._fed, head, len(body))
            self._fed = b""
        self._begin()
        self._owner.deliver(Request(head, caller, body))

    def _check_header_size(self) -> None:
        """Count fields, not bytes fed: those may hold a body, or the end of the request before."""
        size = len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._raw)
        if size > self._limits.header_bytes:
            raise Refused(errors.HEADERS_TOO_LARGE)

    def _check_message_size(self) -> None:
        limits = self._limits
        if self.head is None:
            if self._message_size > limits.header_bytes:
                raise Refused(errors.HEADERS_TOO_LARGE)
        elif self._message_size > limits.body_bytes * limits.framing_factor:
            raise Refused(errors.BODY_TOO_LARGE)
