"""HTTP to hubs: small documents, and files from any byte on.

Owns sessions, time limits, redirects and who sees the token: only the hub's own host. Must not decide what an answer
means, nor when to ask again.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from tidegate_loader.verdict import Said

CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
CHUNK_BYTES: Final = 1024 * 1024
# A list of a few thousand files; nothing that is a document is larger.
MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
# What an answer that is an error may say.
MAX_ERROR_BYTES: Final = 64 * 1024

# The first that fits is told.
MEANINGS: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]] = (
    (requests.exceptions.ProxyError, "cannot be reached through the proxy"),
    ((requests.exceptions.SSLError, SSLError), "has a certificate that is not trusted"),
    (requests.exceptions.ConnectTimeout, f"did not accept a connection within {CONNECT_SECONDS} s"),
    ((requests.exceptions.ReadTimeout, ReadTimeoutError), f"was silent for {READ_SECONDS} s"),
    (requests.exceptions.ConnectionError, "cannot be reached"),
    (requests.exceptions.TooManyRedirects, "redirects without end"),
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), "is no address"),
)

# How a hub says no: status, headers, body.
Reading = Callable[[int, Mapping[str, str], Any], Said]


class Refused(Exception):
    """The hub answered, and not with what was asked for."""

    def __init__(self, said: Said) -> None:
        super().__init__(f"status {said.status}")
        self.said = said


class Unreachable(Exception):
    """There was no answer, or it ended early; the message names what, never an address."""


@dataclass(frozen=True, slots=True)
class Bearer(AuthBase):
    """Credentials for a hub; requests takes them off where a redirect leads to another host.

    Without a token it stands in the way of a .netrc.
    """

    token: str | None
    cookie: str | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
            if self.cookie:
                request.headers["Cookie"] = f"{self.cookie}={self.token}"
        return request


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file from `begin` on; 0 where the server has only all of it."""

    begin: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Web:
    """One hub: how to be known to it, and how it says no."""

    auth: Bearer
    reading: Reading

    def document(self, url: str, params: Mapping[str, str]) -> Any:
        """Return a JSON document. Raises Refused, Unreachable."""
        with self._answer(url, params, {}) as response:
            text = response.raw.read(MAX_DOCUMENT_BYTES + 1, decode_content=True)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Unreachable("gave an answer that is not JSON") from error

    @contextmanager
    def content(self, url: str, begin: int, end: int, *, fresh: bool) -> Iterator[Content]:
        """Give the bytes of a file from `begin` up to `end`; `fresh` goes past caches on the way.

        Raises Refused, Unreachable; 416 is Refused as well.
        """
        headers = {"Accept-Encoding": "identity"}
        if begin or end:
            headers["Range"] = f"bytes={begin}-{end - 1}"
        if fresh:
            headers["Cache-Control"] = "no-cache"
        with self._answer(url, {}, headers) as response:
            part = response.status_code == requests.codes.partial_content
            if part and not response.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
                raise Unreachable("gave another part of a file than it was asked for")
            yield Content(begin if part else 0, chunks(response))

    @contextmanager
    def _answer(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> Iterator[requests.Response]:
        try:
            with (
                session() as client,
                client.get(
                    url,
                    params=params,
                    headers=headers,
                    auth=self.auth,
                    stream=True,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                ) as response,
            ):
                if response.status_code >= requests.codes.bad_request:
                    raise Refused(self.reading(response.status_code, response.headers, error_body(response)))
                yield response
        except (requests.RequestException, HTTPError) as error:
            raise Unreachable(described(error)) from error


def session() -> requests.Session:
    """Return a session that trusts the authorities that the environment names, also by OpenSSL's own variable."""
    client = requests.Session()
    client.headers["User-Agent"] = "tidegate-loader"
    client.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
    return client


def chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it comes: what waits to become a whole chunk is lost with the process."""
    while data := response.raw.read1(CHUNK_BYTES, decode_content=False):
        yield data


def error_body(response: requests.Response) -> Any:
    """Return what an error says of itself, if it is JSON."""
    try:
        return json.loads(response.raw.read(MAX_ERROR_BYTES, decode_content=True))
    except (ValueError, HTTPError):
        return None


def described(error: Exception) -> str:
    """Return what went wrong on the way, without addresses: a signed one is a secret."""
    return next((words for kinds, words in MEANINGS if isinstance(error, kinds)), "broke off the connection")
