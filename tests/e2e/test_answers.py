"""A model answers: what a client of the gateway sees, on a real engine with a real model."""

import json
import urllib.error
import urllib.request

import openai
import pytest

from e2e.conftest import Caller

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]


def test_a_chat_completion_names_paris(caller: Caller) -> None:
    answer = caller.client().chat.completions.create(
        model="chat", messages=QUESTION, temperature=0, max_tokens=32
    )
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0


def test_a_stream_says_the_same_as_the_whole_answer(caller: Caller) -> None:
    ask = {"model": "chat", "messages": QUESTION, "temperature": 0, "max_tokens": 32}
    whole = caller.client().chat.completions.create(**ask)
    parts = list(caller.client().chat.completions.create(**ask, stream=True))
    said = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert said == whole.choices[0].message.content
    assert len(parts) > 3


def test_a_stream_ends_with_exactly_one_done(caller: Caller) -> None:
    body = {"model": "chat", "messages": QUESTION, "max_tokens": 8, "stream": True}
    with post(caller, body) as answer:
        events = [line for line in answer.read().split(b"\n\n") if line]
    assert events.count(b"data: [DONE]") == 1
    assert events[-1] == b"data: [DONE]"


def test_plain_completions_work(caller: Caller) -> None:
    answer = caller.client().completions.create(model="chat", prompt="The capital of France is", max_tokens=4)
    assert answer.choices[0].text


def test_the_models_of_the_namespace_are_listed(caller: Caller) -> None:
    assert "chat" in [model.id for model in caller.client().models.list()]


def test_a_wrong_key_is_refused(caller: Caller) -> None:
    with pytest.raises(openai.AuthenticationError):
        caller.client(key="sk-" + "x" * 43).models.list()


def test_an_unknown_model_is_not_found(caller: Caller) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-99"):
        caller.client().chat.completions.create(model="gpt-99", messages=QUESTION)


def test_broken_json_is_refused_with_its_offset(caller: Caller) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(caller, b'{"model": "chat", "messages": [}')
    assert refused.value.code == 400
    error = json.loads(refused.value.read())["error"]
    assert error["code"] == "invalid_json"
    assert "31" in error["message"]


def test_a_priority_sent_by_a_client_is_not_believed(caller: Caller) -> None:
    """vLLM refuses a priority that is no number, so an answer shows that the gateway set its own."""
    body = {"model": "chat", "messages": QUESTION, "max_tokens": 4, "priority": "first, please"}
    with post(caller, body) as answer:
        assert json.loads(answer.read())["choices"]


def post(caller: Caller, body: object) -> "urllib.request._UrlopenRet":
    """Send a body as it is to the chat route."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {caller.key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{caller.url}/v1/chat/completions", data, headers)
    return urllib.request.urlopen(request, timeout=120)
