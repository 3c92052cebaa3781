"""Requests are the same however their bytes are cut."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Caller
from tidegate_gateway.errors import INVALID_KEY, Problem
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
LONGER = POST.replace(b"Length: 13", b"Length: 21").replace(b'"m"}', b'"m","n":  1}')
OTHER_ID = POST.replace(b"Request-Id: one", b"Request-Id: two")
WRONG_KEY = POST.replace(b"sk-x", b"sk-y")
EMPTY = POST.replace(b"Length: 13", b"Length: 0").replace(b'{"model":"m"}', b"")
MESSAGES = (
    GET,
    POST,
    POST,
    LONGER,
    OTHER_ID,
    WRONG_KEY,
    EMPTY,
    CHUNKED,
    KEYLESS,
    b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
)
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
    known: bool = True

    def identify(self, authorization: bytes | None) -> Caller | None:
        return CALLER if self.known and authorization == b"Bearer sk-x" else None

    def refuse_key(self, _: bytes | None) -> Problem:
        return INVALID_KEY

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


@settings(deadline=None, max_examples=200)
@given(
    messages=st.lists(st.sampled_from(MESSAGES), max_size=6),
    ending=st.sampled_from(ENDINGS),
    points=st.lists(st.integers(0, 2000), max_size=12),
)
def test_where_bytes_are_cut_changes_nothing(messages: list[bytes], ending: bytes, points: list[int]) -> None:
    data = b"".join(messages) + ending
    assert seen(read(cut(data, points))) == seen(read([data] if data else []))


REPEATING = (POST, LONGER, OTHER_ID, EMPTY, POST)


@settings(deadline=None, max_examples=100)
@given(points=st.lists(st.integers(0, 2000), max_size=8))
def test_heads_that_repeat_are_read_as_if_parsed(points: list[int]) -> None:
    alone = [seen(read([message]))[0] for message in REPEATING]
    parts = list(REPEATING[:1]) + cut(b"".join(REPEATING[1:]), points)
    assert seen(read(parts)) == alone


@pytest.mark.parametrize(
    "second",
    [
        POST.replace(b"Length: 13", b"Length: 1 3"),
        POST.replace(b"Length: 13", b"Length: +13"),
        POST.replace(b"Length: 13", b"Length: 0x13"),
        POST.replace(b"Length: 13", b"Length: 13, 13"),
        POST.replace(b"Length: 13", b"Length: 99999999"),
        POST.replace(b"Length: 13", b"Length: "),
        POST.replace(b"Host: a", b"Host: a\r\nHost: b"),
        POST.replace(b"\r\nX-Req", b"\r\nTransfer-Encoding: chunked\r\nX-Req"),
        POST.replace(b"Length: 13\r\n", b"Length: 13\r\nContent-Length: 14\r\n"),
        POST.replace(b"Length: 13\r\n", b"Length: 13\n"),
    ],
)
def test_a_head_that_only_resembles_the_last_one_is_judged_by_the_parser(second: bytes) -> None:
    alone = [entry[2] for entry in seen(read([second]))]
    assert [entry[2] for entry in seen(read([POST, second]))] == [None, *alone]


def test_a_key_that_is_revoked_is_asked_for_again_on_the_same_connection() -> None:
    owner = Owner()
    reader = RequestReader(owner, Limits(), lambda: 0.0)
    reader.feed(POST)
    owner.known = False
    reader.feed(POST)
    assert [entry[2] for entry in seen(owner)] == [None, "invalid_api_key"]


def test_each_repetition_is_a_request_of_its_own() -> None:
    nameless = POST.replace(b"X-Request-Id: one\r\n", b"")
    owner = read([nameless] * 3)
    assert len({request.head.request_id for request in owner.got}) == 3
    assert {request.head.request_id for request in read([POST] * 3).got} == {"one"}


def test_thousands_of_small_repetitions_at_once_are_no_recursion() -> None:
    assert len(read([POST, POST * 5000]).got) == 5001


def test_headers_that_always_differ_are_soon_not_compared_any_more() -> None:
    different = [POST.replace(b"Id: one", b"Id: n%d" % n) for n in range(40)]
    assert [request.head.request_id for request in read(different).got] == [f"n{n}" for n in range(40)]


def test_one_byte_at_a_time_is_enough() -> None:
    data = b"".join(MESSAGES)
    assert seen(read([bytes([byte]) for byte in data])) == seen(read([data]))
    bodies = [request.body for request in read([data]).got]
    one = b'{"model":"m"}'
    assert bodies == [b"", one, one, b'{"model":"m","n":  1}', one, b"", b"", one, b"", b""]


@settings(deadline=None, max_examples=200)
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
