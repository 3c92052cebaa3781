"""An object store that speaks what clients of S3 need to read a model: list, size, ranges. Standard library only.

It answers whoever signs a request with the access key that it was made with, and looks no further.
`python3 objectstore.py BUCKET ACCESS_KEY PREFIX FOLDER PORT` serves a folder for ever.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DATE = "2026-11-21T12:00:00.000Z"
_ETAG = '"0123456789abcdef0123456789abcdef"'


@dataclass
class ObjectStore:
    """One bucket, its objects by key; `asked` are method and key of every request."""

    bucket: str
    access_key: str
    objects: dict[str, Path] = field(default_factory=dict)
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, prefix: str, folder: Path) -> None:
        """Take all files of a folder."""
        self.objects |= {f"{prefix}/{file.name}": file for file in folder.iterdir()}

    def listing(self, prefix: str) -> str:
        """Return the answer to ListObjectsV2."""
        entries = [
            f"<Contents><Key>{escape(key)}</Key><Size>{path.stat().st_size}</Size><ETag>{escape(_ETAG)}</ETag>"
            f"<LastModified>{_DATE}</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
            for key, path in sorted(self.objects.items())
            if key.startswith(prefix)
        ]
        return (
            f'{_XML}<ListBucketResult xmlns="{_NAMESPACE}"><Name>{self.bucket}</Name><Prefix>{escape(prefix)}</Prefix>'
            f"<KeyCount>{len(entries)}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
            f"{''.join(entries)}</ListBucketResult>"
        )


@contextmanager
def serve(store: ObjectStore) -> Iterator[ObjectStore]:
    """Answer on a port of this machine until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(store))
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(of: ObjectStore) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        store = of

    return Handler


class _Handler(BaseHTTPRequestHandler):
    store: ObjectStore
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        self.store.asked.append((self.command, key))
        if f"Credential={self.store.access_key}/" not in self.headers.get("Authorization", ""):
            self._send(403, f"{_XML}<Error><Code>InvalidAccessKeyId</Code></Error>".encode())
        elif bucket != self.store.bucket:
            self._send(404, f"{_XML}<Error><Code>NoSuchBucket</Code></Error>".encode())
        elif not key:
            prefix = parse_qs(parts.query).get("prefix", [""])[0]
            self._send(200, self.store.listing(prefix).encode(), kind="application/xml")
        elif key not in self.store.objects:
            self._send(404, f"{_XML}<Error><Code>NoSuchKey</Code></Error>".encode())
        else:
            self._object(self.store.objects[key])

    def _object(self, path: Path) -> None:
        wanted, size = self.headers.get("Range", ""), path.stat().st_size
        if not wanted.startswith("bytes="):
            self._send(200, path.read_bytes() if self.command == "GET" else b"", length=size)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or size - 1), size - 1)
        with path.open("rb") as file:
            file.seek(begin)
            part = file.read(end - begin + 1)
        self._send(206, part, headers={"Content-Range": f"bytes {begin}-{end}/{size}"})

    def _send(
        self,
        status: int,
        body: bytes,
        *,
        kind: str = "application/octet-stream",
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        usual = {
            "Content-Type": kind,
            "Content-Length": str(len(body) if length is None else length),
            "Accept-Ranges": "bytes",
            "ETag": _ETAG,
        }
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 12:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    bucket, access_key, prefix, folder, port = sys.argv[1:]
    store = ObjectStore(bucket, access_key)
    store.put(prefix, Path(folder))
    ThreadingHTTPServer(("", int(port)), _handler(store)).serve_forever()


if __name__ == "__main__":
    main()
