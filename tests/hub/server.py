"""Requests in, files out: ranges, throttling, faults, the control endpoint, and who asks.

Owns HTTP. The protocols decide what is answered (huggingface.py, modelscope.py); content of large files lives on a
second port with signed addresses, which refuses a request that brings credentials along, as S3 does.

    GET /-/requests   the journal: method, path, range, token (whether there was one), status, bytes sent
    POST /-/faults    a list of faults (faults.py); replaces those before
    DELETE /-/requests
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from hub import huggingface, modelscope
from hub.answers import Answer, Caller, Question
from hub.faults import Faults
from hub.repos import File, Repo, Shelf

CONTENT = "/-content/"
CHUNK = 256 * 1024


@dataclass
class Hub:
    """A running server: where it is, what it serves, and the switches of a test."""

    shelf: Shelf
    # Which repositories each valid token has been granted, by token.
    tokens: Mapping[str, Sequence[str]]
    faults: Faults = field(default_factory=Faults)
    url: str = ""
    content_url: str = ""

    def switch(self, *faults: Mapping[str, Any]) -> None:
        """Have these faults and no others."""
        self.faults.switch(faults)

    def requests(self) -> list[dict[str, Any]]:
        return self.faults.journal()

    def bytes_sent(self) -> int:
        """Return how many bytes of files have been sent so far."""
        return sum(entry["bytes"] for entry in self.faults.journal())

    def caller(self, header: str | None, cookie: str | None) -> Caller:
        """Return who asks, by the header or ModelScope's cookie."""
        token = header.removeprefix("Bearer ") if header else None
        if token is None and cookie and (found := re.search(r"m_session_id=([^;]+)", cookie)):
            token = found[1]
        return Caller(token is not None, token in self.tokens, tuple(self.tokens.get(token or "", ())))

    def address_of(self, host: str, repo: Repo, commit: str, file: File) -> str:
        """Return the signed address of a large file's content."""
        base = self.content_url or f"http://{host}"
        path = quote(f"{repo.id}/{commit}/{file.name}")
        return f"{base}{CONTENT}{path}?Expires={int(time.time()) + 3600}&Signature=c2lnbmVk"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Headers and the first bytes leave at once.
    disable_nagle_algorithm = True
    chunked = False

    @property
    def hub(self) -> Hub:
        return cast(Server, self.server).hub

    def do_GET(self) -> None:
        self.serve()

    def do_HEAD(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/-/faults":
            return self.reply(Answer(404))
        try:
            self.hub.faults.switch(json.loads(body))
        except (ValueError, AttributeError) as error:
            return self.reply(Answer(400, {"error": str(error)}))
        return self.reply(Answer(200, {}))

    def do_DELETE(self) -> None:
        if self.path == "/-/requests":
            self.hub.faults.forget()
        self.reply(Answer(200 if self.path == "/-/requests" else 404, {}))

    def serve(self) -> None:
        if self.path == "/-/requests":
            return self.reply(Answer(200, self.hub.requests()))
        header = self.headers.get("Authorization")
        self.entry: dict[str, Any] = {
            "method": self.command,
            "path": self.path,
            "range": self.headers.get("Range"),
            "token": header is not None,
            "status": 0,
            "bytes": 0,
        }
        self.hub.faults.note(self.entry)
        self.chunked = False
        with suppress(BrokenPipeError, ConnectionResetError):
            if fault := self.hub.faults.take(self.path, "status"):
                words = {"error": fault.get("message", "on purpose")}
                return self.reply(Answer(fault["status"], words, fault.get("headers", {})))
            return self.reply(self.answer(header))

    def answer(self, header: str | None) -> Answer:
        """Return what the protocol says to this request."""
        parts = urlsplit(self.path)
        question = Question(unquote(parts.path), dict(parse_qsl(parts.query)), self.command)
        if question.path.startswith(CONTENT):
            return self.content(question, header)
        caller = self.hub.caller(header, self.headers.get("Cookie"))
        host = self.headers.get("Host", "")

        def address(repo: Repo, commit: str, file: File) -> str:
            return self.hub.address_of(host, repo, commit, file)

        for protocol in (modelscope, huggingface):
            if (
                found := protocol.answer(question, caller, self.hub.shelf, address, f"http://{host}")
            ) is not None:
                return found
        return Answer(404, {"error": "Not found"})

    def content(self, question: Question, header: str | None) -> Answer:
        """Return the content behind a signed address."""
        if self.hub.content_url and header is not None:
            return Answer(400, {"error": "Only one auth mechanism allowed"})
        if question.query.get("Signature") != "c2lnbmVk":
            return Answer(403, {"error": "Request has expired"})
        org, name, commit, file_name = question.path.removeprefix(CONTENT).split("/", 3)
        repo = self.hub.shelf.repo(f"{org}/{name}")
        revision = repo.at(commit) if repo else None
        file = revision.files.get(file_name) if revision else None
        if revision is None or file is None:
            return Answer(404)
        # Clients follow a redirect to the same host before they look for the headers of a model's file.
        headers = {"ETag": f'"{file.sha256}"', "X-Repo-Commit": revision.commit}
        return Answer(200, file=file, headers=headers)

    def reply(self, answer: Answer) -> None:
        if answer.file is None:
            self.say(answer)
        else:
            self.send_file(answer.file, answer.headers, answer.ranges)

    def say(self, answer: Answer) -> None:
        """Answer with a few words."""
        text = b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()
        self.begin(
            answer.status, {"Content-Type": "application/json; charset=utf-8", **answer.headers}, len(text)
        )
        if self.command != "HEAD":
            self.wfile.write(text)

    def send_file(self, file: File, headers: Mapping[str, str], ranges: bool) -> None:
        """Answer with a file or the rest of it, and go wrong where that is asked for."""
        asked = self.headers.get("Range") if ranges else None
        if self.hub.faults.take(self.path, "whole"):
            asked = None
        begin, end = span(asked, file.size)
        if begin >= end and asked is not None:
            return self.begin(416, {"Content-Range": f"bytes */{file.size}"}, 0)
        more = {"Content-Range": f"bytes {begin}-{end - 1}/{file.size}"} if asked else {}
        kind = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes" if ranges else "none"}
        self.chunked = bool(self.hub.faults.take(self.path, "chunked"))
        self.begin(206 if asked else 200, {**kind, **headers, **more}, end - begin)
        if self.command != "HEAD":
            self.pour(file, begin, end)
            if self.chunked and not self.close_connection:
                self.wfile.write(b"0\r\n\r\n")
        return None

    def pour(self, file: File, begin: int, end: int) -> None:
        """Send bytes, as fast and as far as the faults let it."""
        faults = self.hub.faults
        slow = faults.take(self.path, "slow")
        corrupt = faults.take(self.path, "corrupt")
        stop = faults.take(self.path, "cut", "stall")
        bad = corrupt.get("at", file.size // 2) if corrupt else -1
        rate = slow.get("rate", 0)
        due, at = time.monotonic(), begin
        last = min(end, begin + stop["after"]) if stop else end
        for chunk in file.chunks(begin, last, max(1024, min(CHUNK, rate // 50)) if rate else CHUNK):
            data = bytearray(chunk)
            if at <= bad < at + len(data):
                data[bad - at] ^= 0xFF
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)
            at += len(data)
            self.entry["bytes"] += len(data)
            if rate:
                due += len(data) / rate
                time.sleep(max(0.0, due - time.monotonic()))
        if last < end:
            time.sleep(stop.get("seconds", 0))
            self.close_connection = True

    def begin(self, status: int, headers: Mapping[str, str], length: int) -> None:
        if hasattr(self, "entry"):
            self.entry["status"] = status
        self.send_response(status)
        framing = {"Transfer-Encoding": "chunked"} if self.chunked else {"Content-Length": str(length)}
        for name, value in {**headers, **framing}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the journal has it."""


def span(header: str | None, size: int) -> tuple[int, int]:
    """Return the first byte that is asked for, and the one after the last."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "")
    if not found:
        return 0, size
    return int(found[1]), min(size, int(found[2]) + 1) if found[2] else size


class Server(ThreadingHTTPServer):
    """The listener of one port."""

    daemon_threads = True
    request_queue_size = 64
    # A connection that a client drops is no news.
    block_on_close = False
    hub: Hub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that went away."""


def listen(hub: Hub, host: str, port: int) -> Server:
    server = Server((host, port), Handler)
    server.hub = hub
    return server


@contextmanager
def running(
    root: Path, *, tokens: Mapping[str, Sequence[str]] | None = None, faults: Sequence[Any] = ()
) -> Iterator[Hub]:
    """Serve a folder on two free ports of this machine until the block ends."""
    hub = Hub(Shelf(root), tokens or {})
    hub.switch(*faults)
    front, content = listen(hub, "127.0.0.1", 0), listen(hub, "127.0.0.1", 0)
    hub.url = f"http://127.0.0.1:{front.server_port}"
    # Another name than the hub's: clients keep credentials to themselves there.
    hub.content_url = f"http://localhost:{content.server_port}"
    threads = [threading.Thread(target=s.serve_forever, args=(0.02,), daemon=True) for s in (front, content)]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server in (front, content):
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
