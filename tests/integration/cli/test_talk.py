"""`tidegate chat` and `tidegate bench` over a real socket, against a gateway that is told how to answer."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from tidegate_cli.__main__ import app

KEY = "sk-" + "k" * 43


@dataclass
class Gateway:
    """What it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    # How it ends: as it should, by an event that tells an error, without an end, or not at all until `go`.
    end: str = "done"
    asked: list[Any] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway on a port of its own."""
    state = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            state.keys.append(self.headers["authorization"])
            state.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(state.status)
            self.send_header("connection", "close")
            self.send_header("x-request-id", "req-1")
            self.end_headers()
            if state.status != 200:
                self.wfile.write(json.dumps({"error": {"message": "no such key"}}).encode())
                return
            for word in ("Par", "is."):
                self._event({"choices": [{"delta": {"content": word}}]})
            if state.end == "never":
                state.go.wait(30)
            elif state.end == "error":
                self._event({"error": {"message": "the worker has died"}})
            elif state.end == "done":
                usage = {"prompt_tokens": 5, "completion_tokens": 2}
                self._event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage})
                self.wfile.write(b": a comment\n\ndata: [DONE]\n\n")
            self.close_connection = True

        def _event(self, event: Any) -> None:
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield state
        finally:
            state.go.set()
            server.shutdown()
            thread.join()


def run(gateway: Gateway, *words: str, stdin: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(
        app, [*words, "--url", gateway.url], env={"TIDEGATE_API_KEY": KEY}, input=stdin
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert KEY not in result.stdout + result.stderr
    return result.exit_code, result.stdout, result.stderr


def test_the_answer_is_standard_output_and_its_times_are_not(gateway: Gateway) -> None:
    code, output, said = run(
        gateway, "chat", "m", "Which city?", "--system", "Be brief.", "--max-tokens", "8"
    )
    assert (code, output) == (0, "Paris.\n")
    assert said.startswith("[first token ")
    assert said.endswith("5 + 2 tokens]\n")
    [asked] = gateway.asked
    assert [one["content"] for one in asked["messages"]] == ["Be brief.", "Which city?"]
    assert (asked["model"], asked["max_tokens"], asked["stream"]) == ("m", 8, True)
    assert gateway.keys == [f"Bearer {KEY}"]


def test_a_question_comes_through_a_pipe_and_the_answer_as_json(gateway: Gateway) -> None:
    code, output, said = run(gateway, "chat", "m", "-o", "json", stdin="Which city?")
    assert (code, said) == (0, "")
    found = json.loads(output)
    assert (found["answer"], found["completionTokens"], found["finishReason"]) == ("Paris.", 2, "stop")


@pytest.mark.parametrize(
    ("status", "end", "says"),
    [
        pytest.param(
            401, "done", r"refused \(401\): no such key .*request req-1.*TIDEGATE_API_KEY", id="a refusal"
        ),
        pytest.param(200, "error", "broke off: the worker has died", id="an error on the way"),
        pytest.param(200, "broken", "broke off: it has no end", id="an answer without an end"),
    ],
)
def test_an_answer_that_is_none_is_told_as_that(gateway: Gateway, status: int, end: str, says: str) -> None:
    gateway.status, gateway.end = status, end
    result = CliRunner().invoke(app, ["chat", "m", "hi", "--url", gateway.url])
    assert result.exit_code == 1
    said = result.stderr.splitlines()[-1]
    assert re.search(f"^Error: .*{says}", said)


def test_nobody_at_the_address_is_named(gateway: Gateway) -> None:
    result = CliRunner().invoke(app, ["chat", "m", "hi", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "Connection refused" in result.stderr


def test_no_question_is_no_request(gateway: Gateway) -> None:
    assert run(gateway, "chat", "m", stdin="  \n")[0] == 2
    assert gateway.asked == []


def test_ctrl_c_stops_one_answer_with_130(gateway: Gateway) -> None:
    gateway.end = "never"
    words = ["env", "--default-signal=INT", sys.executable, "-m", "tidegate_cli", "chat", "m", "hi"]
    with subprocess.Popen(
        [*words, "--url", gateway.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    ) as command:
        assert command.stdout is not None
        assert command.stdout.read(6) == "Paris."
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=30)
    assert (command.returncode, said) == (130, "\n[stopped]\n")


@pytest.mark.parametrize("loop", [["--concurrency", "3"], ["--rate", "200"]], ids=["closed", "open"])
def test_a_load_asks_as_many_as_it_says_each_something_else(gateway: Gateway, loop: list[str]) -> None:
    words = ["bench", "m", "--requests", "10", "--prompt-tokens", "20", "--output-tokens", "2", *loop]
    code, output, _ = run(gateway, *words, "-o", "json")
    found = json.loads(output)
    assert (code, found["requests"], found["failed"], found["completionTokens"]) == (0, 10, 0, 20)
    assert found["firstTokenSeconds"]["p50"] <= found["requestSeconds"]["p50"]
    prompts = [one["messages"][0]["content"] for one in gateway.asked]
    assert len(set(prompts)) == 11
    assert all((one["max_tokens"], one["ignore_eos"]) == (2, True) for one in gateway.asked)


def test_a_load_that_fails_in_part_says_so_and_exits_with_1(gateway: Gateway) -> None:
    gateway.status = 401
    code, output, said = run(gateway, "bench", "m", "--requests", "3")
    assert (code, output) == (1, "")
    assert "refused (401)" in said
