"""Real clients: OpenAI's own, and Hugging Face's, which reads streams and answers with code of its own."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import openai
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient

from integration.gateway.engine import DONE, Call, FakeEngine
from integration.gateway.rig import DEADLINE, Rig, eventually
from tidegate_gateway.directory import TenantLimits

WORDS = ("Par", "is", " é", "🌊")
TEXT = "".join(WORDS)
USER: Any = [{"role": "user", "content": "Where?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "description": "w", "parameters": SCHEMA}}]
ARGUMENTS = '{"city":"Paris"}'
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 4,
    "total_tokens": 9,
    "prompt_tokens_details": {"cached_tokens": 3},
}
VECTOR = (0.5, -1.0, 2.0)


def choice(body: dict[str, Any], index: int, word: str, *, is_chunk: bool, is_last: bool) -> dict[str, Any]:
    """Return a choice as vLLM writes it, of a whole answer or a chunk of one."""
    made: dict[str, Any] = {"index": index, "finish_reason": "stop" if is_last else None, "logprobs": None}
    if "messages" not in body:
        return made | {"text": word}
    message: dict[str, Any] = {"role": "assistant", "content": word}
    if body.get("logprobs"):
        top = [{"token": word, "logprob": -0.5, "bytes": [*word.encode()]}] * body.get("top_logprobs", 0)
        made["logprobs"] = {"content": [{"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": top}]}
    if body.get("tools"):
        part = ARGUMENTS if not is_chunk or is_last else ""
        call = {
            "id": "call-1",
            "type": "function",
            "index": 0,
            "function": {"name": "weather", "arguments": part},
        }
        message |= {"content": None, "tool_calls": [call]}
        made["finish_reason"] = "tool_calls" if is_last else None
    elif body.get("response_format"):
        message["content"] = ARGUMENTS if is_last else ""
    return made | {"delta" if is_chunk else "message": message}


async def engine_like_vllm(call: Call) -> None:
    """Answer each route in vLLM's shapes."""
    body = json.loads(call.body)
    about = {"id": "x-1", "created": 1, "model": body["model"]}
    if call.path == "/v1/embeddings":
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        packed = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()
        vector = packed if body.get("encoding_format") == "base64" else VECTOR
        data = [{"index": i, "object": "embedding", "embedding": vector} for i in range(len(texts))]
        await call.answer(200, json.dumps(about | {"object": "list", "data": data, "usage": USAGE}).encode())
        return
    kind = "chat.completion" if "messages" in body else "text_completion"
    indices = range(body.get("n") or 1)
    if not body.get("stream"):
        choices = [choice(body, i, TEXT, is_chunk=False, is_last=True) for i in indices]
        await call.answer(
            200, json.dumps(about | {"object": kind, "choices": choices, "usage": USAGE}).encode()
        )
        return
    await call.head()
    about["object"] = f"{kind}.chunk" if kind.startswith("chat") else kind
    for word in WORDS:
        for i in indices:
            made = choice(body, i, word, is_chunk=True, is_last=word is WORDS[-1])
            await call.chunk(
                b"data: " + json.dumps(about | {"choices": [made]}, ensure_ascii=False).encode() + b"\n\n"
            )
    if body["stream_options"]["include_usage"]:
        await call.chunk(b"data: " + json.dumps(about | {"choices": [], "usage": USAGE}).encode() + b"\n\n")
    await call.chunk(DONE)
    await call.end()


@pytest.fixture
async def vllm(rig: Rig) -> FakeEngine:
    """A worker that answers as vLLM does."""
    return await rig.add(FakeEngine(engine_like_vllm))


@asynccontextmanager
async def official(rig: Rig) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=rig.url, api_key=rig.key, max_retries=0, timeout=DEADLINE
    ) as client:
        yield client


def blocking(rig: Rig) -> openai.OpenAI:
    return openai.OpenAI(base_url=rig.url, api_key=rig.key, max_retries=0, timeout=DEADLINE)


@pytest.mark.case(11)
async def test_the_official_client_chats(rig: Rig, vllm: FakeEngine) -> None:
    async with official(rig) as client:
        made = await client.chat.completions.create(model="m", messages=USER, n=3)
        assert [one.message.content for one in made.choices] == [TEXT] * 3
        assert made.usage is not None and made.usage.total_tokens == 9
        stream = await client.chat.completions.create(model="m", messages=USER, n=2, stream=True)
        said = {0: "", 1: ""}
        async for chunk in stream:
            assert len(chunk.choices) == 1 and chunk.usage is None
            said[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
        assert said == {0: TEXT, 1: TEXT}


@pytest.mark.case(6)
async def test_the_official_client_reads_the_usage_that_it_asked_for(rig: Rig, vllm: FakeEngine) -> None:
    async with official(rig) as client:
        stream = await client.chat.completions.create(
            model="m", messages=USER, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert chunks[-1].usage is not None and chunks[-1].choices == []
        details = chunks[-1].usage.prompt_tokens_details
        assert details is not None and details.cached_tokens == 3
        made = await client.completions.create(model="m", prompt="Once", stream=True)
        assert "".join([chunk.choices[0].text async for chunk in made]) == TEXT


@pytest.mark.case(11)
async def test_the_official_client_calls_tools(rig: Rig, vllm: FakeEngine) -> None:
    async with official(rig) as client:
        made = await client.chat.completions.create(model="m", messages=USER, tools=TOOLS, tool_choice="auto")
        assert made.choices[0].finish_reason == "tool_calls"
        calls = made.choices[0].message.tool_calls
        assert calls is not None and calls[0].type == "function" and calls[0].function.arguments == ARGUMENTS
        async with client.chat.completions.stream(model="m", messages=USER, tools=TOOLS) as stream:
            final = await stream.get_final_completion()
        calls = final.choices[0].message.tool_calls
        assert calls is not None and calls[0].function.arguments == ARGUMENTS
        answers: Any = [
            *USER,
            made.choices[0].message,
            {"role": "tool", "tool_call_id": calls[0].id, "content": "17"},
        ]
        assert (await client.chat.completions.create(model="m", messages=answers)).choices[
            0
        ].message.content == TEXT
    assert json.loads(vllm.calls[0].body)["tools"] == TOOLS


@pytest.mark.case(11)
async def test_the_official_client_reads_logprobs_and_structured_answers(rig: Rig, vllm: FakeEngine) -> None:
    import pydantic

    class City(pydantic.BaseModel):
        city: str

    async with official(rig) as client:
        made = await client.chat.completions.create(
            model="m",
            messages=USER,
            logprobs=True,
            top_logprobs=2,
            extra_body={"structured_outputs": {"regex": "a"}},
        )
        logprobs = made.choices[0].logprobs
        assert (
            logprobs is not None
            and logprobs.content is not None
            and len(logprobs.content[0].top_logprobs) == 2
        )
        parsed = await client.chat.completions.parse(model="m", messages=USER, response_format=City)
        assert parsed.choices[0].message.parsed == City(city="Paris")
    assert json.loads(vllm.calls[0].body)["structured_outputs"] == {"regex": "a"}
    assert json.loads(vllm.calls[1].body)["response_format"]["json_schema"]["schema"]["required"] == ["city"]


@pytest.mark.case(11)
async def test_the_official_client_embeds_and_completes(rig: Rig, vllm: FakeEngine) -> None:
    async with official(rig) as client:
        # It asks for base64 unless told otherwise, and unpacks it.
        made = await client.embeddings.create(model="m", input=["a", "b"])
        assert [tuple(entry.embedding) for entry in made.data] == [VECTOR, VECTOR]
        floats = await client.embeddings.create(model="m", input="a", encoding_format="float")
        assert tuple(floats.data[0].embedding) == VECTOR
        completed = await client.completions.create(model="m", prompt=["a", "b"], max_tokens=4)
        assert completed.choices[0].text == TEXT


async def test_the_official_client_names_an_adapter(rig: Rig, vllm: FakeEngine) -> None:
    rig.look(lambda gateway: [setattr(e, "adapters", frozenset({"lora-1"})) for e in gateway.endpoints()])
    async with official(rig) as client:
        assert (await client.chat.completions.create(model="lora-1", messages=USER)).model == "lora-1"
        assert (await client.models.retrieve("lora-1")).id == "lora-1"


async def test_the_blocking_official_client_works_too(rig: Rig, vllm: FakeEngine) -> None:
    def work() -> tuple[str | None, str, list[str]]:
        with blocking(rig) as client:
            made = client.chat.completions.create(model="m", messages=USER)
            stream: Iterator[Any] = client.chat.completions.create(model="m", messages=USER, stream=True)
            said = "".join(chunk.choices[0].delta.content for chunk in stream)
            return made.choices[0].message.content, said, [model.id for model in client.models.list()]

    assert await asyncio.to_thread(work) == (TEXT, TEXT, ["asleep", "m"])


async def test_the_official_client_stops_a_stream_by_leaving_it(rig: Rig) -> None:
    async def endless(call: Call) -> None:
        await call.head()
        while True:
            made = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            one = {"index": 0, "delta": {"content": "a"}, "finish_reason": None}
            await call.chunk(b"data: " + json.dumps(made | {"choices": [one]}).encode() + b"\n\n")
            await asyncio.sleep(0.01)

    engine = await rig.add(FakeEngine(endless))
    async with official(rig) as client:
        stream = await client.chat.completions.create(model="m", messages=USER, stream=True)
        async with aclosing(stream.__aiter__()) as chunks:
            async for _ in chunks:
                break
        await stream.close()
        await eventually(lambda: engine.running == 0, "the engine was stopped")


REFUSED: dict[str, tuple[Any, type[openai.APIStatusError], str, str | None]] = {
    "empty messages": ({"messages": []}, openai.BadRequestError, "invalid_value", "messages"),
    "too hot": (
        {"messages": USER, "temperature": 1e308},
        openai.BadRequestError,
        "param_out_of_range",
        "temperature",
    ),
    "no such model": ({"messages": USER, "model": "no"}, openai.NotFoundError, "model_not_found", "model"),
    "no worker": ({"messages": USER, "model": "asleep"}, openai.InternalServerError, "no_ready_worker", None),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_the_official_client_raises_what_it_has_for_it(rig: Rig, vllm: FakeEngine, name: str) -> None:
    fields, kind, code, param = REFUSED[name]
    async with official(rig) as client:
        with pytest.raises(kind) as raised:
            await client.chat.completions.create(**({"model": "m"} | fields))
    assert (raised.value.code, raised.value.param) == (code, param)
    assert raised.value.request_id is not None


async def test_the_official_client_waits_as_long_as_it_is_told(rig: Rig, vllm: FakeEngine) -> None:
    rig.publish([vllm], callers=[rig.caller(limits=TenantLimits(requests_per_minute=1))])
    async with official(rig) as client:
        await client.chat.completions.create(model="m", messages=USER)
        with pytest.raises(openai.RateLimitError) as raised:
            await client.chat.completions.create(model="m", messages=USER)
    assert raised.value.code == "rate_limit_exceeded"
    assert 0 < int(raised.value.response.headers["retry-after"]) <= 60


# Hugging Face's


@pytest.mark.case(11)
async def test_another_client_chats(rig: Rig, vllm: FakeEngine) -> None:
    client = AsyncInferenceClient(base_url=rig.url, api_key=rig.key, timeout=DEADLINE)
    made = await client.chat_completion(USER, model="m", max_tokens=9, logprobs=True, top_logprobs=2)
    assert made.choices[0].message.content == TEXT
    assert made.choices[0].logprobs is not None
    stream = await client.chat_completion(USER, model="m", stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == TEXT
    made = await client.chat_completion(USER, model="m", tools=TOOLS, tool_choice="auto")
    calls = made.choices[0].message.tool_calls
    assert calls is not None and calls[0].function.arguments == ARGUMENTS
    stream = await client.chat_completion(USER, model="m", stream=True, stream_options=_with_usage())
    assert [chunk.usage.total_tokens async for chunk in stream if chunk.usage] == [9]
    await client.close()


def _with_usage() -> Any:
    from huggingface_hub import ChatCompletionInputStreamOptions

    return ChatCompletionInputStreamOptions(include_usage=True)


async def test_another_blocking_client_chats(rig: Rig, vllm: FakeEngine) -> None:
    def work() -> tuple[str | None, str]:
        client = InferenceClient(base_url=rig.url, api_key=rig.key, timeout=DEADLINE)
        made = client.chat.completions.create(model="m", messages=USER, max_tokens=9)
        stream = client.chat.completions.create(model="m", messages=USER, stream=True)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        client.close()
        return made.choices[0].message.content, said

    assert await asyncio.to_thread(work) == (TEXT, TEXT)


async def test_another_client_tells_what_it_was_told(rig: Rig, vllm: FakeEngine) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    client = AsyncInferenceClient(base_url=rig.url, api_key="sk-wrong", timeout=DEADLINE)
    with pytest.raises(HfHubHTTPError) as raised:
        await client.chat_completion(USER, model="m")
    assert raised.value.response.status_code == 401
    assert "No valid API key was sent" in str(raised.value)
    await client.close()
