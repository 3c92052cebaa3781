"""What clients may send, and what they are told otherwise: every row of bad input on a real socket."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from integration.gateway.engine import CHAT, Call, FakeEngine, complete
from integration.gateway.rig import QUICK, Answer, Rig, close_rig, eventually, make_rig
from tidegate_gateway.request import BODY_BYTES

HOST = b"Host: gateway\r\n"
CALL = b'{"model":"m","messages":[{"role":"user","content":"?"}]}'


def check_refusal(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    assert set(answer.error) == {"message", "type", "param", "code", "request_id"}
    assert answer.error["request_id"] == answer.headers["x-request-id"]
    assert len(answer.error["message"]) < 600


# Keys


KEYLESS = {
    "no header": (),
    "another scheme": ("Authorization: Basic c2stYTpi",),
    "an empty key": ("Authorization: Bearer ",),
    "a key without our prefix": ("Authorization: Bearer abc",),
    "an unknown key": ("Authorization: Bearer sk-" + "A" * 43,),
    "an endless key": ("Authorization: Bearer sk-" + "A" * 4000,),
    "a digest in place of a key": ("Authorization: Bearer sk-" + "0" * 64,),
}


@pytest.mark.parametrize("lines", KEYLESS.values(), ids=KEYLESS.keys())
async def test_without_a_valid_key_all_get_the_same_answer(
    rig: Rig, engine: FakeEngine, lines: tuple[str, ...]
) -> None:
    client = await rig.client()
    rows = [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: a",
        "Content-Type: application/json",
        "Content-Length: 2",
    ]
    await client.send("\r\n".join([*rows, *lines, "", "{}"]).encode())
    answer = await client.read()
    check_refusal(answer, 401, "invalid_api_key")
    assert answer.error["message"].startswith("No valid API key was sent.")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert engine.calls == []


async def test_an_expired_key_is_refused(rig: Rig, engine: FakeEngine) -> None:
    rig.publish([engine], callers=[rig.caller(not_after=time.time() + 3600)])
    assert (await rig.ask(rig.post())).status == 200
    rig.publish([engine], callers=[rig.caller(not_after=time.time() - 1)])
    check_refusal(await rig.ask(rig.post()), 401, "invalid_api_key")


async def test_a_revoked_key_is_refused_on_a_connection_that_is_open(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    await client.send(rig.post())
    assert (await client.read()).status == 200
    rig.publish([engine], callers=[])
    await client.send(rig.post())
    check_refusal(await client.read(), 401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/m"])
async def test_models_need_a_key_too(rig: Rig, path: str) -> None:
    client = await rig.client()
    await client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    check_refusal(await client.read(), 401, "invalid_api_key")


# Routes


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v1", "/v1/", "/metrics", "/health", "/invocations", "/pause", "/v1/responses", "/v1/models/",
        "/v1/chat/completions/", "/v1//chat/completions", "/v1/chat/%63ompletions", "/V1/models",
        "/v1/chat/completions/../../metrics", "/v1/chat/completions;x", "/update_weights",
    ],
)  # fmt: skip
async def test_other_routes_do_not_exist(rig: Rig, engine: FakeEngine, path: str) -> None:
    check_refusal(await rig.get(path), 404, "unknown_url")
    check_refusal(await rig.ask(rig.post(path=path)), 404, "unknown_url")
    assert engine.calls == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"),
        ("HEAD", "/v1/completions", "POST, OPTIONS"),
        ("DELETE", "/v1/models/m", "GET, HEAD, OPTIONS"),
        ("PUT", "/v1/models", "GET, HEAD, OPTIONS"),
    ],
)
async def test_other_methods_are_not_allowed(rig: Rig, method: str, path: str, allow: str) -> None:
    answer = await rig.get(path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, allow)


@pytest.mark.case(12)
@pytest.mark.parametrize(
    ("path", "allow"), [("/v1/models", "GET, HEAD, OPTIONS"), ("/v1/completions", "POST, OPTIONS")]
)
async def test_options_needs_no_key(rig: Rig, path: str, allow: str) -> None:
    client = await rig.client()
    await client.send(f"OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    answer = await client.read()
    assert (answer.status, answer.headers["allow"], answer.body) == (204, allow, b"")


@pytest.mark.case(12)
async def test_head_has_the_length_of_get_but_no_body(rig: Rig) -> None:
    got = await rig.get("/v1/models")
    client = await rig.client()
    request = f"HEAD /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {rig.key}\r\n\r\n".encode()
    await client.send(request * 2)
    for _ in range(2):
        answer = await client.read(is_head=True)
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(got.body)))


@pytest.mark.case(31)
async def test_models_are_those_of_the_key_and_sleeping_ones_stay(rig: Rig) -> None:
    listed = json.loads((await rig.get("/v1/models?limit=1")).body)
    assert listed["object"] == "list"
    assert [(entry["id"], entry["object"]) for entry in listed["data"]] == [
        ("asleep", "model"),
        ("m", "model"),
    ]
    assert json.loads((await rig.get("/v1/models/asleep")).body)["id"] == "asleep"
    assert json.loads((await rig.get("/v1/models/%6D")).body)["id"] == "m"
    check_refusal(await rig.get("/v1/models/other"), 404, "model_not_found")
    check_refusal(await rig.get("/v1/models/none"), 404, "model_not_found")


# Models and bodies


@pytest.mark.case(31)
async def test_a_model_of_another_namespace_looks_like_none(rig: Rig, engine: FakeEngine) -> None:
    other, none = await rig.ask(rig.post(model="other")), await rig.ask(rig.post(model="nosuch"))
    check_refusal(other, 404, "model_not_found")
    assert other.error["message"].replace("other", "nosuch", 1) == none.error["message"]
    assert other.error["param"] == "model"


async def test_a_model_without_a_ready_worker_asks_to_come_back(rig: Rig) -> None:
    answer = await rig.ask(rig.post(model="asleep"))
    check_refusal(answer, 503, "no_ready_worker")
    assert answer.headers["retry-after"] == "5"


def named(model: str) -> bytes:
    """Return a request that is good but for the JSON of its model."""
    return CALL.replace(b'"m"', model.encode())


BODIES: dict[str, tuple[bytes, str, str]] = {
    "cut off": (b'{"model":"m"', "invalid_json", "at byte 12"),
    "a comma too many": (b'{"model":"m",}', "invalid_json", "at byte 13"),
    "a raw NUL": (b'{"model":"m\x00"}', "invalid_json", "at byte 11"),
    "a lone surrogate": (b'{"model":"m","a":"\\ud800"}', "invalid_json", "half of a pair"),
    "not UTF-8": (b'{"model":"m","a":"\xff"}', "invalid_json", "not UTF-8 (at byte 18)"),
    "NaN": (b'{"model":"m","temperature":NaN}', "invalid_json", "at byte 27"),
    "a key twice": (b'{"model":"m","model":"m"}', "invalid_json", "twice"),
    "a hidden second key": (b'{"model":"m","a":1 ,  "\\u0061":2}', "invalid_json", "twice"),
    "too deep": (b'{"model":"m","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json", "too deep"),
    "too deep and cut off": (b'{"model":"m","a":' + b"[" * 100_000, "invalid_json", "too deep"),
    "an array": (b"[]", "invalid_json", "must be an object"),
    "empty": (b"", "invalid_json", "at byte 0"),
    "a byte order mark": (b'\xef\xbb\xbf{"model":"m"}', "invalid_json", "at byte 0"),
    "no model": (b'{"messages":[{"role":"user","content":"?"}]}', "missing_required_parameter", "'model' is missing"),
    "a number as model": (b'{"model":7}', "invalid_type", "must be a string"),
    "a path as model": (named('"../../etc"'), "invalid_model_name", "those match"),
    "an escaped path as model": (named('"%2e%2e"'), "invalid_model_name", "those match"),
    "a NUL in the model": (named('"a\\u0000b"'), "invalid_model_name", "a?b"),
    "a right-to-left mark in the model": (named('"a\u200fb"'), "invalid_model_name", "a?b"),
    "an endless model": (named('"%s"' % ("a" * 10_000)), "invalid_model_name", "aaa…"),
    "n of a milliard": (b'{"model":"m","n":1000000000}', "param_out_of_range", "from 1 to 16"),
    "n of true": (b'{"model":"m","n":true}', "param_out_of_range", "from 1 to 16"),
    "n as text": (b'{"model":"m","n":"2"}', "param_out_of_range", "from 1 to 16"),
    "negative max_tokens": (b'{"model":"m","max_tokens":-1}', "param_out_of_range", "'max_tokens' must be"),
    "absurd temperature": (b'{"model":"m","temperature":1e308}', "param_out_of_range", "from 0 to 100"),
    "a million top_logprobs": (b'{"model":"m","top_logprobs":1000000}', "param_out_of_range", "from 0 to 1000"),
    "too many stops": (b'{"model":"m","stop":[%b""]}' % (b'"a",' * 10_000), "param_out_of_range", "at most 64"),
    "stream as text": (b'{"model":"m","stream":"yes"}', "param_out_of_range", "true or false"),
    "prompt_embeds": (b'{"model":"m","prompt_embeds":"x"}', "unsupported_parameter", "leave it out"),
    "trust_remote_code": (b'{"model":"m","trust_remote_code":true}', "unsupported_parameter", "leave it out"),
    "chat_template": (b'{"model":"m","chat_template":"{{x}}"}', "unsupported_parameter", "leave it out"),
    "an escaped chat_template": (b'{"model":"m","chat\\u005ftemplate":"x"}', "unsupported_parameter", "leave it out"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code", "says"), BODIES.values(), ids=BODIES.keys())
async def test_a_bad_body_is_named(rig: Rig, engine: FakeEngine, body: bytes, code: str, says: str) -> None:
    client = await rig.client()
    await client.send(rig.head(length=len(body)) + body)
    answer = await client.read()
    check_refusal(answer, 400, code)
    assert says in answer.error["message"]
    await client.send(rig.post())
    assert (await client.read()).status == 200, "the connection is still good"
    assert len(engine.calls) == 1


@pytest.mark.parametrize(
    "lines",
    [("Content-Type: text/plain",), ("Content-Type: application/json", "Content-Encoding: gzip"), ()],
    ids=["text", "compressed", "nothing"],
)
async def test_a_body_that_is_not_json_is_refused(rig: Rig, lines: tuple[str, ...]) -> None:
    rows = [
        "POST /v1/completions HTTP/1.1",
        "Host: a",
        f"Authorization: Bearer {rig.key}",
        "Content-Length: 2",
        *lines,
    ]
    check_refusal(await rig.ask("\r\n".join([*rows, "", "{}"]).encode()), 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_is_accepted_with_parameters(rig: Rig, engine: FakeEngine, media_type: str) -> None:
    rows = [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: a",
        f"Authorization: Bearer {rig.key}",
        f"Content-Length: {len(CALL)}",
    ]
    answer = await rig.ask("\r\n".join([*rows, f"Content-Type: {media_type}", "", CALL.decode()]).encode())
    assert answer.status == 200


async def test_an_announced_body_that_is_too_large_is_refused_at_once(rig: Rig) -> None:
    client = await rig.client()
    await client.send(rig.head(length=BODY_BYTES + 1))
    answer = await client.read()
    check_refusal(answer, 413, "request_too_large")
    assert answer.headers["connection"] == "close"


async def test_a_chunked_body_that_grows_too_large_is_refused(rig: Rig) -> None:
    client = await rig.client()
    await client.send(rig.head("Transfer-Encoding: chunked"))
    block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for _ in range(BODY_BYTES // 65536 + 1):
        await client.send(block)
    check_refusal(await client.read(), 413, "request_too_large")


async def test_the_largest_body_is_passed_on(rig: Rig, engine: FakeEngine) -> None:
    frame = b'{"model":"m","prompt":""}'
    body = frame[:-2] + b"x" * (BODY_BYTES - len(frame)) + frame[-2:]
    assert len(body) == BODY_BYTES
    assert (await rig.ask(rig.head(path="/v1/completions", length=len(body)) + body)).status == 200
    assert len(json.loads(engine.calls[0].body)["prompt"]) == BODY_BYTES - len(frame)


async def test_endless_chunk_extensions_are_refused(rig: Rig) -> None:
    client = await rig.client()
    await client.send(rig.head("Transfer-Encoding: chunked") + b"1;")
    with_end = asyncio.create_task(client.read())
    block = b"x" * 2**20
    for _ in range(40):
        if with_end.done():
            break
        await client.send(block)
    check_refusal(await with_end, 413, "request_too_large")


@pytest.mark.case(12)
async def test_a_body_of_tiny_chunks_with_a_trailer_works(rig: Rig, engine: FakeEngine) -> None:
    body = json.dumps({"model": "m", "prompt": "x" * 50_000}).encode()
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body) + b"0\r\nX-Trailer: evil\r\n\r\n"
    answer = await rig.ask(rig.head("Transfer-Encoding: chunked", path="/v1/completions") + chunks)
    assert answer.status == 200
    assert json.loads(engine.calls[0].body)["prompt"] == "x" * 50_000
    assert engine.calls[0].header("x-trailer") is None


@pytest.mark.case(12)
async def test_expect_continue_works(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    body = CALL
    await client.send(rig.head("Expect: 100-continue", length=len(body)))
    assert (await client.read_head())[0] == 100
    await client.send(body)
    assert (await client.read()).status == 200


async def test_expect_continue_behind_another_request_waits_for_its_answer(
    rig: Rig, engine: FakeEngine
) -> None:
    client = await rig.client()
    body = CALL
    await client.send(rig.post() + rig.head("Expect: 100-continue", length=len(body)))
    assert (await client.read()).body == CHAT
    assert (await client.read_head())[0] == 100
    await client.send(body)
    assert (await client.read()).status == 200


async def test_expect_continue_with_a_wrong_key_gets_its_answer_at_once(rig: Rig) -> None:
    client = await rig.client()
    head = rig.head("Expect: 100-continue", length=99).replace(rig.key.encode(), b"sk-wrong")
    await client.send(head)
    check_refusal(await client.read(), 401, "invalid_api_key")
    assert await client.read_to_end() == b""


# What reaches the worker


async def test_the_class_of_the_key_becomes_the_priority(rig: Rig, engine: FakeEngine) -> None:
    sent = (
        '{"model":"m", "messages":[{"role":"user","content":"é🌊\\u00e9"}],\n "x": 1.50,"priority":-999999, '
        '"z":{"priority":1}}'
    )
    client = await rig.client()
    await client.send(rig.head("X-Priority: -5", length=len(sent.encode())) + sent.encode())
    assert (await client.read()).status == 200
    assert engine.calls[0].body.decode() == (
        '{"priority":-100,"cache_salt":"salt-of-tenant","model":"m", "messages":[{"role":"user","content":"é🌊\\u00e9"}'
        '],\n "x": 1.50, "z":{"priority":1}}'
    )


@pytest.mark.case(33)
@pytest.mark.parametrize(("qos_class", "priority"), [("high", -100), ("medium", -50), ("low", 0)])
async def test_a_body_without_priority_is_left_as_it_is(
    rig: Rig, engine: FakeEngine, qos_class: Any, priority: int
) -> None:
    rig.publish([engine], callers=[rig.caller(qos_class)])
    body = b' {\t"model" : "m", "a": [1, 2.0,  3e0],"prompt":"?" }\n'
    assert (await rig.ask(rig.head(path="/v1/completions", length=len(body)) + body)).status == 200
    assert engine.calls[0].body == b'{"priority":%d,"cache_salt":"salt-of-tenant",' % priority + body[2:]


async def test_only_harmless_headers_reach_the_worker(rig: Rig, engine: FakeEngine) -> None:
    lines = (
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X-Request-Id: mine-1", "X-Forwarded-For: 1.2.3.4", "Cookie: a=b", "Connection: keep-alive, x-custom",
        "X-Custom: 1", "User-Agent: test", "TE: trailers", "X-Tidegate-Class: high",
    )  # fmt: skip
    answer = await rig.ask(rig.post(*lines))
    call = engine.calls[0]
    assert {name for name, _ in call.headers} == {
        "host", "content-type", "content-length", "x-request-id", "traceparent", "user-agent",
    }  # fmt: skip
    assert len(call.headers) == 6
    assert call.header("x-request-id") == answer.headers["x-request-id"] == "mine-1"
    assert rig.key not in str(call.headers)


@pytest.mark.parametrize("sent", ["", "a b", "x" * 200, "a\tb", "<script>"])
async def test_a_strange_request_id_is_replaced(rig: Rig, engine: FakeEngine, sent: str) -> None:
    answer = await rig.ask(rig.post(f"X-Request-Id: {sent}"))
    assert answer.headers["x-request-id"].startswith("req-")
    assert engine.calls[0].header("x-request-id") == answer.headers["x-request-id"]


# Framing


def raw(*rows: str, body: str = "") -> bytes:
    return "\r\n".join([*rows, "", body]).encode("latin-1")


GET = "GET /v1/models HTTP/1.1"
POST = "POST /v1/completions HTTP/1.1"
SMUGGLING = {
    "length and chunks": raw(
        POST, "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    ),
    "chunks and length": raw(
        POST, "Host: a", "Transfer-Encoding: chunked", "Content-Length: 3", body="0\r\n\r\n"
    ),
    "two lengths": raw(POST, "Host: a", "Content-Length: 3", "Content-Length: 4", body="abcd"),
    "the same length twice": raw(POST, "Host: a", "Content-Length: 3", "Content-Length: 3", body="abc"),
    "a list of lengths": raw(POST, "Host: a", "Content-Length: 3, 3", body="abc"),
    "a length with a sign": raw(POST, "Host: a", "Content-Length: +3", body="abc"),
    "a negative length": raw(POST, "Host: a", "Content-Length: -1"),
    "an endless length": raw(POST, "Host: a", "Content-Length: " + "9" * 30),
    "chunks, then something else": raw(
        POST, "Host: a", "Transfer-Encoding: chunked, identity", body="0\r\n\r\n"
    ),
    "something else, then chunks": raw(POST, "Host: a", "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"),
    "a misspelled coding": raw(POST, "Host: a", "Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "two codings": raw(
        POST, "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    ),
    "chunks in HTTP/1.0": raw(
        "POST /v1/completions HTTP/1.0", "Transfer-Encoding: chunked", body="0\r\n\r\n"
    ),
    "a bare LF after the request line": b"GET /v1/models HTTP/1.1\nHost: a\r\n\r\n",
    "a bare LF after a header": b"GET /v1/models HTTP/1.1\r\nHost: a\n\r\n",
    "a bare CR in a header": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "bare LFs between chunks": raw(POST, "Host: a", "Transfer-Encoding: chunked", body="3\nabc\n0\n\n"),
    "an endless chunk": raw(POST, "Host: a", "Transfer-Encoding: chunked", body="f" * 17 + "\r\n"),
    "a folded header": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": raw(GET, "Host: a", "X : b"),
    "a header without a name": raw(GET, "Host: a", ": b"),
    "a NUL in a header": raw(GET, "Host: a", "X: a\0b"),
    "a header that is not ASCII": raw(GET, "Host: a", "X: é"),
    "no host": raw(GET),
    "two hosts": raw(GET, "Host: a", "Host: b"),
    "a host with a path": raw(GET, "Host: a/v1?"),
    "a host with a user": raw(GET, "Host: u@a"),
    "a host with a space": raw(GET, "Host: a b"),
    "an empty host": raw(GET, "Host: "),
    "two keys": raw(GET, "Host: a", "Authorization: Bearer sk-a", "Authorization: Bearer sk-b"),
    "a full URL": raw("GET http://a/v1/models HTTP/1.1", "Host: a"),
    "CONNECT": raw("CONNECT a:1 HTTP/1.1", "Host: a"),
    "an upgrade": raw(GET, "Host: a", "Connection: Upgrade", "Upgrade: websocket"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0 by name": raw("GET /v1/models HTTP/2.0", "Host: a"),
    "HTTP/0.9": raw("GET /v1/models HTTP/0.9", "Host: a"),
    "an unknown method": raw("FOO /v1/models HTTP/1.1", "Host: a"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another expectation": raw(POST, "Host: a", "Content-Length: 2", "Expect: 200-ok", body="{}"),
    "a target that is not ASCII": raw("GET /v1/models/é HTTP/1.1", "Host: a"),
}


@pytest.mark.case(37)
@pytest.mark.parametrize("request_bytes", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_what_is_not_clean_http_is_refused_and_ends_the_connection(
    rig: Rig, engine: FakeEngine, request_bytes: bytes
) -> None:
    client = await rig.client()
    smuggled = rig.post()
    await client.send(request_bytes + smuggled)
    answer = await client.read()
    check_refusal(answer, 400, "bad_request")
    assert answer.headers["connection"] == "close"
    assert await client.read_to_end() == b"", "nothing after it is served"
    assert engine.calls == []


async def test_headers_that_are_too_large_are_refused(rig: Rig) -> None:
    check_refusal(await rig.get("/v1/models", "X: " + "a" * 17_000), 431, "headers_too_large")
    check_refusal(await rig.get("/v1/models?" + "a" * 17_000), 431, "headers_too_large")
    check_refusal(await rig.get("/v1/models", *(f"X-{i}: a" for i in range(101))), 431, "headers_too_large")
    assert (await rig.get("/v1/models", "X: " + "a" * 15_000)).status == 200


async def test_endless_headers_are_refused_before_their_end(rig: Rig) -> None:
    client = await rig.client()
    await client.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000)
    check_refusal(await client.read(), 431, "headers_too_large")


async def test_large_headers_behind_a_large_body_are_refused(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    await client.send(rig.post(prompt="x" * 100_000) + rig.post("X: " + "a" * 17_000))
    assert (await client.read()).status == 200
    check_refusal(await client.read(), 431, "headers_too_large")


# Order and lifetime of connections


async def test_pipelined_requests_are_answered_in_order(rig: Rig) -> None:
    async def slower_first(call: Call) -> None:
        number = json.loads(call.body)["seed"]
        await asyncio.sleep(0.2 if number == 0 else 0)
        await call.answer(200, b'{"seed":%d}' % number)

    await rig.add(FakeEngine(slower_first))
    client = await rig.client()
    models = f"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {rig.key}\r\n\r\n".encode()
    await client.send(rig.post(seed=0) + models + rig.post(seed=1) + b"junk\r\n\r\n")
    assert json.loads((await client.read()).body) == {"seed": 0}
    assert json.loads((await client.read()).body)["object"] == "list"
    assert json.loads((await client.read()).body) == {"seed": 1}
    check_refusal(await client.read(), 400, "bad_request")
    assert await client.read_to_end() == b""


async def test_thousands_of_pipelined_requests_are_answered(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    models = f"GET /v1/models/m HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {rig.key}\r\n\r\n".encode()
    sending = asyncio.create_task(client.send((models * 50 + rig.post()) * 60))
    for _ in range(60):
        for _ in range(51):
            assert (await client.read()).status == 200
    await sending
    assert len(engine.calls) == 60


async def test_http_1_0_gets_an_answer_that_ends_with_the_connection(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"?"}]}'
    await client.send(rig.head(length=len(body)).replace(b"HTTP/1.1", b"HTTP/1.0") + body)
    status, headers = await client.read_head()
    assert (status, headers["connection"]) == (200, "close")
    assert "transfer-encoding" not in headers
    assert (await client.read_to_end()).endswith(b"data: [DONE]\n\n")


async def test_a_client_that_asks_to_close_is_closed(rig: Rig, engine: FakeEngine) -> None:
    client = await rig.client()
    await client.send(rig.post("Connection: close"))
    answer = await client.read()
    assert (answer.body, answer.headers["connection"]) == (CHAT, "close")
    assert await client.read_to_end() == b""


async def test_late_and_idle_clients_are_closed() -> None:
    rig = await make_rig(replace(QUICK, header_seconds=0.3, body_idle_seconds=0.3, keep_alive_seconds=0.3))
    silent, late_header, late_body, idle = [await rig.client() for _ in range(4)]
    await late_header.send(b"GET /v1/mod")
    await late_body.send(rig.head(length=10) + b"{")
    await idle.send(f"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {rig.key}\r\n\r\n".encode())
    assert (await idle.read()).status == 200
    check_refusal(await late_header.read(), 408, "request_timeout")
    check_refusal(await late_body.read(), 408, "request_timeout")
    for client in (silent, late_header, late_body, idle):
        assert await client.read_to_end() == b""
    await close_rig(rig)


async def test_a_trickled_header_is_given_up_and_a_trickled_body_is_not() -> None:
    rig = await make_rig(replace(QUICK, header_seconds=0.4, body_idle_seconds=0.4))
    await rig.add(FakeEngine())
    slow_header, slow_body = await rig.client(), await rig.client()

    async def trickle() -> None:
        for byte in b"GET /v1/models HTTP/1.1\r\nHost: a\r\n":
            await slow_header.send(bytes([byte]))
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    body = CALL
    await slow_body.send(rig.head(length=len(body)))
    for byte in body:
        await slow_body.send(bytes([byte]))
        await asyncio.sleep(0.05)
    assert (await slow_body.read()).status == 200
    check_refusal(await slow_header.read(), 408, "request_timeout")
    trickling.cancel()
    await asyncio.gather(trickling, return_exceptions=True)
    await close_rig(rig)


async def test_a_body_that_is_trickled_for_ever_is_given_up() -> None:
    """Each byte came in time: with a body of 4 MiB that lasted for weeks."""
    rig = await make_rig(replace(QUICK, body_idle_seconds=20, body_seconds=0.5))
    client = await rig.client()
    await client.send(rig.head(length=4_000_000))

    async def trickle() -> None:
        while True:
            await client.send(b" ")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    check_refusal(await client.read(), 408, "request_timeout")
    trickling.cancel()
    await asyncio.gather(trickling, return_exceptions=True)
    await close_rig(rig)


async def test_small_packets_are_not_held_back_on_either_side(rig: Rig, engine: FakeEngine) -> None:
    """Without TCP_NODELAY the first token waits 40 ms for an acknowledgement on a connection that is used again."""
    import socket

    async def hold(call: Call) -> None:
        await asyncio.sleep(0.3)
        await complete(call)

    engine.script = hold
    asking = asyncio.create_task(rig.ask(rig.post()))
    await eventually(lambda: engine.running == 1, "the engine works")
    (connection,) = rig.gateway.connections
    current = connection._current
    assert current is not None and current._connection is not None
    for transport in (connection.transport, current._connection.transport):
        sock = transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert (await asking).status == 200
