"""Progress over HTTP, and the one object that all threads of a load tell it to.

Owns the lock around the figures and `GET /progress`. Must not compute them (progress.py).
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from tidegate_loader.progress import Progress, Step

PATH: Final = "/progress"
REQUEST_SECONDS: Final = 5


@dataclass
class Tracker:
    """One load's progress, told by several threads and asked by others."""

    clock: Callable[[], float] = time.monotonic
    _progress: Progress = field(default_factory=Progress)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self, step: Step) -> None:
        with self._lock:
            self._progress.step = step

    def resolved(self, revision: str, path: str) -> None:
        """Note which model it is."""
        with self._lock:
            self._progress.revision, self._progress.path = revision, path

    def expect(self, total: int, files: int, *, done: int, files_done: int) -> None:
        """Note how much there will be, and what is there already."""
        with self._lock:
            self._progress.total, self._progress.files_total = total, files
            self._progress.begin(done, files_done, self.clock())

    def bytes_came(self, count: int) -> None:
        """Count bytes; with a minus, those that have to come again."""
        with self._lock:
            progress = self._progress
            progress.add(count, self.clock())
            if progress.step in ("Downloading", "Verifying"):
                progress.step = "Verifying" if progress.done >= progress.total else "Downloading"

    def file_checked(self) -> None:
        """Count a file that is there and checked."""
        with self._lock:
            self._progress.files_done += 1

    def tell(self) -> dict[str, Any]:
        """Return how far it is now."""
        with self._lock:
            return self._progress.tell(self.clock())


class Handler(BaseHTTPRequestHandler):
    """Answers one question and nothing else."""

    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        known = self.path == PATH
        answer = cast(Server, self.server).tell() if known else {"error": f"there is only {PATH}"}
        text = json.dumps(answer).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the operator asks every few seconds."""


class Server(ThreadingHTTPServer):
    """The listener beside a load."""

    daemon_threads = True
    block_on_close = False
    tell: Callable[[], dict[str, Any]]


@contextmanager
def answering(tracker: Tracker, port: int) -> Iterator[int]:
    """Answer on this port while the block runs; 0 takes a free one. Gives the port. Raises OSError."""
    server = Server(("", port), Handler)
    server.tell = tracker.tell
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
