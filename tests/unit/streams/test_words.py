"""What the proof about streams takes for whole, told, or lost: every kind of loss is seen."""

import json

import pytest

from streams.words import Read, Verdict, answer, judge, take_body, take_event, token

PROMPT, OTHER = "one question", "another question"
TEXT = answer(PROMPT, 4)
DONE = b"data: [DONE]"
ERROR = b'data: {"error": {"code": "worker_failed"}}'


def event(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode()


def read(*events: bytes, is_complete: bool = True) -> Read:
    made = Read(200, is_complete=is_complete)
    for one in events:
        take_event(made, one)
    return made


EVENTS = [event(one) for one in TEXT]
CASES: dict[str, tuple[Read, Verdict]] = {
    "all of it": (read(*EVENTS, DONE), "whole"),
    "several tokens in one event": (read(event("".join(TEXT[:3])), EVENTS[3], DONE), "whole"),
    "comments and usage between": (read(b": waiting", *EVENTS, b'data: {"choices": []}', DONE), "whole"),
    "a token is missing in the middle": (read(EVENTS[0], *EVENTS[2:], DONE), "wrong"),
    "a token comes twice": (read(EVENTS[0], *EVENTS, DONE), "wrong"),
    "a token of another answer": (read(*EVENTS[:3], event(token(OTHER, 3)), DONE), "wrong"),
    "one token too many": (read(*EVENTS, event(token(PROMPT, 4)), DONE), "wrong"),
    "an event glued to half of another": (
        read(*EVENTS[:2], b'data: {"cho\ndata: {"choices": []}', DONE),
        "wrong",
    ),
    "the end is told too early": (read(*EVENTS[:3], DONE), "silent"),
    "it ends without the end": (read(*EVENTS), "silent"),
    "it ends early without a word": (read(*EVENTS[:2]), "silent"),
    "nothing at all, cleanly": (read(), "silent"),
    "the end comes twice": (read(*EVENTS, DONE, DONE), "wrong"),
    "an error and no end": (read(*EVENTS[:2], ERROR), "told"),
    "an error and an end": (read(*EVENTS[:2], ERROR, DONE), "wrong"),
    "an error after a wrong token": (read(EVENTS[1], ERROR), "wrong"),
    "the connection breaks": (read(*EVENTS[:2], is_complete=False), "cut"),
    "the connection breaks after an end": (read(*EVENTS, DONE, is_complete=False), "cut"),
    "nothing came": (Read(), "cut"),
    "a refusal": (Read(503, error={"code": "x"}, is_complete=True), "refused"),
    "half a refusal": (Read(503, error=None, is_complete=False), "cut"),
}


@pytest.mark.parametrize(("given", "verdict"), CASES.values(), ids=CASES)
def test_a_stream_is_judged_by_its_whole_text(given: Read, verdict: Verdict) -> None:
    assert judge(given, TEXT) == verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (json.dumps({"choices": [{"message": {"content": "".join(TEXT)}}]}), "whole"),
        (json.dumps({"choices": [{"message": {"content": "".join(TEXT[:2])}}]}), "silent"),
        (json.dumps({"choices": [{"message": {"content": "".join(TEXT)}}]})[:40], "silent"),
        (json.dumps({"error": {"code": "x"}}), "told"),
    ],
    ids=["all of it", "fewer tokens", "half the JSON in a frame that says it is whole", "an error with 200"],
)
def test_an_answer_that_is_no_stream_is_judged_alike(body: str, verdict: Verdict) -> None:
    made = Read(200, is_complete=True)
    take_body(made, body.encode())
    assert judge(made, TEXT) == verdict


def test_texts_of_prompts_share_no_token() -> None:
    prompts = [f"question {number}" for number in range(200)]
    tokens = [one for prompt in prompts for one in answer(prompt, 50)]
    assert len(set(tokens)) == len(tokens)
