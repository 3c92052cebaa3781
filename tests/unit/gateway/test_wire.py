"""Requests are the same however their bytes are cut."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Caller
from tidegate_gateway.settings import Limits
from tidegate_gateway.wire import Request, RequestReader

CALLER = Caller("d", "ns", "t", "low", 0, None)
GET = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-x\r\n\r\n"
POST = (
    b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 13\r\nX-Request-Id: one\r\ntraceparent: 00-1\r\n\r\n"
    b'{"model":"m"}'
)
CHUNKED = (
    b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-x\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{"mod\r\n8\r\nel":"m"}\r\n0\r\nTrailer: Host\r\n\r\n'
)
KEYLESS = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nabc"
MESSAGES = (GET, POST, CHUNKED, KEYLESS, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
ENDINGS = (
    b"",
    b"GARBAGE\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
)


@dataclass
class Owner:
    """Takes requests as a connection does."""

    got: list[Request] = field(default_factory=list)
    continues: int = 0

    def identify(self, authorization: bytes | None) -> Caller | None:
        return CALLER if authorization == b"Bearer sk-x" else None

    def deliver(self, request: Request) -> None:
        self.got.append(request)

    def expect_body(self) -> None:
        self.continues += 1


def read(parts: list[bytes], limits: Limits | None = None) -> Owner:
    owner = Owner()
    reader = RequestReader(owner, limits or Limits(), lambda: 0.0)
    for part in parts:
        if not reader.ended:
            reader.feed(part)
    return owner


def seen(owner: Owner) -> list[tuple[object, ...]]:
    return [
        (
            request.head.method,
            request.head.path,
            request.head.problem.code if request.head.problem else None,
            request.head.forwarded,
            request.caller,
            request.body,
        )
        for request in owner.got
    ]


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted({p % (len(data) + 1) for p in points}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a != b]


@settings(deadline=None, max_examples=60)
@given(
    messages=st.lists(st.sampled_from(MESSAGES), max_size=4),
    ending=st.sampled_from(ENDINGS),
    points=st.lists(st.integers(0, 2000), max_size=12),
)
def test_where_bytes_are_cut_changes_nothing(messages: list[bytes], ending: bytes, points: list[int]) -> None:
    data = b"".join(messages) + ending
    assert seen(read(cut(data, points))) == seen(read([data] if data else []))


def test_one_byte_at_a_time_is_enough() -> None:
    data = b"".join(MESSAGES)
    assert seen(read([bytes([byte]) for byte in data])) == seen(read([data]))
    bodies = [request.body for request in read([data]).got]
    assert bodies == [b"", b'{"model":"m"}', b'{"model":"m"}', b"", b""]


@settings(deadline=None, max_examples=60)
@given(junk=st.binary(min_size=1, max_size=300), points=st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_are_a_request_or_a_refusal(junk: bytes, points: list[int]) -> None:
    for request in read(cut(junk, points)).got:
        assert request.head.problem is not None


def test_a_refused_body_is_not_kept() -> None:
    (request,) = read([KEYLESS]).got
    assert request.head.problem is not None
    assert (request.head.problem.code, request.body) == ("invalid_api_key", b"")


def test_a_body_that_is_announced_is_asked_for() -> None:
    owner = read([POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")[:-13]])
    assert (owner.continues, owner.got) == (1, [])


@pytest.mark.parametrize(
    ("limits", "data", "code"),
    [
        (
            Limits(header_bytes=100),
            GET.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 100 + b"\r\n\r\n"),
            "headers_too_large",
        ),
        (Limits(header_bytes=100), b"GET /" + b"a" * 200, "headers_too_large"),
        (Limits(body_bytes=12), CHUNKED, "request_too_large"),
        (
            Limits(body_bytes=13, framing_factor=8),
            CHUNKED.replace(b"x=y", b"x=" + b"y" * 20_000),
            "request_too_large",
        ),
    ],
    ids=["headers", "a target without end", "a body of chunks", "framing around a small body"],
)
def test_limits_hold_however_bytes_come(limits: Limits, data: bytes, code: str) -> None:
    for size in (1, 7, 1000):
        owner = read([data[i : i + size] for i in range(0, len(data), size)], limits)
        problem = owner.got[-1].head.problem
        assert problem is not None
        assert (problem.code, problem.close, len(owner.got)) == (code, True, 1)


def test_a_small_request_behind_a_large_one_is_not_too_large() -> None:
    large = POST.replace(b"13", b"50013").replace(b'"m"', b'"m"' + b" " * 50_000)
    assert [request.head.problem for request in read([large + GET]).got] == [None, None]
