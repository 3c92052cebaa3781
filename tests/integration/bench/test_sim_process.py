"""Several simulated engines in a process of their own."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

from tidegate_bench.processes import free_port, python_module, running


async def fetch(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(size)
    writer.close()
    return body


async def test_each_port_is_an_engine_of_the_same_profile(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    words = [word for port in ports for word in ("--port", port)]
    command = python_module("tidegate_bench.sim", *words, "--set", "model=big", "--faster", 10)
    with running(command, ports[-1], {0}, tmp_path / "log"):
        answers = [json.loads(await fetch(port, "/v1/models")) for port in ports]
    assert [answer["data"][0]["id"] for answer in answers] == ["big", "big"]


def test_a_profile_that_cannot_run_is_refused_in_a_sentence() -> None:
    command = python_module("tidegate_bench.sim", "--port", 1, "--set", "max_num_seqs=0")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "max_num_seqs must be at least 1" in done.stderr
    assert "Traceback" not in done.stderr


def asking_for(tokens: int) -> bytes:
    """Return a request for a stream of so many tokens."""
    said = {"messages": [{"role": "user", "content": "x"}], "max_tokens": tokens, "stream": True}
    body = json.dumps(said).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


async def test_an_engine_that_is_to_end_finishes_what_runs_and_takes_no_more(tmp_path: Path) -> None:
    port = free_port()
    command = python_module("tidegate_bench.sim", "--port", port, "--shutdown-timeout", 30)
    with running(command, port, {0}, tmp_path / "log") as pid:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        # So long that it still runs when the engine, however slow the machine, has been seen to refuse.
        writer.write(asking_for(tokens=400))
        await reader.readuntil(b"\r\n\r\n")
        os.kill(pid, signal.SIGTERM)
        # The signal is on its way: an engine that has it refuses.
        while True:
            idle_writer.write(asking_for(tokens=1))
            head = await idle_reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 503"):
                break
            await idle_reader.readuntil(b"0\r\n\r\n")
        assert b"data: [DONE]" in await reader.read()
        writer.close()
        idle_writer.close()
