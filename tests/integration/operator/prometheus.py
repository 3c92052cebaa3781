"""A Prometheus as the operator sees one: its HTTP API on a real socket, answering the operator's queries and no others.

Owns the stand-in. What the workers say is up to the test, and so is how badly it is said.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from integration.api import Object
from tidegate_operator.promql import QUERIES

NAMES = {query: name for name, query in QUERIES.items()}
Pod = tuple[str, str]
# What an engine says that has nothing to do.
IDLE: Mapping[str, float] = {
    "waiting": 0,
    "running": 0,
    "kv_used": 0.0,
    "prompt_tokens": 1000,
    "cached_prompt_tokens": 100,
    "output_tokens": 500,
    "gap_seconds": 5.0,
    "gaps": 500,
}
BLOCKS = {"engine": "0", "num_gpu_blocks": "1000", "block_size": "16"}
# From the name of a query and a sound answer to a status and a body.
Answer = Callable[[str, Object], tuple[int, bytes]]


def soundly(_: str, answer: Object) -> tuple[int, bytes]:
    return 200, json.dumps(answer).encode()


@dataclass
class Prometheus:
    """Workers by namespace and Pod; `age` is how long ago they were scraped."""

    url: str
    workers: dict[Pod, dict[str, float]] = field(default_factory=dict)
    age: float = 1.0
    answer: Answer = soundly
    asked: list[str] = field(default_factory=list)

    def knows(self, namespace: str, *pods: str, **signals: float) -> None:
        """Let workers say this, and besides that they have nothing to do."""
        self.workers |= {(namespace, pod): {**IDLE, **signals} for pod in pods}

    def result(self, name: str) -> Object:
        samples = [
            {"metric": labels, "value": [time.time(), value]}
            for pod, signals in self.workers.items()
            for labels, value in [self._sample(name, pod, signals)]
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": samples}}

    def _sample(self, name: str, pod: Pod, signals: Mapping[str, float]) -> tuple[Object, str]:
        labels = {"namespace": pod[0], "pod": pod[1]}
        if name == "at":
            return labels, str(time.time() - self.age)
        if name == "kv_capacity_tokens":
            return {**labels, **BLOCKS}, "1"
        return labels, str(signals[name])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    prometheus: Prometheus


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        prometheus, url = self.server.prometheus, urlsplit(self.path)
        name = NAMES.get(parse_qs(url.query).get("query", [""])[0])
        if url.path != "/api/v1/query" or name is None:
            self.send_error(400, "not one of the operator's queries")
            return
        prometheus.asked.append(name)
        status, body = prometheus.answer(name, prometheus.result(name))
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            """Whoever asked has read enough."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def prometheus() -> Iterator[Prometheus]:
    """A Prometheus that knows no worker."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        one = Prometheus(f"http://127.0.0.1:{server.server_address[1]}")
        server.prometheus = one
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        server.shutdown()
        thread.join()
