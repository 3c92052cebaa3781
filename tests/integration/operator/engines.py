"""Engines as the operator sees them: what vLLM 0.32 answers about adapters, on a real socket.

Owns the stand-ins. Which directories hold an adapter is up to the test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tidegate_api.names import WORKER_PORT


@dataclass
class Engine:
    """What one engine has, and why it refuses which directories."""

    has: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def answer(self, path: str, body: dict[str, str]) -> tuple[int, object]:
        """Return status and JSON."""
        name, directory = body.get("lora_name", ""), body.get("lora_path", "")
        if path == "/v1/models":
            cards = [{"id": one, "root": root, "parent": "chat"} for one, root in self.has.items()]
            return 200, {"data": [{"id": "chat", "root": "/models", "parent": None}, *cards]}
        self.told.append(f"{path.rpartition('/')[2].partition('_')[0]} {name}")
        if path == "/v1/load_lora_adapter":
            if why := self.refuses.get(directory):
                return 500, {"error": {"message": why, "type": "InternalServerError", "code": 500}}
            self.has[name] = directory
            return 200, "Success"
        if path == "/v1/unload_lora_adapter":
            return (
                (200, "Success")
                if self.has.pop(name, None)
                else (404, {"error": {"message": "cannot be found"}})
            )
        return 404, {"detail": "Not Found"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: str, engine: Engine) -> None:
        super().__init__((address, WORKER_PORT), _Answer)
        self.engine = engine


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._say(*self.server.engine.answer(self.path, {}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._say(*self.server.engine.answer(self.path, body))

    def _say(self, code: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def engine(address: str) -> Iterator[Engine]:
    """An engine that answers at this address."""
    one = Engine()
    with _Server(address, one) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield one
        finally:
            server.shutdown()
            thread.join()
