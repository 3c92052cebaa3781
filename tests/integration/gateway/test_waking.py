"""How a gateway asks for the first worker, on an API server that is slow, forbids it or forgets."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import Resource
from structlog.testing import capture_logs

from integration.gateway.engine import FakeEngine
from integration.gateway.rig import Answer, Rig, eventually
from tidegate_gateway import demand
from tidegate_gateway.waking import keep_marked

SERVICES = Resource(
    prefix="apis", group="g", api_version="v1", kind="LLMService", name="llmservices", namespaced=True
)


class Reply:
    """An answer that nobody looks at."""

    async def read(self) -> bytes:
        return b"{}"


class ApiServer:
    """Takes note of what is written, and fails as it is told to."""

    def __init__(self) -> None:
        self.written: list[tuple[str, list[str]]] = []
        self.fails: Callable[[int], Awaitable[None] | None] = lambda _: None

    async def request(self, _: str, path: str, **given: Any) -> Reply:
        assert given["content_type"] == "application/apply-patch+yaml"
        pools = [mark["pool"] for mark in given["body"]["status"]["demand"]]
        self.written.append((path, pools))
        failing = self.fails(len(self.written))
        if failing is not None:
            await failing
        return Reply()


@pytest.fixture
def server(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """An API server that the rig's gateway writes to."""
    made = ApiServer()
    monkeypatch.setattr(demand, "AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(demand, "FIRST_RETRY_SECONDS", 0.02)
    writing = asyncio.run_coroutine_threadsafe(
        keep_marked(rig.gateway, made, SERVICES),  # type: ignore[arg-type]
        rig.thread.loop,
    )
    yield made
    writing.cancel()
    with contextlib.suppress(BaseException):
        writing.result(1)


def ask(rig: Rig) -> "asyncio.Task[Answer]":
    return asyncio.create_task(rig.ask(rig.post()))


PATH = "apis/g/v1/namespaces/ns/llmservices/m-svc/status"


async def test_a_mark_is_written_at_once_and_again_as_long_as_one_is_held(
    rig: Rig, server: ApiServer
) -> None:
    held = [ask(rig) for _ in range(20)]
    await eventually(lambda: len(server.written) >= 3, "it is renewed")
    assert {(path.lstrip("/"), *pools) for path, pools in server.written} == {(PATH, "shared")}
    await rig.add(FakeEngine())
    assert {answer.status for answer in await asyncio.gather(*held)} == {200}
    there = len(server.written)
    await asyncio.sleep(0.5)
    assert len(server.written) <= there + 1, "one may have been on its way"
    rig.publish([])
    again = ask(rig)
    await eventually(lambda: len(server.written) > there + 1, "the next one is the first again")
    rig.publish(rig.engines)
    await again


async def test_each_pool_of_a_service_is_marked_by_itself(rig: Rig, server: ApiServer) -> None:
    held = ask(rig)
    await eventually(lambda: server.written, "the first is marked")
    rig.look(lambda gateway: gateway.demand.ask(("ns", "m-svc", "high")))
    await eventually(lambda: ["high"] in [pools for _, pools in server.written], "the second is marked")
    assert {tuple(pools) for _, pools in server.written} == {("shared",), ("high",)}
    await rig.add(FakeEngine())
    await held


async def refuse(_: int) -> None:
    raise ApiException(status=403, reason="Forbidden")


async def break_off(_: int) -> None:
    raise aiohttp.ClientConnectionError


async def go_wrong(_: int) -> None:
    raise TypeError


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (refuse, "let the gateway patch llmservices/status"),
        (break_off, "none is needed"),
        (go_wrong, "none is needed"),
    ],
    ids=["forbidden", "away", "a fault of ours"],
)
async def test_a_failure_is_told_once_and_tried_again(
    rig: Rig, server: ApiServer, failure: Callable[[int], Awaitable[None]], told: str
) -> None:
    server.fails = lambda count: failure(count) if count <= 4 else None
    with capture_logs() as logs:
        held = ask(rig)
        await eventually(lambda: len(server.written) >= 6, "it went through, and was renewed")
    (line,) = [entry for entry in logs if entry["event"].startswith("cannot ask")]
    assert (line["service"], line["pool"], line["fix"]) == ("m-svc", "shared", told)
    await rig.add(FakeEngine())
    assert (await held).status == 200


async def test_an_api_server_that_never_answers_delays_no_request(rig: Rig, server: ApiServer) -> None:
    server.fails = lambda _: asyncio.sleep(3600)
    held = [ask(rig) for _ in range(3)]
    await eventually(lambda: server.written, "it was asked")
    await rig.add(FakeEngine())
    assert {answer.status for answer in await asyncio.gather(*held)} == {200}
    assert len(server.written) == 1
