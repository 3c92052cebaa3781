"""What is read of an engine's answers."""

import json
from typing import Any

import pytest

from tidegate_gateway.errors import Problem, Refused
from tidegate_gateway.routes.answers import Piece, Result, failed, problem_of, read_event, read_result, total

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def choice(**fields: Any) -> bytes:
    return dump({"choices": [{"index": 0, **fields}]})


@pytest.mark.parametrize(
    ("data", "piece"),
    [
        (choice(text="a", finish_reason=None), Piece("a")),
        (choice(text="", finish_reason="stop"), Piece("", finish_reason="stop")),
        (choice(delta={"role": "assistant", "content": ""}), Piece("")),
        (choice(delta={"content": "é"}, logprobs={"content": []}), Piece("é")),
        (choice(delta={"content": None, "reasoning": "hm"}), Piece("", reasoning="hm")),
        (choice(delta={"content": "b"}, finish_reason="length"), Piece("b", finish_reason="length")),
        (dump({"choices": [], "usage": USAGE}), Piece("", usage=USAGE)),
        (b"[DONE]", None),
    ],
)
def test_an_event_brings_a_piece(data: bytes, piece: Piece | None) -> None:
    assert read_event(data) == piece


@pytest.mark.parametrize("data", [b'{"error":{"message":"died"}}', b"junk", b"[]", b'{"choices":7}'])
def test_an_event_that_tells_of_a_failure_is_one(data: bytes) -> None:
    with pytest.raises(Refused, match="worker_failed"):
        read_event(data)


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (choice(text="a", finish_reason="stop"), Result(3, "a", None, "stop")),
        (choice(message={"content": "b", "reasoning": "hm"}), Result(3, "b", "hm")),
        (choice(message={"content": None, "tool_calls": [{}]}), Result(3, "")),
    ],
)
def test_a_whole_answer_is_a_result(data: bytes, result: Result) -> None:
    assert read_result(3, data) == result


@pytest.mark.parametrize("data", [b"", b"{}", b'{"choices":[]}', b"\xff"])
def test_an_answer_without_a_text_is_a_failure(data: bytes) -> None:
    with pytest.raises(Refused, match="worker_failed"):
        read_result(0, data)


@pytest.mark.parametrize(
    ("error", "code", "kind", "message"),
    [
        ({"message": "long", "type": "Bad", "param": "p", "code": 400}, "Bad", "Bad", "long"),
        ({"message": "no", "type": "x", "code": "too_long"}, "too_long", "x", "no"),
        ({"message": "x" * 5000}, "refused_by_worker", "invalid_request_error", "x" * 2000),
        ({}, "refused_by_worker", "invalid_request_error", "The worker refused this request."),
        (None, "refused_by_worker", "invalid_request_error", "The worker refused this request."),
    ],
)
def test_an_engines_own_words_are_passed_on(error: Any, code: str, kind: str, message: str) -> None:
    problem = problem_of(422, dump({"error": error}))
    assert (problem.status, problem.code, problem.kind, problem.message) == (422, code, kind, message)


def test_words_that_are_no_json_are_not_passed_on() -> None:
    assert problem_of(400, b"<html>secret").message == "The worker refused this request."


def test_costs_are_added_up_whatever_is_missing() -> None:
    results = [
        Result(0, "a", usage=USAGE),
        Result(1, "b", usage={"prompt_tokens": 1, "completion_tokens": None}),
        failed(2, Problem(400, "c", "m", param="p")),
    ]
    assert total(results) == {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 7}
    assert results[2].error == {"message": "m", "type": "invalid_request_error", "param": "p", "code": "c"}
