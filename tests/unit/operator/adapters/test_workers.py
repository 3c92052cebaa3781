"""How the answers of an engine about adapters are read: vLLM 0.32's own, and those of others."""

import json

import pytest

from tidegate_operator.adapters.workers import read_served, refusal
from tidegate_operator.podanswer import Unreadable


def error(message: str, code: int = 500, kind: str = "InternalServerError") -> bytes:
    """Return an error as vLLM says it."""
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


def test_what_has_a_parent_is_an_adapter() -> None:
    base = {"id": "chat", "object": "model", "root": "/models/x", "parent": None, "max_model_len": 2048}
    card = {"id": "support", "object": "model", "root": "/models/lora/a", "parent": "chat"}
    assert read_served(json.dumps({"object": "list", "data": [base, card]}).encode()) == {
        "support": "/models/lora/a"
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data": [{"name": "x"}]}'])
def test_an_answer_that_is_no_list_of_models_cannot_be_read(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_served(body)


REFUSALS = [
    pytest.param(
        500,
        error("LoRA rank 64 is greater than max_lora_rank 16."),
        ("AdapterIncompatible", "rank 64"),
        id="a higher rank than there is room for",
    ),
    pytest.param(
        500,
        error("While loading /models/a, expected target modules in ['q_proj'] but received ['x.y']."),
        ("AdapterIncompatible", "target modules"),
        id="modules that the model has not",
    ),
    pytest.param(
        500,
        error(
            "Call to add_lora method failed: Worker failed with error 'vLLM does not yet support DoRA.', please check "
            "the stack trace above for the root cause"
        ),
        ("AdapterIncompatible", "the engine says: vLLM does not yet support DoRA."),
        id="a kind that the engine does not know, said by one of its processes",
    ),
    pytest.param(
        500,
        error("Error while deserializing header: header too large"),
        ("AdapterFailed", "header too large"),
        id="a file that is none",
    ),
    pytest.param(
        404,
        error("Loading lora support failed: No adapter found for /models/a", 404, "NotFoundError"),
        ("AdapterNotFound", "in /models/a of the worker"),
        id="nothing in the directory",
    ),
    pytest.param(
        404, b'{"detail":"Not Found"}', ("EngineWithoutLora", "image"), id="an engine without the route"
    ),
    pytest.param(
        404, b"nginx", ("EngineWithoutLora", "image"), id="another server, without the route as well"
    ),
    pytest.param(
        500, error("LoRA is not enabled."), ("EngineWithoutLora", "not enabled"), id="an engine without LoRA"
    ),
    pytest.param(500, b"", ("AdapterFailed", "without a word"), id="an engine that says nothing"),
    pytest.param(
        500,
        error("a\nb\x1b[31m" + "x" * 999),
        ("AdapterFailed", "a b [31mxx"),
        id="words no terminal may see",
    ),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
def test_what_a_refusal_means(status: int, body: bytes, expected: tuple[str, str]) -> None:
    found = refusal(status, body, "/models/a")
    assert found.reason == expected[0]
    assert expected[1] in found.message
    assert len(found.message) < 400
