"""Golden prompts over real sockets: what a worker is asked, and answers that nobody expects."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tidegate_operator import goldenhttp
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.rollout.golden import Prompt

Answer = Callable[[web.Request], Awaitable[web.Response]]


async def ask(answer: Answer, **expected: str) -> str | None:
    """Ask a worker that answers so."""
    app = web.Application()
    app.router.add_post("/v1/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    prompt = Prompt(name="capital", prompt="The capital of France is", **expected)  # type: ignore[arg-type]
    try:
        async with goldenhttp.connect() as golden:
            return await golden.ask("127.0.0.1", port, "m", prompt)
    finally:
        await runner.cleanup()


async def paris(request: web.Request) -> web.Response:
    asked = await request.json()
    assert (asked["model"], asked["temperature"]) == ("m", 0)
    return web.json_response({"choices": [{"text": " Paris, of course"}]})


async def broken(request: web.Request) -> web.Response:
    return web.Response(status=500, text="no memory")


async def endless(request: web.Request) -> web.Response:
    return web.Response(body=b"x" * (goldenhttp.MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        pytest.param(paris, {"contains": "Paris"}, None, id="it contains what is expected"),
        pytest.param(paris, {"regex": r"Pari\w, of"}, None, id="it matches"),
        pytest.param(paris, {"regex": r"^Paris"}, "does not match", id="it does not match"),
        pytest.param(paris, {"exact": "Paris"}, "is not 'Paris'", id="it is another one"),
        pytest.param(broken, {"exact": "Paris"}, "status 500", id="an error"),
        pytest.param(endless, {"exact": "Paris"}, "without a text", id="too long an answer"),
    ],
)
async def test_answers(answer: Answer, expected: dict[str, str], words: str | None) -> None:
    said = await ask(answer, **expected)
    assert said is None if words is None else words in str(said)


@pytest.mark.parametrize(
    ("regex", "words"),
    [
        pytest.param("(", "is no pattern", id="no pattern"),
        pytest.param("(a+)+$", "takes too long", id="one that would take for ever"),
    ],
)
async def test_a_pattern_that_cannot_be_tried_is_no_verdict(
    regex: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goldenhttp, "MATCH_SECONDS", 1.0)
    with pytest.raises(Unreadable, match=words):
        await goldenhttp.is_matched(regex, "a" * 60 + "b")


async def test_what_is_asked_is_json_that_an_engine_takes() -> None:
    prompt = Prompt(name="x", messages=[{"role": "user", "content": "1+1"}], exact="2")  # type: ignore[list-item]
    assert json.loads(json.dumps(prompt.body("m")))["messages"][0]["role"] == "user"
