"""Bad input on real sockets: each row is refused by name, reaches no worker, and leaves the connection good."""

import json
from typing import Any

import pytest

from integration.gateway.engine import FakeEngine
from integration.gateway.rig import Rig
from tidegate_gateway.messages import ELEMENTS
from unit.gateway.bad_bodies import BAD_BODIES, CHAT, NAME_ROWS, NESTED, OUT, UNSUPPORTED, USER, Bad, dump

ROWS = [*BAD_BODIES, *NAME_ROWS]
GOOD = dump({"model": "m", "messages": [USER]})


def wrong(told: dict[str, Any], row: Bad) -> str:
    """Return what of a refusal is not as it should be; nothing if all is."""
    error = told.get("error", {})
    if error.keys() != {"message", "type", "param", "code", "request_id"}:
        return f"members {sorted(error)}"
    if (error["code"], error["param"]) != (row.code, row.param):
        return f"{error['code']} of {error['param']}"
    if row.says not in error["message"] or len(error["message"]) > 600:
        return str(error["message"])
    return ""


@pytest.mark.parametrize("path", sorted({row.path for row in ROWS}))
async def test_bad_bodies_are_refused_by_name(rig: Rig, engine: FakeEngine, path: str) -> None:
    client = await rig.client()
    failed = {}
    for row in ROWS:
        if row.path != path:
            continue
        await client.send(rig.head(path=path, length=len(row.body)) + row.body)
        answer = await client.read()
        fault = wrong(json.loads(answer.body), row)
        if answer.status != (404 if row.code == "model_not_found" else 400) or fault:
            failed[row.name] = (answer.status, fault)
    assert failed == {}
    assert engine.calls == []
    await client.send(rig.head(length=len(GOOD)) + GOOD)
    assert (await client.read()).status == 200, "the connection is still good"


# For the routes that are made of others: the route, what is sent, and how it is refused.
COMPOSED: dict[str, tuple[str, dict[str, Any], str, str | None]] = {
    "no prompt": ("/v1/generate", {}, "missing_required_parameter", "prompt"),
    "empty messages": ("/v1/generate", {"messages": []}, "invalid_value", "messages"),
    "an image from afar": (
        "/v1/generate",
        {"messages": [{"role": "user", "content": [{"image_url": "http://169.254.169.254/"}]}]},
        "url_not_allowed",
        "messages[0].content[0].image_url",
    ),
    "several prompts": ("/v1/generate", {"prompt": ["a", "b"]}, "invalid_value", "prompt"),
    "several answers": ("/v1/generate_nobatch", {"prompt": "a", "n": 2}, "invalid_value", "n"),
    "tools": ("/v1/generate", {"prompt": "a", "tools": [NESTED]}, "invalid_value", "tools"),
    "a template": ("/v1/generate_nobatch", {"prompt": "a", "chat_template": "x"}, UNSUPPORTED, "chat_template"),
    "too many tokens": ("/v1/generate", {"prompt": "a", "max_tokens": 2**40}, OUT, "max_tokens"),
    "a name that is none": ("/v1/generate", {"model": "../m", "prompt": "a"}, "invalid_model_name", "model"),
    "a batch of nothing": ("/v1/batch", {}, "missing_required_parameter", "prompts"),
    "a batch of 257": ("/v1/batch", {"prompts": ["a"] * 257}, OUT, "prompts"),
    "a batch of far too many": ("/v1/batch", {"requests": [{"a": "x" * 40}] * (ELEMENTS + 1)}, OUT, "requests"),
    "a batch of one text": ("/v1/batch", {"prompts": "a"}, "invalid_type", "prompts"),
    "a batch that streams": ("/v1/batch", {"prompts": ["a"], "stream": True}, "invalid_value", "stream"),
    "a batch that is too hot": ("/v1/batch", {"prompts": ["a", "b"], "temperature": 1e9}, OUT, "temperature"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
async def test_bad_bodies_of_other_routes_are_refused_by_name(
    rig: Rig, engine: FakeEngine, name: str
) -> None:
    path, fields, code, param = COMPOSED[name]
    body = dump({"model": "m"} | fields)
    client = await rig.client()
    await client.send(rig.head(path=path, length=len(body)) + body)
    answer = await client.read()
    assert (answer.status, wrong(json.loads(answer.body), Bad(name, body, code, param))) == (400, "")
    assert engine.calls == []
    await client.send(rig.head(length=len(GOOD)) + GOOD)
    assert (await client.read()).status == 200, "the connection is still good"


KINDS = {
    "no type": ((), 415, "unsupported_media_type"),
    "text": (("Content-Type: text/plain",), 415, "unsupported_media_type"),
    "a form": (("Content-Type: multipart/form-data; boundary=x",), 415, "unsupported_media_type"),
    "almost JSON": (("Content-Type: application/json-patch+json",), 415, "unsupported_media_type"),
    "gzip": (("Content-Type: application/json", "Content-Encoding: gzip"), 415, "unsupported_media_type"),
    "br": (("Content-Type: application/json", "Content-Encoding: br"), 415, "unsupported_media_type"),
    "JSON": (("Content-Type: application/json; charset=utf-8", "Content-Encoding: identity"), 200, None),
}
PATHS = {
    CHAT: {"messages": [USER]},
    "/v1/batch": {"prompts": ["a"]},
    "/v1/generate_nobatch": {"prompt": "a"},
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("path", PATHS)
async def test_only_json_is_taken(rig: Rig, path: str, name: str) -> None:
    async def answer_any(call: Any) -> None:
        reply = {"choices": [{"text": "a", "finish_reason": "stop"}]}
        if json.loads(call.body).get("stream"):
            await call.answer(
                200, b"data: " + json.dumps(reply).encode() + b"\n\n", media_type="text/event-stream"
            )
        else:
            await call.answer(200, json.dumps(reply).encode())

    engine = await rig.add(FakeEngine(answer_any))
    lines, status, code = KINDS[name]
    body = dump({"model": "m"} | PATHS[path])
    rows = (
        f"POST {path} HTTP/1.1",
        "Host: a",
        f"Authorization: Bearer {rig.key}",
        f"Content-Length: {len(body)}",
    )
    answer = await rig.ask("\r\n".join((*rows, *lines, "", "")).encode() + body)
    assert answer.status == status
    assert code is None or answer.error["code"] == code
    assert len(engine.calls) == (status == 200)
