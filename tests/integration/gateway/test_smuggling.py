"""Requests that try to hide another one: what one end takes for a body, the other must not take for a request.

Each row is sent in front of a request with a valid key. Either the connection ends with a refusal and nothing behind
it is served, or the row is one clean request and exactly the two requests are served. What reaches a worker is always
framed anew: one Content-Length, no Transfer-Encoding.
"""

import json

import pytest

from integration.gateway.engine import FakeEngine
from integration.gateway.rig import Answer, Rig

BODY = b'{"model":"m","prompt":"visible"}'
HIDDEN = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


def post(
    *lines: bytes, body: bytes = b"", method: bytes = b"POST", target: bytes = b"/v1/completions"
) -> bytes:
    """Return a request with a key; KEY stands for it."""
    rows = (b"%b %b HTTP/1.1" % (method, target), b"Host: a", b"Authorization: Bearer KEY", *lines)
    return b"\r\n".join((*rows, b"Content-Type: application/json", b"", body))


def chunks(*parts: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + last


CL = b"Content-Length: %d" % len(BODY)
TE = b"Transfer-Encoding: chunked"
CHUNKED = chunks(BODY)

# Refused, whatever follows.
DIRTY = {
    # Two ways to say how long
    "length, then chunks": post(CL, TE, body=CHUNKED),
    "chunks, then length": post(TE, CL, body=CHUNKED),
    "length 0 and chunks": post(b"Content-Length: 0", TE, body=CHUNKED),
    "length that covers a hidden request, and chunks": post(
        b"Content-Length: %d" % (5 + len(HIDDEN)), TE, body=b"0\r\n\r\n" + HIDDEN
    ),
    "chunks in another case, and length": post(CL, b"transfer-ENCODING: ChUnKeD", body=CHUNKED),
    "two lengths": post(CL, b"Content-Length: 0", body=BODY),
    "two lengths in another case": post(CL, b"content-length: 0", body=BODY),
    "the same length twice": post(CL, CL, body=BODY),
    "a list of lengths": post(b"Content-Length: 32, 32", body=BODY),
    "a list of two lengths": post(b"Content-Length: 0, 32", body=BODY),
    "a length with a plus": post(b"Content-Length: +32", body=BODY),
    "a length with a minus": post(b"Content-Length: -32", body=BODY),
    "a length in hexadecimal": post(b"Content-Length: 0x20", body=BODY),
    "a length with a point": post(b"Content-Length: 32.0", body=BODY),
    "a length with an underscore": post(b"Content-Length: 3_2", body=BODY),
    "a length with a space within": post(b"Content-Length: 3 2", body=BODY),
    "a length in quotes": post(b'Content-Length: "32"', body=BODY),
    "a length in Arabic digits": post("Content-Length: ٣٢".encode(), body=BODY),
    "an empty length": post(b"Content-Length:", body=BODY),
    "an endless length": post(b"Content-Length: " + b"3" * 40, body=BODY),
    "a length over 64 bits": post(b"Content-Length: 18446744073709551648", body=BODY),
    # Codings
    "two codings in one line": post(b"Transfer-Encoding: chunked, chunked", body=CHUNKED),
    "two codings in two lines": post(TE, TE, body=CHUNKED),
    "identity behind chunked": post(b"Transfer-Encoding: chunked, identity", body=CHUNKED),
    "gzip before chunked": post(b"Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "identity alone": post(b"Transfer-Encoding: identity", body=BODY),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=CHUNKED),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1", body=CHUNKED),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"', body=CHUNKED),
    "chunked behind a comma": post(b"Transfer-Encoding: , chunked", body=CHUNKED),
    "chunked behind a vertical tab": post(b"Transfer-Encoding:\x0bchunked", body=CHUNKED),
    "chunked behind a form feed": post(b"Transfer-Encoding: \x0cchunked", body=CHUNKED),
    "chunked and a NUL": post(b"Transfer-Encoding: chunked\0", body=CHUNKED),
    "an empty coding": post(b"Transfer-Encoding:", body=CHUNKED),
    "an empty coding and a length": post(b"Transfer-Encoding:", CL, body=BODY),
    # Names
    "a space before the colon of the length": post(b"Content-Length : 32", body=BODY),
    "a space before the colon of the coding": post(b"Transfer-Encoding : chunked", body=CHUNKED),
    "a tab before the colon": post(b"Transfer-Encoding\t: chunked", body=CHUNKED),
    "a name with a NUL": post(b"Content\0-Length: 32", body=BODY),
    "a name with a parenthesis": post(b"Content-Length(): 32", body=BODY),
    "a header without a name": post(b": x", CL, body=BODY),
    "a line without a colon": post(b"Content-Length", CL, body=BODY),
    "a name that is not ASCII": post("Cöntent-Length: 32".encode(), body=BODY),
    "a space before a name": post(b" Transfer-Encoding: chunked", body=CHUNKED),
    # Lines
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked", body=CHUNKED),
    "a folded header": post(b"X: a\r\n b", CL, body=BODY),
    "a header folded with a tab": post(b"X: a\r\n\tTransfer-Encoding: chunked", CL, body=BODY),
    "a bare LF after a header": post(b"X: a\nTransfer-Encoding: chunked", CL, body=BODY),
    "a bare CR in a value": post(b"X: a\rTransfer-Encoding: chunked", CL, body=BODY),
    "a NUL in a value": post(b"X: a\0b", CL, body=BODY),
    "a DEL in a value": post(b"X: a\x7fb", CL, body=BODY),
    "bare LFs throughout": post(CL, body=BODY).replace(b"\r\n", b"\n"),
    "a bare LF before the body": post(CL, body=BODY).replace(b"\r\n\r\n", b"\r\n\n"),
    "a bare CR before the body": post(CL, body=BODY).replace(b"\r\n\r\n", b"\r\n\r"),
    "a bare LF in the request line": b"POST /v1/completions HTTP/1.1\nHost: a\r\n\r\n",
    # Chunks
    "a chunk size with 0x": post(TE, body=b"0x20\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size with a plus": post(TE, body=b"+20\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a negative chunk size": post(TE, body=b"-20\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size over 64 bits": post(TE, body=b"10000000000000020\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk without a size": post(TE, body=b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size with an underscore": post(TE, body=b"2_0\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk size behind a space": post(TE, body=b" 20\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a bare LF after a chunk size": post(TE, body=b"20\n" + BODY + b"\r\n0\r\n\r\n"),
    "a bare CR after a chunk size": post(TE, body=b"20\rX" + BODY + b"\r\n0\r\n\r\n"),
    "a bare LF after a chunk": post(TE, body=b"20\r\n" + BODY + b"\n0\r\n\r\n"),
    "no line end after a chunk": post(TE, body=b"20\r\n" + BODY + b"0\r\n\r\n"),
    "a chunk that is longer than it says": post(TE, body=b"1f\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension with a bare LF": post(TE, body=b"20;a\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension with a NUL": post(TE, body=b"20;a\0\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "bare LFs at the end of chunks": post(TE, body=chunks(BODY, last=b"0\n\n")),
    "a folded trailer": post(TE, body=chunks(BODY, last=b"0\r\nX: a\r\n b\r\n\r\n")),
    "a trailer without a name": post(TE, body=chunks(BODY, last=b"0\r\n: a\r\n\r\n")),
    "a length among trailers": post(TE, body=chunks(BODY, last=b"0\r\nContent-Length: 9\r\n\r\n")),
    "a coding among trailers": post(TE, body=chunks(BODY, last=b"0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    # Hosts and targets
    "no host": post(CL, body=BODY).replace(b"Host: a\r\n", b""),
    "two hosts": post(b"Host: b", CL, body=BODY),
    "a host with a path": post(CL, body=BODY).replace(b"Host: a", b"Host: a/v1?"),
    "a host with a user": post(CL, body=BODY).replace(b"Host: a", b"Host: u@a"),
    "a list of hosts": post(CL, body=BODY).replace(b"Host: a", b"Host: a, b"),
    "a host with a tab within": post(CL, body=BODY).replace(b"Host: a", b"Host: a\tb"),
    "an empty host": post(CL, body=BODY).replace(b"Host: a", b"Host:"),
    "a host with a fragment": post(CL, body=BODY).replace(b"Host: a", b"Host: a#b"),
    "a host with a long port": post(CL, body=BODY).replace(b"Host: a", b"Host: a:808080"),
    "a host in brackets that are none": post(CL, body=BODY).replace(b"Host: a", b"Host: [a]"),
    "a full URL": post(CL, body=BODY, target=b"http://a/v1/completions"),
    "a target without a slash": post(CL, body=BODY, target=b"v1/completions"),
    "a target with a space": post(CL, body=BODY, target=b"/v1/completions x"),
    "a target with a NUL": post(CL, body=BODY, target=b"/v1/\0completions"),
    "a target with a tab": post(CL, body=BODY, target=b"/v1/completions\tx"),
    "a target that is not ASCII": post(CL, body=BODY, target="/v1/é".encode()),
    "CONNECT": post(method=b"CONNECT", target=b"a:80"),
    "an unknown method": post(CL, body=BODY, method=b"SMUGGLE"),
    "a method in lower case": post(CL, body=BODY, method=b"post"),
    "a tab in the request line": post(CL, body=BODY).replace(b"POST /", b"POST\t/", 1),
    "text behind the version": post(CL, body=BODY).replace(b"HTTP/1.1", b"HTTP/1.1 x", 1),
    "HTTP/1.2": post(CL, body=BODY).replace(b"HTTP/1.1", b"HTTP/1.2", 1),
    "HTTP/11": post(CL, body=BODY).replace(b"HTTP/1.1", b"HTTP/11", 1),
    "no version": b"GET /v1/models\r\nHost: a\r\n\r\n",
    "chunks in HTTP/1.0": post(TE, body=CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade": post(b"Connection: Upgrade", b"Upgrade: h2c", CL, body=BODY),
    "TLS": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n",
    # Decisions twice
    "two keys": post(b"Authorization: Bearer sk-other", CL, body=BODY),
    "two types": post(b"Content-Type: text/plain", CL, body=BODY),
    "two expectations": post(b"Expect: 100-continue", b"Expect: 100-continue", CL, body=BODY),
}  # fmt: skip

# One request each, and the one behind it is served too. `None`: not even to a worker.
CLEAN: dict[str, tuple[bytes, int, bytes | None]] = {
    "a length": (post(CL, body=BODY), 200, BODY),
    "a length with leading zeros": (post(b"Content-Length: 0000032", body=BODY), 200, BODY),
    "a length between spaces": (post(b"Content-Length: \t32 ", body=BODY), 200, BODY),
    "chunks": (post(TE, body=CHUNKED), 200, BODY),
    "chunks of a byte": (post(TE, body=chunks(*(bytes([byte]) for byte in BODY))), 200, BODY),
    "chunked in another case": (post(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKED), 200, BODY),
    "a chunk size in capitals with zeros": (post(TE, body=b"0000020\r\n" + BODY + b"\r\n0\r\n\r\n"), 200, BODY),
    "an extension": (post(TE, body=b"20;a=b;c\r\n" + BODY + b"\r\n0\r\n\r\n"), 200, BODY),
    "trailers": (post(TE, body=chunks(BODY, last=b"0\r\nX-Trailer: evil\r\nHost: b\r\n\r\n")), 200, BODY),
    "a body that looks like a request": (
        post(b"Content-Length: %d" % len(HIDDEN), body=HIDDEN), 400, None,
    ),
    "a prompt that looks like a request": (
        post(TE, body=chunks(json.dumps({"model": "m", "prompt": HIDDEN.decode()}).encode())),
        200,
        json.dumps({"model": "m", "prompt": HIDDEN.decode()}).encode(),
    ),
    "a GET with a body": (post(CL, body=BODY, method=b"GET", target=b"/v1/models"), 200, None),
    "a body with a wrong key": (post(CL, body=BODY).replace(b"KEY", b"sk-wrong"), 401, None),
    "a body of another type": (post(CL, body=BODY).replace(b"/json", b"/xml"), 415, None),
    "a route that does not exist": (post(CL, body=BODY, target=b"/v1/completions/../pause"), 404, None),
    "a query": (post(CL, body=BODY, target=b"/v1/completions?x=/pause"), 200, BODY),
    "an escaped route": (post(CL, body=BODY, target=b"/v1/%63ompletions"), 404, None),
    "headers that only look like framing": (
        post(b"X-Transfer-Encoding: chunked", b"Content-Length-X: 9", CL, body=BODY), 200, BODY,
    ),
    "headers of proxies": (
        post(b"X-Forwarded-Host: b", b"X-Original-URL: /pause", b"X-HTTP-Method-Override: DELETE", CL, body=BODY),
        200, BODY,
    ),
    "headers named by Connection": (
        post(b"Connection: keep-alive, content-length, authorization", CL, body=BODY), 200, BODY,
    ),
    "two spaces in the request line": (post(CL, body=BODY).replace(b" HTTP", b"  HTTP", 1), 200, BODY),
    "empty lines before it": (b"\r\n\r\n" + post(CL, body=BODY), 200, BODY),
}  # fmt: skip


def check(answer: Answer) -> None:
    assert answer.error["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["connection"] == "close"


@pytest.mark.case(37)
@pytest.mark.parametrize("request_bytes", DIRTY.values(), ids=DIRTY.keys())
async def test_what_could_be_read_two_ways_ends_the_connection(
    rig: Rig, engine: FakeEngine, request_bytes: bytes
) -> None:
    client = await rig.client()
    await client.send(request_bytes.replace(b"KEY", rig.key.encode()) + rig.post())
    answer = await client.read()
    assert answer.status in {400, 413}, answer
    check(answer)
    assert await client.read_to_end() == b"", "nothing behind it is served"
    assert engine.calls == []


@pytest.mark.case(37)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("row", CLEAN.values(), ids=CLEAN.keys())
async def test_what_can_be_read_in_one_way_is_one_request(
    rig: Rig, engine: FakeEngine, row: tuple[bytes, int, bytes | None], at_once: bool
) -> None:
    request_bytes, status, body = row
    client = await rig.client()
    data = request_bytes.replace(b"KEY", rig.key.encode()) + rig.post()
    size = len(data) if at_once else 1
    for start in range(0, len(data), size):
        await client.send(data[start : start + size])
    assert (await client.read()).status == status
    assert (await client.read()).status == 200
    bodies = [call.body.partition(b",")[2].partition(b",")[2] for call in engine.calls]
    assert bodies[:-1] == ([] if body is None else [body[1:]])
    assert b'"messages"' in bodies[-1]
    for call in engine.calls:
        names = [name for name, _ in call.headers]
        assert names.count("content-length") == 1
        assert len(names) == len(set(names))
        assert not set(names) - {"host", "content-type", "content-length", "x-request-id"}


def test_the_corpus_is_large_enough() -> None:
    assert len(DIRTY) + len(CLEAN) >= 100
