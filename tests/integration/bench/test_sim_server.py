"""The simulated engine over a socket: what vLLM's clients expect, faults on demand, aborts."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from tidegate_bench.sim.faults import Fault
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.server import SimEngine

DEADLINE = 20
# Quick, but with steps that a test can act within.
PROFILE = Profile(
    step_seconds=0.003, request_seconds=0.0, adapters=("lora",), max_model_len=2048, num_gpu_blocks=512
)
LONG = {"max_tokens": 1500, "ignore_eos": True}


class Client:
    """A connection that reads answers by their framing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, path: str, *lines: str, method: str = "POST", **fields: Any) -> None:
        body = json.dumps(fields).encode() if method == "POST" else b""
        head = [f"{method} {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *lines, "", ""]
        self.writer.write("\r\n".join(head).encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(DEADLINE):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {key: value for key, _, value in pairs}

    async def chunk(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            size = int(await self.reader.readline(), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        body = b""
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        else:
            while part := await self.chunk():
                body += part
        return status, headers, body


@pytest.fixture
async def engine() -> AsyncIterator[SimEngine]:
    async with SimEngine(PROFILE) as running:
        yield running


async def connect(engine: SimEngine) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", engine.port))


async def ask(engine: SimEngine, path: str, *lines: str, **fields: Any) -> tuple[int, dict[str, str], bytes]:
    client = await connect(engine)
    client.send(path, *lines, **fields)
    answer = await client.answer()
    client.writer.close()
    return answer


async def eventually(condition: Any, what: str) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - no event tells what is awaited here
            await asyncio.sleep(0.002)
    assert condition(), what


def events(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream, which must end as streams do."""
    *told, done, empty = body.split(b"\n\n")
    assert (done, empty) == (b"data: [DONE]", b"")
    return [json.loads(line.removeprefix(b"data: ")) for line in told]


def chat(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **fields}


async def test_the_official_client_reads_a_chat_both_ways(engine: SimEngine) -> None:
    client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{engine.port}/v1", api_key="none")
    async with client:
        messages: Any = chat()["messages"]
        whole = await client.chat.completions.create(model="m", messages=messages, max_tokens=3)
        stream = await client.chat.completions.create(
            model="m", messages=messages, max_tokens=3, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        models = await client.models.list()
    assert whole.choices[0].message.content == "000 001 002 "
    assert whole.choices[0].finish_reason == "length"
    texts = [choice.delta.content for chunk in chunks for choice in chunk.choices]
    assert texts == ["", "000 ", "001 ", "002 "]
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 3)
    assert [model.id for model in models.data] == ["m", "lora"]


async def test_a_completion_has_every_choice_of_every_prompt(engine: SimEngine) -> None:
    _, _, body = await ask(
        engine, "/v1/completions", model="lora", prompt=["a", "bcdefgh"], n=2, max_tokens=2
    )
    answer = json.loads(body)
    assert [(c["index"], c["text"]) for c in answer["choices"]] == [(i, "000 001 ") for i in range(4)]
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (3, 8, 11)
    assert answer["model"] == "lora"


async def test_a_streamed_completion_ends_with_its_reason_and_usage(engine: SimEngine) -> None:
    options = {"include_usage": True}
    _, headers, body = await ask(
        engine, "/v1/completions", prompt="a", stream=True, max_tokens=2, stream_options=options
    )
    first, last, usage = events(body)
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (first["choices"][0]["text"], first["choices"][0]["finish_reason"]) == ("000 ", None)
    assert (last["choices"][0]["text"], last["choices"][0]["finish_reason"]) == ("001 ", "length")
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 2)
    assert engine.port > 0


async def test_usage_says_how_much_of_the_prompt_was_cached(engine: SimEngine) -> None:
    seen = []
    for _ in range(2):
        _, _, body = await ask(engine, "/v1/chat/completions", **chat("x" * 400, max_tokens=1))
        seen.append(json.loads(body)["usage"]["prompt_tokens_details"]["cached_tokens"])
    assert seen == [0, 96]


async def test_the_head_of_a_stream_comes_before_its_first_token(engine: SimEngine) -> None:
    """As from uvicorn: a gateway that reads a first byte has not yet read a token."""
    engine.plan(Fault(kind="stall", tokens=0))
    client = await connect(engine)
    client.send("/v1/chat/completions", **chat(stream=True))
    assert (await client.head())[0] == 200
    await eventually(lambda: engine.running == 1, "it runs")
    client.writer.transport.abort()


async def test_requests_on_a_kept_connection_are_answered_in_order(engine: SimEngine) -> None:
    client = await connect(engine)
    for tokens in (3, 1):
        client.send("/v1/completions", prompt="a", max_tokens=tokens)
    answers = [json.loads((await client.answer())[2]) for _ in range(2)]
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [3, 1]
    client.writer.close()


async def test_embeddings_tokens_health_and_metrics(engine: SimEngine) -> None:
    _, _, body = await ask(engine, "/v1/embeddings", model="m", input=["abcd", "efghijkl"])
    answer = json.loads(body)
    assert [len(item["embedding"]) for item in answer["data"]] == [8, 8]
    assert answer["usage"]["prompt_tokens"] == 3
    status, _, body = await ask(engine, "/tokenize", model="m", prompt="abcde")
    assert (status, json.loads(body)["count"]) == (200, 2)
    assert (await ask(engine, "/health", method="GET"))[0] == 200
    _, headers, body = await ask(engine, "/metrics", method="GET")
    assert headers["content-type"].startswith("text/plain")
    assert b'vllm:prompt_tokens_total{engine="0",model_name="m"} 3.0' in body


async def test_the_load_header_comes_with_whole_answers_only(engine: SimEngine) -> None:
    line = "endpoint-load-metrics-format: TEXT"
    _, headers, _ = await ask(engine, "/v1/completions", line, prompt="a", max_tokens=1)
    assert headers["endpoint-load-metrics"].startswith("TEXT named_metrics.kv_cache_usage_perc=")
    _, headers, _ = await ask(engine, "/v1/completions", line, prompt="a", max_tokens=1, stream=True)
    assert "endpoint-load-metrics" not in headers


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/completions", {"prompt": "a", "model": "other"}, 404),
        ("/v1/completions", {"model": "m"}, 400),
        ("/v1/completions", {"prompt": "a" * 9000}, 400),
        ("/v1/embeddings", {"input": "a" * 9000}, 400),
        ("/v2", {}, 404),
    ],
    ids=str,
)
async def test_refusals_have_vllm_s_shape(
    engine: SimEngine, path: str, fields: dict[str, Any], status: int
) -> None:
    got, _, body = await ask(engine, path, **fields)
    assert (got, json.loads(body)["error"]["code"]) == (status, status)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_frees_its_memory_at_once(engine: SimEngine, stream: bool) -> None:
    client = await connect(engine)
    client.send("/v1/chat/completions", **chat(stream=stream, n=3, **LONG))
    await eventually(lambda: engine.running == 3, "three choices run")
    client.writer.transport.abort()
    await eventually(lambda: engine.running == 0, "none runs")
    assert (engine.aborted, engine.scheduler.pool.free) == (1, 512)


async def test_a_client_that_leaves_while_it_waits_is_forgotten() -> None:
    async with SimEngine(Profile(max_num_seqs=1, step_seconds=0.003)) as engine:
        first, second = await connect(engine), await connect(engine)
        first.send("/v1/completions", prompt="a", **LONG)
        await eventually(lambda: engine.running == 1, "the first runs")
        second.send("/v1/completions", prompt="b", **LONG)
        await eventually(lambda: engine.waiting == 1, "the second waits")
        second.writer.transport.abort()
        await eventually(lambda: engine.waiting == 0, "nobody waits")
        assert engine.running == 1
        first.writer.transport.abort()


async def test_who_leaves_before_its_prompt_is_in_tokens_is_never_queued() -> None:
    async with SimEngine(Profile(request_seconds=0.1)) as engine:
        client = await connect(engine)
        client.send("/v1/completions", prompt="a")
        await eventually(lambda: engine.requests == 1, "it came")
        client.writer.transport.abort()
        await eventually(lambda: engine.aborted == 1, "it is forgotten")
        _ = await ask(engine, "/v1/completions", prompt="b", max_tokens=1)
        assert engine.scheduler.statistics.queried_tokens == 1


async def test_priorities_reach_the_scheduler() -> None:
    async with SimEngine(Profile(max_num_seqs=1, step_seconds=0.005, request_seconds=0)) as engine:
        clients = [await connect(engine) for _ in range(3)]
        clients[0].send("/v1/completions", prompt="a", max_tokens=20)
        await eventually(lambda: engine.running == 1, "the first runs")
        order: list[str] = []

        async def ask_as(client: Client, name: str, priority: int) -> None:
            client.send("/v1/completions", prompt=name, max_tokens=2, priority=priority)
            await client.answer()
            order.append(name)

        await asyncio.gather(ask_as(clients[1], "low", 9), ask_as(clients[2], "high", -9))
        assert order == ["high", "low"]
        for client in clients:
            client.writer.close()


# Faults


async def test_a_reset_comes_before_any_byte_and_hits_as_often_as_planned(engine: SimEngine) -> None:
    engine.plan(Fault(kind="reset", times=2))
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await ask(engine, "/v1/completions", prompt="a", max_tokens=1)
    assert (await ask(engine, "/v1/completions", prompt="a", max_tokens=1))[0] == 200


@pytest.mark.parametrize("status", [500, 503])
async def test_a_status_is_answered_in_vllm_s_shape(engine: SimEngine, status: int) -> None:
    got, _, body = await ask(
        engine, "/v1/completions", prompt="a", fault={"kind": "status", "status": status}
    )
    assert (got, json.loads(body)["error"]["code"]) == (status, status)


@pytest.mark.parametrize(("kind", "tokens"), [("die", 0), ("die", 3), ("close", 3)])
async def test_a_stream_dies_after_exactly_so_many_tokens(engine: SimEngine, kind: str, tokens: int) -> None:
    client = await connect(engine)
    client.send("/v1/completions", prompt="a", stream=True, fault={"kind": kind, "tokens": tokens}, **LONG)
    assert (await client.head())[0] == 200
    read = b""
    try:
        while data := await client.reader.read(65536):
            read += data
    except ConnectionResetError:
        assert kind == "die"
    else:
        assert kind == "close"
    assert re.findall(rb'"text":"(\d+) "', read) == [b"%03d" % i for i in range(tokens)]
    assert not read.endswith(b"0\r\n\r\n")
    await eventually(lambda: engine.running == 0, "its memory is free")
    client.writer.close()


async def test_a_stall_ends_and_loses_nothing(engine: SimEngine) -> None:
    client = await connect(engine)
    fault = {"kind": "stall", "tokens": 2, "seconds": 0.2}
    client.send("/v1/completions", prompt="a", stream=True, max_tokens=9, fault=fault)
    before = asyncio.get_running_loop().time()
    _, _, body = await client.answer()
    assert asyncio.get_running_loop().time() - before >= 0.2
    assert [e["choices"][0]["text"] for e in events(body)] == [f"{i:03d} " for i in range(9)]
    client.send("/v1/completions", prompt="a", max_tokens=1)
    assert (await client.answer())[0] == 200
    client.writer.close()


async def test_an_engine_that_refuses_accepts_again_on_the_same_port(engine: SimEngine) -> None:
    engine.plan(Fault(kind="refuse"))
    with pytest.raises(ConnectionRefusedError):
        await connect(engine)
    port = engine.port
    engine.clear_faults()
    await eventually(lambda: engine.is_listening, "it listens")
    assert engine.port == port
    assert (await ask(engine, "/health", method="GET"))[0] == 200


async def test_an_engine_that_refuses_for_a_time_accepts_again_by_itself_once(engine: SimEngine) -> None:
    for _ in range(2):
        engine.plan(Fault(kind="refuse", seconds=0.05))
    await eventually(lambda: engine.is_listening, "it listens")
    engine.clear_faults()
    assert (await ask(engine, "/health", method="GET"))[0] == 200


async def test_a_slow_engine_takes_longer_steps_until_told_otherwise() -> None:
    async with SimEngine(Profile(step_seconds=0.004, request_seconds=0)) as engine:
        loop = asyncio.get_running_loop()
        took = []
        for fault in (None, Fault(kind="slow", factor=20)):
            if fault:
                engine.plan(fault)
            before = loop.time()
            await ask(engine, "/v1/completions", prompt="a", max_tokens=5)
            took.append(loop.time() - before)
        assert took[0] >= 0.02
        assert took[1] >= 0.4
        engine.clear_faults()


async def test_faults_and_counts_over_http(engine: SimEngine) -> None:
    await ask(engine, "/sim/faults", kind="status", status=503)
    assert (await ask(engine, "/v1/completions", prompt="a"))[0] == 503
    await ask(engine, "/sim/faults", kind="status")
    client = await connect(engine)
    client.send("/sim/faults", method="DELETE")
    await client.answer()
    assert (await ask(engine, "/v1/completions", prompt="a", max_tokens=4))[0] == 200
    client.send("/sim/state", method="GET")
    state = json.loads((await client.answer())[2])
    assert (state["requests"], state["generated_tokens"], state["running"]) == (2, 4, 0)
    client.send("/sim/reset")
    assert json.loads((await client.answer())[2])["requests"] == 0
    client.writer.close()
    status, _, body = await ask(engine, "/sim/faults", kind="boredom")
    assert (status, json.loads(body)["error"]["type"]) == (400, "BadRequestError")


async def test_idle_connections_are_closed_after_the_keep_alive_time_and_busy_ones_are_not() -> None:
    async with SimEngine(Profile(keep_alive_seconds=0.1)) as engine:
        idle, busy = await connect(engine), await connect(engine)
        fault = {"kind": "stall", "seconds": 1.2}
        busy.send("/v1/completions", prompt="a", max_tokens=1, fault=fault)
        async with asyncio.timeout(DEADLINE):
            assert await idle.reader.read() == b""
        assert (await busy.answer())[0] == 200
        for client in (idle, busy):
            client.writer.close()


async def test_a_stall_of_one_answer_holds_back_the_next_on_that_connection(engine: SimEngine) -> None:
    client = await connect(engine)
    client.send("/v1/completions", prompt="a", max_tokens=2, fault={"kind": "stall", "seconds": 0.2})
    client.send("/v1/completions", prompt="a", max_tokens=1)
    answers = [json.loads((await client.answer())[2]) for _ in range(2)]
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [2, 1]
    client.writer.close()


async def test_what_came_can_be_looked_at(engine: SimEngine) -> None:
    await ask(engine, "/v1/completions", "x-request-id: abc", prompt="a", max_tokens=1)
    (request,) = engine.received
    assert request.headers["x-request-id"] == "abc"
    assert json.loads(request.body)["prompt"] == "a"
