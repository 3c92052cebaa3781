"""The way to the gateway: as it is, both ways, and to nowhere else."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from yarl import URL

from integration.api import Api
from integration.console.conftest import Console, running

CANARY = "sk-canary-0123456789"


async def test_a_request_goes_to_the_gateway_as_it_is(console: Console) -> None:
    headers = {
        "Authorization": f"Bearer {CANARY}",
        "X-Request-Id": "mine",
        "Traceparent": "00-1-2-01",
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=1.2.3.4",
        "Cookie": "a=b",
        "Connection": "x-hop",
        "X-Hop": "by hop",
        "Content-Type": "application/json",
    }
    body = json.dumps({"model": "chat"}).encode()
    url = URL(f"{console.url}/v1/chat/completions?a=%2Fb", encoded=True)
    async with console.session.post(url, data=body, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"id": "chat"})
        assert answer.headers["X-Request-Id"] == "r1"
        assert "Set-Cookie" not in answer.headers
        assert "X-Secret" not in answer.headers
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    method, path, sent, got = console.gateway.asked[0]
    assert (method, path, got) == ("POST", "/v1/chat/completions?a=%2Fb", body)
    kept = {"Authorization", "X-Request-Id", "Traceparent", "Content-Type"}
    assert kept <= {name.title() for name in sent}
    assert not {"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Cookie", "X-Hop"} & {
        name.title() for name in sent
    }
    assert sent["Host"] == f"127.0.0.1:{console.gateway.port}"
    assert CANARY not in console.logged()


async def test_an_answer_streams_and_a_client_that_leaves_ends_it(console: Console) -> None:
    async with console.session.get(f"{console.url}/v1/endless") as answer:
        assert await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 5) == b"data: one\n\n"
        console.gateway.go_on.set()
        assert await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 5) == b"data: two\n\n"
        assert not console.gateway.left.is_set()
    assert await asyncio.to_thread(console.gateway.left.wait, 5)


async def test_a_body_streams_too(console: Console) -> None:
    came, go_on = asyncio.Queue[bytes](), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    async def ask() -> None:
        async with console.session.post(f"{console.url}/v1/echo", data=body()) as answer:
            async for piece in answer.content.iter_any():
                came.put_nowait(piece)

    asking = asyncio.create_task(ask())
    assert await asyncio.wait_for(came.get(), 5) == b"one"
    go_on.set()
    assert await asyncio.wait_for(came.get(), 5) == b"two"
    await asking


async def test_a_redirect_is_handed_on_and_not_followed(console: Console) -> None:
    async with console.session.get(f"{console.url}/v1/moved", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../metrics",
        "/v1/%2e%2e/metrics",
        "/v1/%252e%252e/metrics",
        "/v1/..%2fmetrics",
        "/v1/a//evil",
        "/v1//evil.example/",
        "/v1/..\\metrics",
        "/v1",
        "/v1x/models",
        "/v1@evil.example/",
    ],
)
async def test_nothing_but_the_gateways_api_is_reached(console: Console, path: str) -> None:
    def ask() -> tuple[int, bytes]:
        where = urlsplit(console.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        connection.putrequest("GET", path, skip_host=False)
        connection.endheaders()
        answer = connection.getresponse()
        got = answer.status, answer.read()
        connection.close()
        return got

    status, told = await asyncio.to_thread(ask)
    assert status in {400, 404}, told
    assert console.gateway.asked == []


async def test_a_gateway_that_does_not_answer_is_an_error_in_openais_form(api: Api, tmp_path: Path) -> None:
    env = {"TIDEGATE_GATEWAY_URL": "http://127.0.0.1:1", "TIDEGATE_GATEWAYS": ""}
    with running(api, tmp_path, env) as made:
        async with made.used() as console:
            status, told = await console.call("GET", "/v1/models", CANARY)
            assert status == 502
            assert told["error"]["type"] == "server_error"
            assert set(told["error"]) == {"message", "type", "param", "code"}
            async with console.stream() as tab:
                first = await tab.next("snapshot")
                assert first["live"]["missing"] == "the console is not told where the gateways are"
