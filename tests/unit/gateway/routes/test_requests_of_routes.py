"""What /v1/generate and /v1/batch make of a body."""

import json
from typing import Any

import pytest

from tidegate_gateway.body import read_call
from tidegate_gateway.errors import Refused
from tidegate_gateway.routes.requests import Ask, read_batch, read_generate

USER = {"role": "user", "content": "?"}


def dump(**fields: Any) -> bytes:
    return json.dumps({"model": "m"} | fields).encode()


def sent(ask: Ask, stream: bool = False) -> dict[str, Any]:
    body = ask.body(stream=stream)
    read_call(body, ask.path, 0)
    read: dict[str, Any] = json.loads(body)
    return read


def refusal(call: Any, body: bytes) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        call(body)
    assert refused.value.problem.status == 400
    return refused.value.problem.code, refused.value.problem.param


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"prompt": "?"}, b"/v1/completions"),
        ({"prompt": [1, 2]}, b"/v1/completions"),
        ({"prompt": ["?"]}, b"/v1/completions"),
        ({"messages": [USER], "temperature": 0.5, "n": 1}, b"/v1/chat/completions"),
    ],
)
def test_a_text_is_asked_of_the_route_that_makes_it(fields: dict[str, Any], path: bytes) -> None:
    model, ask = read_generate(dump(**fields))
    assert (model, ask.path) == ("m", path)
    assert sent(ask) == {"model": "m", **fields, "stream": False, "stream_options": None}


def test_a_stream_is_ours_to_ask_for() -> None:
    body = dump(prompt="?", stream=False, stream_options={"include_usage": False}, max_tokens=3)
    got = sent(read_generate(body)[1], stream=True)
    assert got == {
        "model": "m", "prompt": "?", "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_members_keep_their_bytes() -> None:
    body = b'{"model":"m","prompt":"\\u00e9", "temperature":1.50,"x":{"a" :[ 1]}}'
    assert (
        read_generate(body)[1]
        .body(stream=False)
        .startswith(b'{"model":"m","prompt":"\\u00e9","temperature":1.50,"x":{"a" :[ 1]},"stream":false')
    )


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": "?", "n": 2}, "invalid_value", "n"),
        ({"prompt": "?", "best_of": 2}, "invalid_value", "best_of"),
        ({"messages": [USER], "tools": []}, "invalid_value", "tools"),
        ({"prompt": ["a", "b"]}, "invalid_value", "prompt"),
        ({"prompt": [[1], [2]]}, "invalid_value", "prompt"),
        ({"prompt": 7}, "invalid_type", "prompt"),
        ({"model": 7, "prompt": "?"}, "invalid_type", "model"),
    ],
)
def test_what_makes_more_than_one_text_is_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refusal(read_generate, dump(**fields)) == (code, param)


def test_a_body_without_a_model_is_refused() -> None:
    for call in (read_generate, read_batch):
        assert refusal(call, b'{"prompt":"?"}') == ("missing_required_parameter", "model")
        assert refusal(call, b"{") == ("invalid_json", None)


def test_a_batch_of_prompts_shares_its_parameters() -> None:
    batch = read_batch(dump(prompts=["a", "é"], max_tokens=3))
    assert batch.model == "m"
    assert [sent(ask) for ask in batch.asks] == [
        {"model": "m", "max_tokens": 3, "prompt": prompt, "stream": False, "stream_options": None}
        for prompt in ("a", "é")
    ]
    assert [sent(ask)["prompt"] for ask in read_batch(dump(prompts=[[1, 2], [3]])).asks] == [[1, 2], [3]]


def test_requests_of_a_batch_may_have_parameters_of_their_own_but_no_model() -> None:
    batch = read_batch(
        dump(
            requests=[{"prompt": "a"}, {"messages": [USER], "max_tokens": 9, "model": "other"}], max_tokens=3
        )
    )
    assert [ask.path for ask in batch.asks] == [b"/v1/completions", b"/v1/chat/completions"]
    assert [(sent(ask)["model"], sent(ask)["max_tokens"]) for ask in batch.asks] == [("m", 3), ("m", 9)]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "missing_required_parameter", "prompts"),
        ({"prompts": ["a"], "requests": [{}]}, "invalid_value", "requests"),
        ({"prompts": "a"}, "invalid_type", "prompts"),
        ({"prompts": [1, 2]}, "invalid_type", "prompts"),
        ({"prompts": []}, "invalid_type", "prompts"),
        ({"prompts": ["a", 1]}, "invalid_type", "prompts[1]"),
        ({"prompts": ["a"] * 257}, "param_out_of_range", "prompts"),
        ({"requests": []}, "invalid_value", "requests"),
        ({"requests": {}}, "invalid_type", "requests"),
        ({"requests": ["a"]}, "invalid_type", "requests[0]"),
        ({"requests": [{}] * 257}, "param_out_of_range", "requests"),
        ({"requests": [{"a": "x" * 40}] * 9000}, "param_out_of_range", "requests"),
        ({"prompts": ["a"], "stream": True}, "invalid_value", "stream"),
        ({"prompts": ["a"], "messages": [USER]}, "invalid_value", "messages"),
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(fields: dict[str, Any], code: str, param: str) -> None:
    assert refusal(read_batch, dump(**fields)) == (code, param)


def test_256_prompts_are_a_batch() -> None:
    assert len(read_batch(dump(prompts=["a"] * 256)).asks) == 256
    assert len(read_batch(dump(requests=[{"prompt": "a"}] * 256)).asks) == 256
