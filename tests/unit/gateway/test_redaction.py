"""What a worker's refusal tells of the worker is covered; what it tells the client stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_gateway.redaction import cover
from tidegate_gateway.routes.answers import problem_of

COVERED = {
    "an address in memory": (b"cannot identify image file <_io.BytesIO object at 0x7f3a9c1d2e80>", b"0x7f3a"),
    "a path of code": (b"error in /opt/venv/lib/python3.11/site-packages/vllm/engine.py, line 7", b"/opt"),
    "a path of a model": (b"no file at /models/llama/config.json there", b"/models"),
    "a relative cause": (b"see /x/y/z.so now", b"z.so"),
    "a host": (b"Cannot connect to 10.42.3.17:8000 (refused)", b"10.42"),
    "a traceback": (
        b'{"message":"Traceback (most recent call last):\\n  File \\"a.py\\"", "code":1}',
        b"File",
    ),
}
STAYS = {
    "numbers": b"This model's maximum context length is 2048 tokens, you asked for 4096.5 (0x10).",
    "a route": b"POST /v1/chat/completions is not possible",
    "a word and another": b"temperature and/or top_p",
    "a version": b"vLLM 0.32.0",
    "a file's name": b"config.json",
    "a short address": b"0xff",
}


@pytest.mark.parametrize(("said", "telling"), COVERED.values(), ids=COVERED)
def test_what_tells_of_the_worker_is_covered(said: bytes, telling: bytes) -> None:
    told = cover(said)
    assert telling not in told
    assert b"*" in told
    assert len(told) == len(said)


@pytest.mark.parametrize("said", STAYS.values(), ids=STAYS)
def test_what_tells_the_client_stays(said: bytes) -> None:
    assert cover(said) == said


@given(st.binary(max_size=300))
def test_its_length_never_changes_and_once_is_enough(said: bytes) -> None:
    assert len(cover(said)) == len(said)
    assert cover(cover(said)) == cover(said)


def test_json_stays_json() -> None:
    said = b'{"error":{"message":"Traceback (most recent call last):\\n x \\"y\\" at","type":"T","code":400}}'
    problem = problem_of(400, said)
    assert problem.kind == "T"
    assert set(problem.message) == {"*"}
