"""The gateway as a process: admin port, logs, and its end."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from integration.gateway.engine import DONE, Call, FakeEngine, complete, event
from integration.gateway.rig import DEADLINE, Client
from ports import free_port
from tidegate_api.keys import digest, new_key


@dataclass
class Process:
    """A running gateway."""

    process: asyncio.subprocess.Process
    port: int
    admin: int
    key: str
    engine: FakeEngine
    clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    def post(self, stream: bool = False) -> bytes:
        body = json.dumps({"model": "m", "prompt": "?", "stream": stream}).encode()
        rows = (
            "POST /v1/completions HTTP/1.1",
            "Host: a",
            f"Authorization: Bearer {self.key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "",
            "",
        )
        return "\r\n".join(rows).encode() + body

    async def admin_get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.admin}{path}") as got,
        ):
            return got.status, await got.text()

    async def end(self) -> str:
        async with asyncio.timeout(DEADLINE):
            _, logs = await self.process.communicate()
        return logs.decode()


@pytest.fixture
async def running() -> AsyncIterator[Process]:
    engine, key = FakeEngine(), new_key()
    await engine.start()
    port, admin = free_port(), free_port()
    words = [
        str(Path(__file__).with_name("static_gateway.py")),
        str(port),
        str(admin),
        digest(key),
        str(engine.port),
    ]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.PIPE)
    made = Process(process, port, admin, key, engine)
    await wait_until_ready(made)
    yield made
    for client in made.clients:
        client.abort()
    if process.returncode is None:
        process.kill()
        await process.communicate()
    await engine.stop()


async def wait_until_ready(made: Process) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                if (await made.admin_get("/readyz"))[0] == 200:
                    return
            except aiohttp.ClientError:
                assert made.process.returncode is None
            await asyncio.sleep(0.05)


async def test_the_admin_port_tells_health_readiness_and_metrics(running: Process) -> None:
    client = await running.client()
    await client.send(running.post() + running.post(stream=True) + running.post().replace(b"sk-", b"xx-"))
    assert [(await client.read()).status for _ in range(3)] == [200, 200, 401]
    assert await running.admin_get("/healthz") == (200, "ok\n")
    assert (await running.admin_get("/v1/models"))[0] == 404
    status, page = await running.admin_get("/metrics")
    assert status == 200
    for line in (
        'tidegate_gateway_requests_total{code="200",namespace="ns",qos_class="high",service="m-svc"} 2.0',
        'tidegate_gateway_requests_total{code="401",namespace="",qos_class="",service=""} 1.0',
        'tidegate_gateway_in_flight_requests{namespace="ns",service="m-svc"} 0.0',
        'tidegate_gateway_ready_workers{namespace="ns",pool="shared",service="m-svc"} 1.0',
        'tidegate_gateway_time_to_first_token_seconds_count{namespace="ns",qos_class="high",service="m-svc"} 2.0',
        'tidegate_gateway_request_duration_seconds_count{namespace="ns",qos_class="high",service="m-svc"} 2.0',
        'llm_inference_latency_seconds_count{namespace="ns",qos_class="high",service="m-svc"} 2.0',
        'llm_active_requests{namespace="ns",service="m-svc"} 0.0',
        'llm_batch_size{namespace="ns",service="m-svc"} 0.0',
        'tidegate_gateway_admitted_requests_total{namespace="ns",pool="shared",qos_class="high",service="m-svc"} 2.0',
        "tidegate_gateway_client_disconnects_total 0.0",
    ):
        assert line in page.splitlines(), line


@pytest.mark.case(36)
async def test_health_answers_while_many_stream(running: Process) -> None:
    async def forever(call: Call) -> None:
        await call.head()
        while True:
            await call.chunk(event("x"))
            await asyncio.sleep(0.01)

    running.engine.script = forever
    clients = [await running.client() for _ in range(100)]
    for client in clients:
        await client.send(running.post(stream=True))
        await client.read_head()
    for _ in range(5):
        assert await running.admin_get("/healthz") == (200, "ok\n")


@pytest.mark.case(39)
async def test_sigterm_lets_streams_finish_and_takes_no_more(running: Process) -> None:
    go_on = asyncio.Event()

    async def in_two_halves(call: Call) -> None:
        await call.head()
        await call.chunk(event("Par"))
        await go_on.wait()
        await call.chunk(DONE)
        await call.end()

    running.engine.script = in_two_halves
    streaming, idle = await running.client(), await running.client()
    await streaming.send(running.post(stream=True))
    await streaming.read_head()
    assert await streaming.read_chunk() == event("Par")
    running.process.send_signal(signal.SIGTERM)
    assert await idle.read_to_end() == b""
    assert (await running.admin_get("/readyz"))[0] == 503
    assert (await running.admin_get("/healthz"))[0] == 200
    with pytest.raises(ConnectionRefusedError):
        await running.client()
    go_on.set()
    assert await streaming.read_chunk() == DONE
    assert await streaming.read_chunk() == b""
    assert await streaming.read_to_end() == b""
    await running.end()
    assert running.process.returncode == 0


async def test_a_request_that_began_before_sigterm_is_served(running: Process) -> None:
    client = await running.client()
    request = running.post()
    await client.send(request[:-5])
    await asyncio.sleep(0.2)
    running.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    await client.send(request[-5:])
    answer = await client.read()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    await running.end()
    assert running.process.returncode == 0


async def test_logs_are_json_and_hold_no_key(running: Process) -> None:
    running.engine.script = complete
    client = await running.client()
    await client.send(running.post())
    assert (await client.read()).status == 200
    running.process.send_signal(signal.SIGTERM)
    logs = await running.end()
    lines = [json.loads(line) for line in logs.splitlines()]
    assert [line["message"] for line in lines] == ["listening", "request", "drained"]
    assert lines[1]["tenant"] == "tenant"
    assert lines[1]["status"] == 200
    assert running.key not in logs
