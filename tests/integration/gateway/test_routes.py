"""Every route on real sockets: what is passed through, and what is made of several requests."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from integration.gateway.engine import CHAT, DONE, Call, FakeEngine
from integration.gateway.rig import Answer, Rig, eventually, holder, in_flight
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.server import SimEngine
from tidegate_gateway.directory import TenantLimits
from tidegate_gateway.routes.batch import AT_ONCE, MOST_BYTES
from tidegate_gateway.routes.generate import MOST_WAITING

USER = {"role": "user", "content": "?"}
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def post(rig: Rig, path: str, *lines: str, **fields: Any) -> bytes:
    body = json.dumps({"model": "m"} | fields, ensure_ascii=False).encode()
    return rig.head(*lines, path=path, length=len(body)) + body


async def ask(rig: Rig, path: str, **fields: Any) -> Answer:
    return await rig.ask(post(rig, path, **fields))


def asked(call: Call) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call.body)
    return body


def chunk(text: str | None = None, reason: str | None = None, *, chat: bool = False) -> bytes:
    piece = {"delta": {"content": text}} if chat else {"text": text}
    return (
        b"data: "
        + json.dumps({"choices": [{"index": 0, **piece, "finish_reason": reason}]}).encode()
        + b"\n\n"
    )


REPORT = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"


async def say(call: Call) -> None:
    """Answer with the prompt, as a stream of its words or at once."""
    body = asked(call)
    chat = "messages" in body
    text: str = body["messages"][0]["content"] if chat else body["prompt"]
    if body.get("stream"):
        await call.head()
        for word in text.split():
            await call.chunk(chunk(word, chat=chat))
        await call.chunk(chunk("", "stop", chat=chat) + REPORT + DONE)
        await call.end()
        return
    piece = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    made = {"choices": [{"index": 0, **piece, "finish_reason": "stop"}], "usage": USAGE}
    await call.answer(200, json.dumps(made).encode())


def events(body: bytes) -> list[Any]:
    """Return what a stream's events carry, `[DONE]` as it is."""
    assert body.endswith(b"\n\n")
    found = [event.removeprefix("data: ") for event in body.decode().split("\n\n")[:-1]]
    return [event if event == "[DONE]" else json.loads(event) for event in found]


# Passed through

PASSED: dict[str, tuple[str, dict[str, Any]]] = {
    "several answers": ("/v1/chat/completions", {"messages": [USER], "n": 3, "seed": 7}),
    "tools": (
        "/v1/chat/completions",
        {"messages": [USER], "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
    ),
    "a tool's answer": (
        "/v1/chat/completions",
        {"messages": [USER, {"role": "tool", "tool_call_id": "1", "content": "17 °C"}], "parallel_tool_calls": False},
    ),
    "logprobs": ("/v1/chat/completions", {"messages": [USER], "logprobs": True, "top_logprobs": 5}),
    "a schema": (
        "/v1/chat/completions",
        {"messages": [USER], "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
    ),
    "a JSON object": ("/v1/chat/completions", {"messages": [USER], "response_format": {"type": "json_object"}}),
    "structured outputs": ("/v1/chat/completions", {"messages": [USER], "structured_outputs": {"regex": "[a-z]{3}"}}),
    "an image": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
    ),
    "a completion": ("/v1/completions", {"prompt": "Once", "suffix": ".", "echo": True, "logprobs": 3, "stop": ["\n"]}),
    "several prompts": ("/v1/completions", {"prompt": ["a", "é"], "max_tokens": 1, "logit_bias": {"5": -100}}),
    "token ids": ("/v1/completions", {"prompt": [1, 2, 3]}),
    "an embedding": ("/v1/embeddings", {"input": ["a", "b"], "encoding_format": "base64", "dimensions": 8}),
    "a text in tokens": ("/tokenize", {"prompt": "Once", "return_token_strs": True}),
    "a chat in tokens": ("/tokenize", {"messages": [USER], "add_generation_prompt": True}),
    "tokens as text": ("/detokenize", {"tokens": [1, 2, 3]}),
}  # fmt: skip


@pytest.mark.case(11)
@pytest.mark.parametrize(("path", "fields"), PASSED.values(), ids=PASSED.keys())
async def test_what_engines_can_do_is_passed_on(
    rig: Rig, engine: FakeEngine, path: str, fields: dict[str, Any]
) -> None:
    answer = await ask(rig, path, **fields)
    assert (answer.status, answer.body) == (200, CHAT)
    call = engine.calls[0]
    ours = {} if path in {"/tokenize", "/detokenize"} else {"priority": -100, "cache_salt": "salt-of-tenant"}
    assert (call.method, call.path, asked(call)) == ("POST", path, ours | {"model": "m"} | fields)


@pytest.mark.case(11)
async def test_an_adapter_is_asked_of_its_model_by_its_own_name(rig: Rig, engine: FakeEngine) -> None:
    assert (await ask(rig, "/v1/completions", model="lora-1", prompt="?")).error["code"] == "model_not_found"

    def load(adapters: frozenset[str]) -> None:
        rig.look(lambda gateway: [setattr(e, "adapters", adapters) for e in gateway.endpoints()])

    load(frozenset({"lora-1"}))
    answer = await ask(rig, "/v1/completions", model="lora-1", prompt="?")
    assert answer.status == 200
    assert asked(engine.calls[0])["model"] == "lora-1"
    listed = json.loads((await rig.get("/v1/models")).body)["data"]
    assert [(entry["id"], entry.get("parent")) for entry in listed] == [
        ("asleep", None),
        ("lora-1", "m"),
        ("m", None),
    ]
    batch = json.loads((await ask(rig, "/v1/batch", model="lora-1", prompts=["a"])).body)
    assert batch["model"] == asked(engine.calls[1])["model"] == "lora-1"


@pytest.mark.case(11)
async def test_an_engine_that_counts_answers_every_route(rig: Rig) -> None:
    async with SimEngine(Profile(answer_tokens=5).faster(50)) as engine:
        rig.publish([engine])
        made = json.loads((await ask(rig, "/v1/chat/completions", messages=[USER], n=3)).body)
        assert [choice["index"] for choice in made["choices"]] == [0, 1, 2]
        assert made["usage"]["completion_tokens"] == 15
        made = json.loads((await ask(rig, "/v1/embeddings", input=["a", "b"])).body)
        assert [len(entry["embedding"]) for entry in made["data"]] == [8, 8]
        assert json.loads((await ask(rig, "/tokenize", prompt="four by four")).body)["count"] > 0
        told = events((await ask(rig, "/v1/generate", messages=[USER])).body)
        assert told[-2]["usage"]["completion_tokens"] == 5
        batch = json.loads((await ask(rig, "/v1/batch", prompts=["x"] * 256, max_tokens=2)).body)
        assert [result["index"] for result in batch["results"]] == [*range(256)]
        assert batch["usage"]["completion_tokens"] == 512
    rig.publish([])


# /v1/batch


async def test_a_batch_is_answered_in_order_and_together(rig: Rig) -> None:
    async def slower_first(call: Call) -> None:
        await asyncio.sleep(0.2 if asked(call).get("prompt") == "one" else 0)
        await say(call)

    engine = await rig.add(FakeEngine(slower_first))
    answer = await ask(
        rig,
        "/v1/batch",
        requests=[{"prompt": "one"}, {"messages": [USER], "temperature": 1}],
        temperature=0,
        user="u",
    )
    batch = json.loads(answer.body)
    assert (answer.status, batch["object"], batch["model"]) == (200, "batch", "m")
    assert batch["id"] == answer.headers["x-request-id"]
    assert batch["results"] == [
        {"index": 0, "text": "one", "finish_reason": "stop", "usage": USAGE},
        {"index": 1, "text": "?", "finish_reason": "stop", "usage": USAGE},
    ]
    assert batch["usage"] == {name: 2 * count for name, count in USAGE.items()}
    sent = {call.path: asked(call) for call in engine.calls}
    assert sent["/v1/completions"] == {
        "priority": 0, "cache_salt": "salt-of-tenant", "model": "m", "temperature": 0, "user": "u", "prompt": "one",
        "stream": False, "stream_options": None,
    }  # fmt: skip
    assert sent["/v1/chat/completions"]["temperature"] == 1
    names = {call.header("x-request-id") for call in engine.calls}
    assert names == {f"{answer.headers['x-request-id']}-{number}" for number in (1, 2)}


@pytest.mark.parametrize(
    ("own", "of_batches", "priority"),
    [
        ("high", "low", 0),
        ("high", "medium", -50),
        ("high", "high", -100),
        ("medium", "high", -50),
        ("low", "high", 0),
    ],
)
async def test_a_batch_has_the_class_that_its_tenant_has_for_batches(
    rig: Rig, own: Any, of_batches: Any, priority: int
) -> None:
    engine = await rig.add(FakeEngine(say))
    rig.publish([engine], callers=[rig.caller(own, batch_class=of_batches)])
    assert (await ask(rig, "/v1/batch", prompts=["a"], priority=-999)).status == 200
    assert asked(engine.calls[0])["priority"] == priority


async def test_one_that_fails_does_not_fail_the_others(rig: Rig) -> None:
    async def moody(call: Call) -> None:
        prompt = asked(call)["prompt"]
        if prompt == "too long":
            refusal = {
                "error": {
                    "message": "9 tokens are too many",
                    "type": "BadRequestError",
                    "param": None,
                    "code": 400,
                }
            }
            await call.answer(400, json.dumps(refusal).encode())
        elif prompt == "deadly":
            await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")
            call.reset()
        elif prompt == "strange":
            await call.answer(200, b"<html>")
        elif prompt == "endless":
            await call.answer(200, b" " * (MOST_BYTES + 1))
        else:
            await say(call)

    await rig.add(FakeEngine(moody))
    prompts = ["good", "too long", "deadly", "strange", "endless", "also good"]
    requests = [
        *({"prompt": prompt} for prompt in prompts),
        {"prompt": "x", "n": 2},
        {"prompt": "x", "max_tokens": -1},
        {},
    ]
    batch = json.loads((await ask(rig, "/v1/batch", requests=requests)).body)
    results = batch["results"]
    assert [result.get("text") for result in results] == ["good", *[None] * 4, "also good", *[None] * 3]
    assert results[1]["error"] == {
        "message": "9 tokens are too many", "type": "BadRequestError", "param": None, "code": "BadRequestError",
    }  # fmt: skip
    assert [result["error"]["code"] for result in results if "error" in result] == [
        "BadRequestError", "worker_failed", "worker_failed", "answer_too_large", "invalid_value", "param_out_of_range",
        "missing_required_parameter",
    ]  # fmt: skip
    assert batch["usage"]["completion_tokens"] == 6


async def test_a_batch_of_which_nothing_came_is_refused_as_one(rig: Rig, engine: FakeEngine) -> None:
    answer = await ask(rig, "/v1/batch", model="asleep", prompts=["a", "b"])
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (
        503,
        "no_ready_worker",
        "5",
    )
    answer = await ask(rig, "/v1/batch", prompts=["a", "b"], temperature=-1)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (
        400,
        "param_out_of_range",
        "temperature",
    )
    answer = await ask(rig, "/v1/batch", model="nosuch", prompts=["a", "b"])
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert engine.calls == []


async def test_each_request_of_a_batch_counts_against_the_limits(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(say))
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(requests_per_minute=3))])
    answer = await ask(rig, "/v1/batch", prompts=["a"] * 5)
    codes = [result.get("error", {}).get("code") for result in json.loads(answer.body)["results"]]
    assert sorted(codes, key=str) == [None, None, None, "rate_limit_exceeded", "rate_limit_exceeded"]
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    refused = await ask(rig, "/v1/batch", prompts=["a"] * 5)
    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert "retry-after" in refused.headers


@pytest.mark.parametrize(("concurrency", "at_once"), [(None, AT_ONCE), (3, 3)])
async def test_a_batch_has_no_more_under_way_than_it_may(
    rig: Rig, concurrency: int | None, at_once: int
) -> None:
    most = 0

    async def count(call: Call) -> None:
        nonlocal most
        most = max(most, engine.running)
        await asyncio.sleep(0.02)
        await say(call)

    engine = await rig.add(FakeEngine(count))
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(concurrency=concurrency))])
    batch = json.loads((await ask(rig, "/v1/batch", prompts=["a"] * 80)).body)
    assert [result["text"] for result in batch["results"]] == ["a"] * 80
    assert most == at_once


async def hang(call: Call) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/generate", "/v1/generate_nobatch"])
async def test_workers_stop_when_the_client_leaves(rig: Rig, path: str) -> None:
    engine = await rig.add(FakeEngine(hang))
    fields: dict[str, Any] = {"prompts": ["a"] * 5} if path == "/v1/batch" else {"prompt": "a"}
    client = await rig.client()
    await client.send(post(rig, path, **fields))
    await eventually(lambda: engine.running == (5 if path == "/v1/batch" else 1), "the engine works")
    client.abort()
    await eventually(lambda: engine.running == 0, "the engine was stopped")
    await eventually(lambda: in_flight(rig) == 0, "nothing is left")


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/generate", "/v1/generate_nobatch"])
async def test_a_key_that_is_revoked_ends_what_it_asked_for(rig: Rig, path: str) -> None:
    engine = await rig.add(FakeEngine(hang))
    fields: dict[str, Any] = {"prompts": ["a"] * 5} if path == "/v1/batch" else {"prompt": "a"}
    asking = asyncio.create_task(rig.ask(post(rig, path, **fields)))
    await eventually(lambda: engine.running > 0, "the engine works")
    rig.publish([engine], callers=[])
    answer = await asking
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


# /v1/generate


@pytest.mark.parametrize(
    "fields", [{"prompt": "Once upon a"}, {"messages": [{"role": "user", "content": "Once upon a"}]}]
)
async def test_a_text_comes_as_events_of_which_the_first_tells_the_time(
    rig: Rig, fields: dict[str, Any]
) -> None:
    engine = await rig.add(FakeEngine(say))
    answer = await ask(rig, "/v1/generate", **fields, max_tokens=9, stream_options={"x": 1})
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    first, *others = events(answer.body)
    assert (first.pop("text"), list(first)) == ("Once", ["ttft_ms"])
    assert 0 < first["ttft_ms"] < 20_000
    assert others == [
        {"text": "upon"},
        {"text": "a"},
        {"text": "", "finish_reason": "stop", "usage": USAGE},
        "[DONE]",
    ]
    sent = asked(engine.calls[0])
    assert (sent["max_tokens"], sent["priority"], sent["stream_options"]) == (
        9,
        -100,
        {"include_usage": True},
    )


async def test_the_first_token_is_told_before_the_second_exists(rig: Rig) -> None:
    may_go_on = asyncio.Event()

    async def one_at_a_time(call: Call) -> None:
        await call.head()
        await call.chunk(chunk("a"))
        await may_go_on.wait()
        await call.chunk(chunk("b", "stop") + DONE)
        await call.end()

    await rig.add(FakeEngine(one_at_a_time))
    client = await rig.client()
    await client.send(post(rig, "/v1/generate", prompt="?"))
    assert (await client.read_head())[0] == 200
    assert events(await client.read_chunk())[0]["text"] == "a"
    may_go_on.set()
    assert events(await client.read_chunk()) == [{"text": "b"}]
    assert events(await client.read_chunk()) == [{"text": "", "finish_reason": "stop"}, "[DONE]"]


async def test_a_text_of_nothing_is_one_event(rig: Rig) -> None:
    await rig.add(FakeEngine(say))
    told, done = events((await ask(rig, "/v1/generate", prompt="")).body)
    assert (told.pop("ttft_ms") > 0, told, done) == (
        True,
        {"text": "", "finish_reason": "stop", "usage": USAGE},
        "[DONE]",
    )


async def test_thoughts_are_told_apart(rig: Rig) -> None:
    async def think(call: Call) -> None:
        await call.head()
        for delta in ({"role": "assistant", "content": ""}, {"reasoning": "hm"}, {"content": "yes"}):
            await call.chunk(b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n")
        await call.chunk(chunk(None, "stop", chat=True) + REPORT + DONE)
        await call.end()

    await rig.add(FakeEngine(think))
    first, second, _, _ = events((await ask(rig, "/v1/generate", messages=[USER])).body)
    assert (first["reasoning"], first["text"], "ttft_ms" in first, second) == (
        "hm",
        "",
        True,
        {"text": "yes"},
    )
    alone = json.loads((await ask(rig, "/v1/generate_nobatch", messages=[USER])).body)
    assert (alone["text"], alone["reasoning"]) == ("yes", "hm")


@pytest.mark.parametrize("path", ["/v1/generate", "/v1/generate_nobatch"])
async def test_a_refusal_of_the_engine_keeps_status_and_words(rig: Rig, path: str) -> None:
    refusal = json.dumps(
        {"error": {"message": "too long", "type": "BadRequestError", "param": "prompt", "code": 400}}
    )
    await rig.add(FakeEngine(lambda call: call.answer(422, refusal.encode())))
    answer = await ask(rig, path, prompt="?")
    assert (answer.status, answer.error["message"], answer.error["param"]) == (422, "too long", "prompt")
    assert answer.error["request_id"] == answer.headers["x-request-id"]


Script = Callable[[Call], Awaitable[None]]


def breaks(last: bytes) -> Script:
    async def script(call: Call) -> None:
        await call.head()
        await call.chunk(chunk("a"))
        await call.chunk(last)
        await asyncio.sleep(0.05)
        call.reset()

    return script


async def ends_early(call: Call) -> None:
    await call.head()
    await call.chunk(chunk("a"))
    await call.end()


async def tells_a_failure(call: Call) -> None:
    await call.head()
    await call.chunk(chunk("a") + b'data: {"error":{"message":"0x7f secret"}}\n\n' + DONE)
    await call.end()


BROKEN = {
    "dies": breaks(chunk("b")),
    "dies in an event": breaks(b'data: {"choices":'),
    "ends without a reason": ends_early,
    "tells of a failure": tells_a_failure,
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
async def test_a_text_that_breaks_off_ends_in_an_error_and_never_in_done(rig: Rig, script: Script) -> None:
    await rig.add(FakeEngine(script))
    client = await rig.client()
    await client.send(post(rig, "/v1/generate", prompt="?"))
    answer = await client.read()
    assert answer.status == 200
    told = events(answer.body)
    assert (told[0]["text"], told[-1]["error"]["code"]) == ("a", "worker_failed")
    assert b"DONE" not in answer.body and b"secret" not in answer.body
    assert await client.read_to_end() == b""
    alone = await ask(rig, "/v1/generate_nobatch", prompt="?")
    assert (alone.status, alone.error["code"]) == (502, "worker_failed")


async def test_a_slow_reader_pauses_the_engine(rig: Rig) -> None:
    sent = 0

    async def flood(call: Call) -> None:
        nonlocal sent
        await call.head()
        while True:
            await call.chunk(chunk("x" * 10_000))
            sent += 10_000

    await rig.add(FakeEngine(flood))
    client = await rig.client()
    await client.send(post(rig, "/v1/generate", prompt="?"))
    await client.read_head()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.5)
    assert sent < 30_000_000
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(1000):
        await client.read_chunk()
    await eventually(lambda: sent > before, "the engine goes on")


async def test_no_compressed_answer_is_asked_for(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(say))
    trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for path, fields in (("/v1/generate", {"prompt": "a"}), ("/v1/batch", {"prompts": ["a"]})):
        assert (
            await rig.ask(post(rig, path, "Accept-Encoding: gzip", trace, "User-Agent: t", **fields))
        ).status == 200
    for call in engine.calls:
        assert (call.header("accept-encoding"), call.header("user-agent")) == (None, "t")
        assert call.header("traceparent") is not None
        assert rig.key not in str(call.headers)


async def test_requests_behind_each_other_are_answered_in_order(rig: Rig) -> None:
    await rig.add(FakeEngine(say))
    client = await rig.client()
    await client.send(
        post(rig, "/v1/generate", prompt="a") + post(rig, "/v1/batch", prompts=["b"]) + rig.post()
        + post(rig, "/v1/generate_nobatch", prompt="c")
    )  # fmt: skip
    assert events((await client.read()).body)[0]["text"] == "a"
    assert json.loads((await client.read()).body)["results"][0]["text"] == "b"
    assert json.loads((await client.read()).body)["choices"][0]["message"]["content"] == "?"
    assert json.loads((await client.read()).body)["text"] == "c"


async def test_limits_are_told(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(say))
    rig.publish([engine], callers=[rig.caller(limits=TenantLimits(requests_per_minute=9))])
    for number, (path, fields) in enumerate(
        [("/v1/generate", {"prompt": "a"}), ("/v1/batch", {"prompts": ["a"]})]
    ):
        answer = await ask(rig, path, **fields)
        assert answer.headers["x-ratelimit-remaining-requests"] == str(8 - number)


# /v1/generate_nobatch


async def test_alone_means_one_at_a_time_and_in_order(rig: Rig) -> None:
    most = 0
    may_go_on = asyncio.Event()

    async def count(call: Call) -> None:
        nonlocal most
        most = max(most, engine.running)
        await may_go_on.wait()
        await asyncio.sleep(0.05)
        await say(call)

    engine = await rig.add(FakeEngine(count))
    asking = []
    for number in range(5):
        asking.append(asyncio.create_task(ask(rig, "/v1/generate_nobatch", prompt=f"{number} and more")))
        await eventually(lambda: _present(rig) == len(asking), "it has come")
    may_go_on.set()
    answers = [json.loads(answer.body) for answer in await asyncio.gather(*asking)]
    assert most == 1
    assert [asked(call)["prompt"][0] for call in engine.calls] == ["0", "1", "2", "3", "4"]
    for answer in answers:
        assert answer["text"] in {f"{number}andmore" for number in range(5)}
        assert answer["wait_ms"] <= answer["ttft_ms"] <= answer["latency_ms"]
        assert (answer["usage"], answer["finish_reason"], answer["model"]) == (USAGE, "stop", "m")
    assert answers[4]["wait_ms"] > 4 * 50 * 0.5


async def test_who_leaves_while_waiting_for_a_turn_does_not_keep_the_others(rig: Rig) -> None:
    may_go_on = asyncio.Event()

    async def wait(call: Call) -> None:
        await may_go_on.wait()
        await say(call)

    engine = await rig.add(FakeEngine(wait))
    first = asyncio.create_task(ask(rig, "/v1/generate_nobatch", prompt="a"))
    await eventually(lambda: engine.running == 1, "the first has its turn")
    leaves = await rig.client()
    await leaves.send(post(rig, "/v1/generate_nobatch", prompt="b"))
    last = asyncio.create_task(ask(rig, "/v1/generate_nobatch", prompt="c"))
    await eventually(lambda: _present(rig) == 3, "two wait")
    leaves.abort()
    await eventually(lambda: _present(rig) == 2, "one waits")
    may_go_on.set()
    assert [json.loads((await task).body)["text"] for task in (first, last)] == ["a", "c"]
    assert _present(rig) == 0


def _present(rig: Rig) -> int:
    return rig.look(lambda gateway: sum(gateway.composer._turns._present.values()))


async def test_no_more_wait_for_a_turn_than_may(rig: Rig) -> None:
    engine = await rig.add(FakeEngine(hang))
    clients = [await rig.client() for _ in range(MOST_WAITING + 1)]
    for client in clients:
        await client.send(post(rig, "/v1/generate_nobatch", prompt="a"))
    await eventually(lambda: _present(rig) == MOST_WAITING + 1, "all wait but one")
    answer = await ask(rig, "/v1/generate_nobatch", prompt="a")
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "overloaded", "5")
    assert engine.running == 1
    for client in clients:
        client.abort()
    await eventually(lambda: _present(rig) == 0, "nobody waits")


# Documents


@pytest.mark.parametrize(
    ("path", "media"), [("/docs", "text/html; charset=utf-8"), ("/openapi.json", "application/json")]
)
async def test_documents_need_no_key(rig: Rig, path: str, media: str) -> None:
    client = await rig.client()
    request = f"{{}} {path} HTTP/1.1\r\nHost: a\r\n\r\n"
    await client.send(request.format("GET").encode() + request.format("HEAD").encode())
    got = await client.read()
    head = await client.read(is_head=True)
    assert (got.status, got.headers["content-type"]) == (200, media)
    assert head.headers["content-length"] == str(len(got.body)) == got.headers["content-length"]
    if path == "/docs":
        assert got.headers["content-security-policy"].startswith("default-src 'none';")
    else:
        assert json.loads(got.body)["openapi"] == "3.1.0"


async def test_what_serves_a_model_is_told(rig: Rig, engine: FakeEngine) -> None:
    rig.publish([engine], callers=[holder(rig.key, "tenant", "medium")])
    listed = json.loads((await rig.get("/model")).body)
    assert [(one["name"], one["ready_workers"], one["qos_class"], one["pool"]) for one in listed["data"]] == [
        ("asleep", 0, "medium", "shared"),
        ("m", 1, "medium", "shared"),
    ]
    client = await rig.client()
    await client.send(b"GET /model HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await client.read()).status == 401
