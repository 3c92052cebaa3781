"""The head of a request: what may be asked, and which headers count.

Owns the table of routes (what is not in it does not exist) and the rules for headers. Pure: must not read bodies,
know any key, or do I/O.
"""

import itertools
import os
import re
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from tidegate_api.names import REQUEST_ID_HEADER
from tidegate_gateway import errors
from tidegate_gateway.errors import Refused

Action = Literal["generate", "list_models", "show_model", "options"]

HEADER_BYTES: Final = 16 * 1024
HEADER_FIELDS: Final = 100
BODY_BYTES: Final = 4 * 1024 * 1024

GET: Final = (b"GET", b"HEAD")
POST: Final = (b"POST",)
MODEL_PREFIX: Final = b"/v1/models/"

Route = tuple[Action, tuple[bytes, ...]]
ROUTES: Final[dict[bytes, Route]] = {
    b"/v1/chat/completions": ("generate", POST),
    b"/v1/completions": ("generate", POST),
    b"/v1/models": ("list_models", GET),
}
SHOW_MODEL: Final[Route] = ("show_model", GET)

# Of a client's headers only these reach a worker: never its key, and nothing that a proxy on the way could add.
FORWARDED: Final = frozenset({b"accept", b"accept-encoding", b"user-agent", b"traceparent", b"tracestate"})
SINGLE: Final = frozenset(
    {b"host", b"authorization", b"content-type", b"content-encoding", b"expect", b"transfer-encoding"}
)
JSON: Final = b"application/json"
REQUEST_ID: Final = REQUEST_ID_HEADER.encode()
READ: Final = SINGLE | {b"content-length", REQUEST_ID}

HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
SANE_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class Head(msgspec.Struct):
    """A request whose headers are in: what it asks, or the problem that it will be answered with."""

    method: bytes
    path: bytes
    action: Action | None
    problem: errors.Problem | None
    request_id: str
    forwarded: bytes = b""
    authorization: bytes | None = None
    expects_continue: bool = False
    keep_alive: bool = True
    is_http10: bool = False


# Random once per process, then counted: a random number for each request costs a system call.
_ids: Final = map(
    "req-%s-%x".__mod__, zip(itertools.repeat(os.urandom(8).hex()), itertools.count(1), strict=False)
)


def new_request_id() -> str:
    """Return an id that no other request has."""
    return next(_ids)


def route(method: bytes, path: bytes) -> Action | errors.Problem:
    """Return what a method and path ask for, or why not."""
    if path == b"*":
        return "options"
    found = ROUTES.get(path)
    if found is None:
        if not path.startswith(MODEL_PREFIX) or len(path) == len(MODEL_PREFIX):
            return errors.not_found(method, path)
        found = SHOW_MODEL
    action, methods = found
    if method in methods:
        return action
    return "options" if method == b"OPTIONS" else errors.method_not_allowed(method, allowed(path))


def allowed(path: bytes) -> str:
    """Return the methods that a path has, as in an Allow header."""
    _, methods = ROUTES.get(path, SHOW_MODEL)
    return b", ".join((*methods, b"OPTIONS")).decode()


def model_of(path: bytes) -> str:
    """Return the model that a path below /v1/models/ names."""
    return unquote_to_bytes(path[len(MODEL_PREFIX) :]).decode("utf-8", "replace")


# What to do with a header, by its name as clients spell it: they use few spellings, so each is worked out once.
DROP: Final = b"-"
FORWARD: Final = b">"
_uses: dict[bytes, tuple[bytes, bytes]] = {}
SPELLINGS: Final = 1024


def _use_of(name: bytes) -> tuple[bytes, bytes]:
    """Return the lower-case name of a header, with what to do with it."""
    key = name.lower()
    use = key, FORWARD if key in FORWARDED else key if key in READ else DROP
    if len(_uses) < SPELLINGS:
        _uses[name] = use
    return use


class Fields:
    """The header fields of one request that the gateway reads, each at most once."""

    __slots__ = ("count", "found", "lines", "refusal", "size")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin with the next request."""
        self.count = 0
        self.size = 0
        self.found: dict[bytes, bytes] = {}
        self.lines: list[bytes] = []
        self.refusal: errors.Problem | None = None

    def add(self, name: bytes, value: bytes) -> None:
        """Take the next field; what is wrong with it is told once all are in."""
        key, use = _uses.get(name) or _use_of(name)
        self.count += 1
        self.size += len(name) + len(value) + 4
        if not value.isascii():
            self.refusal = errors.bad_request(f"the header {errors.shown(key)} is not ASCII.")
        elif use is DROP:
            return
        elif use is FORWARD:
            self.lines.append(b"%b: %b\r\n" % (key, value))
        elif key in self.found and key in SINGLE:
            self.refusal = errors.bad_request(f"the header {key.decode()} came twice.")
        else:
            self.found[key] = value.rstrip(b" \t")


def read_head(method: bytes, target: bytes, version: str, fields: Fields, keep_alive: bool) -> Head:
    """Return the request that these headers begin, with the problem that it has, if any.

    Raises Refused where the framing itself cannot be trusted, so that the connection must end.
    """
    if fields.count > HEADER_FIELDS:
        raise Refused(errors.HEADERS_TOO_LARGE)
    if fields.refusal is not None:
        raise Refused(fields.refusal)
    found = fields.found
    _check_framing(method, target, version, found)
    path = target.partition(b"?")[0]
    asked = route(method, path)
    problem = asked if isinstance(asked, errors.Problem) else None
    if asked == "generate":
        problem = _check_media_type(found)
    return Head(
        method,
        path,
        None if isinstance(asked, errors.Problem) else asked,
        problem,
        _request_id(found.get(REQUEST_ID)),
        b"".join(fields.lines),
        found.get(b"authorization"),
        b"expect" in found and version == "1.1",
        keep_alive,
        version == "1.0",
    )


def _check_framing(method: bytes, target: bytes, version: str, found: dict[bytes, bytes]) -> None:
    if version not in {"1.1", "1.0"}:
        raise Refused(errors.bad_request(f"HTTP/{version} is not spoken here; use HTTP/1.1."))
    if not target.startswith(b"/") and not (target == b"*" and method == b"OPTIONS"):
        raise Refused(errors.bad_request("the target must be a path, such as /v1/models."))
    host = found.get(b"host")
    if host is None and version == "1.1":
        raise Refused(errors.bad_request("the Host header is missing."))
    if host is not None and HOST.fullmatch(host) is None:
        raise Refused(
            errors.bad_request("the Host header must be a name or an address, with a port or without.")
        )
    coding = found.get(b"transfer-encoding")
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
        raise Refused(errors.bad_request("the only Transfer-Encoding is 'chunked', in HTTP/1.1."))
    length = found.get(b"content-length")
    if length is not None and int(length) > BODY_BYTES:
        raise Refused(errors.BODY_TOO_LARGE)
    expect = found.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise Refused(errors.bad_request("the only expectation that can be met is '100-continue'."))


def _check_media_type(found: dict[bytes, bytes]) -> errors.Problem | None:
    media_type = found.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if (
        media_type != b"application/json"
        or found.get(b"content-encoding", b"identity").lower() != b"identity"
    ):
        return errors.NOT_JSON
    return None


def _request_id(sent: bytes | None) -> str:
    if sent is not None and SANE_REQUEST_ID.fullmatch(sent):
        return sent.decode()
    return new_request_id()
