"""The head of a request: what may be asked, and which headers count.

Owns the table of routes (what is not in it does not exist) and the rules for headers. Pure: must not read bodies,
know any key, or do I/O.
"""

import itertools
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from tidegate_api.names import REQUEST_ID_HEADER
from tidegate_gateway import errors
from tidegate_gateway.errors import Refused

# "generate" is passed to a worker as it is, "compose" is made of such requests; the others need no worker.
Action = Literal[
    "generate", "compose", "list_models", "show_model", "show_services", "openapi", "docs", "options"
]

HEADER_BYTES: Final = 16 * 1024
HEADER_FIELDS: Final = 100
BODY_BYTES: Final = 4 * 1024 * 1024
LENGTH_DIGITS: Final = 19

GET: Final = (b"GET", b"HEAD")
POST: Final = (b"POST",)
MODEL_PREFIX: Final = b"/v1/models/"

Route = tuple[Action, tuple[bytes, ...]]
ROUTES: Final[dict[bytes, Route]] = {
    b"/v1/chat/completions": ("generate", POST),
    b"/v1/completions": ("generate", POST),
    b"/v1/embeddings": ("generate", POST),
    b"/tokenize": ("generate", POST),
    b"/detokenize": ("generate", POST),
    b"/v1/batch": ("compose", POST),
    b"/v1/generate": ("compose", POST),
    b"/v1/generate_nobatch": ("compose", POST),
    b"/v1/models": ("list_models", GET),
    b"/model": ("show_services", GET),
    b"/openapi.json": ("openapi", GET),
    b"/docs": ("docs", GET),
}
SHOW_MODEL: Final[Route] = ("show_model", GET)
# What takes a body, and what needs no key.
BODIED: Final[frozenset[Action | None]] = frozenset({"generate", "compose"})
KEYLESS: Final[frozenset[Action | None]] = frozenset({"options", "openapi", "docs"})

# Of a client's headers only these reach a worker: never its key, and nothing that a proxy on the way could add.
FORWARDED: Final = frozenset({b"accept", b"accept-encoding", b"user-agent", b"traceparent", b"tracestate"})
# These decide something here, so none but the request id may come twice.
READ: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"transfer-encoding",
        REQUEST_ID_HEADER.encode(),
    }
)
JSON: Final = b"application/json"
REQUEST_ID: Final = REQUEST_ID_HEADER.encode()


HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
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


# Names as clients spell them, by what is done with them: there are few spellings, so each is worked out once, and
# the dozen headers that nobody reads are passed over without a step of Python for each.
_forwarded: dict[bytes, bytes] = {}
_read: dict[bytes, bytes] = {}
_known: set[bytes] = set()
SPELLINGS: Final = 4096
LONGEST_NAME: Final = 64


def _learn(names: Iterable[bytes]) -> None:
    if len(_known) > SPELLINGS:
        for table in (_forwarded, _read, _known):
            table.clear()
    for name in names:
        # None that is looked for is so long, and a client must not fill memory with others.
        if len(name) > LONGEST_NAME:
            continue
        key = name.lower()
        _known.add(name)
        if key in FORWARDED:
            _forwarded[name] = key
        elif key in READ:
            _read[name] = key


class Fields(msgspec.Struct, frozen=True):
    """The header fields of one request: those that are read, and those that go on to a worker."""

    found: dict[bytes, bytes]
    forwarded: bytes


def read_fields(raw: list[tuple[bytes, bytes]]) -> Fields:
    """Return what counts of the fields as they came; raise Refused if they cannot be trusted."""
    if len(raw) > HEADER_FIELDS:
        raise Refused(errors.HEADERS_TOO_LARGE)
    sent = dict(raw)
    names = sent.keys()
    if not names <= _known:
        _learn(names)
    if len(sent) != len(raw):
        _check_once(raw)
    if not b"".join(sent.values()).isascii():
        raise Refused(errors.bad_request("a header is not ASCII."))
    found: dict[bytes, bytes] = {}
    for name in names & _read.keys():
        key = _read[name]
        if key in found and key != REQUEST_ID:
            raise Refused(errors.bad_request(f"the header {key.decode()} came twice."))
        found[key] = sent[name]
    forwarded = names & _forwarded.keys()
    return Fields(found, b"".join([b"%b: %b\r\n" % (_forwarded[name], sent[name]) for name in forwarded]))


def _check_once(raw: list[tuple[bytes, bytes]]) -> None:
    """Refuse a second header of one that decides, and a value that `dict` would hide from the check for ASCII."""
    seen: set[bytes] = set()
    for name, value in raw:
        key = _read.get(name)
        if key is not None and key in seen and key != REQUEST_ID:
            raise Refused(errors.bad_request(f"the header {key.decode()} came twice."))
        if key is not None:
            seen.add(key)
        if not value.isascii():
            raise Refused(errors.bad_request("a header is not ASCII."))


class Ask(msgspec.Struct, frozen=True):
    """What a request line and the headers that decide ask for."""

    path: bytes
    action: Action | None
    problem: errors.Problem | None


def read_head(method: bytes, target: bytes, version: str, fields: Fields, keep_alive: bool) -> Head:
    """Return the request that these headers begin, with the problem that it has, if any.

    Raises Refused where the framing itself cannot be trusted, so that the connection must end.
    """
    get = fields.found.get
    expect = get(b"expect")
    decisive = get(b"host"), get(b"transfer-encoding"), expect, get(b"content-type"), get(b"content-encoding")
    ask = _ask(method, target, version, decisive)
    length = get(b"content-length")
    if length is not None and (len(length) > LENGTH_DIGITS or int(length) > BODY_BYTES):
        raise Refused(errors.BODY_TOO_LARGE)
    return Head(
        method,
        ask.path,
        ask.action,
        ask.problem,
        _request_id(get(REQUEST_ID)),
        fields.forwarded,
        get(b"authorization"),
        expect is not None and version == "1.1",
        keep_alive,
        version == "1.0",
    )


# Host, Transfer-Encoding, Expect, Content-Type, Content-Encoding.
Decisive = tuple[bytes | None, bytes | None, bytes | None, bytes | None, bytes | None]


# Clients send the same few again and again. What cannot be trusted raises, and is never kept.
@lru_cache(maxsize=256)
def _ask(method: bytes, target: bytes, version: str, decisive: Decisive) -> Ask:
    _check_framing(method, target, version, decisive)
    media_type, encoding = decisive[3:]
    path = target.partition(b"?")[0]
    asked = route(method, path)
    if isinstance(asked, errors.Problem):
        return Ask(path, None, asked)
    is_json = (media_type or b"").partition(b";")[0].strip().lower() == JSON
    is_plain = encoding is None or encoding.lower() == b"identity"
    return Ask(path, asked, errors.NOT_JSON if asked in BODIED and not (is_json and is_plain) else None)


def _check_framing(method: bytes, target: bytes, version: str, decisive: Decisive) -> None:
    host, coding, expect, _, _ = decisive
    if version not in {"1.1", "1.0"}:
        raise Refused(errors.bad_request(f"HTTP/{version} is not spoken here; use HTTP/1.1."))
    if not target.startswith(b"/") and not (target == b"*" and method == b"OPTIONS"):
        raise Refused(errors.bad_request("the target must be a path, such as /v1/models."))
    if host is None and version == "1.1":
        raise Refused(errors.bad_request("the Host header is missing."))
    if host is not None and HOST.fullmatch(host.rstrip(b" \t")) is None:
        raise Refused(
            errors.bad_request("the Host header must be a name or an address, with a port or without.")
        )
    if coding is not None and (coding.strip().lower() != b"chunked" or version == "1.0"):
        raise Refused(errors.bad_request("the only Transfer-Encoding is 'chunked', in HTTP/1.1."))
    if expect is not None and expect.strip().lower() != b"100-continue":
        raise Refused(errors.bad_request("the only expectation that can be met is '100-continue'."))


def _request_id(sent: bytes | None) -> str:
    if sent is not None and SANE_REQUEST_ID.fullmatch(sent):
        return sent.decode()
    return new_request_id()
