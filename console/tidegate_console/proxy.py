"""`/v1/*`: handed to the gateway as it is, and its answer back, both unbuffered.

Owns which headers pass. One gateway, by its URL, and only below `/v1/`: nothing that a client sends chooses another
host. The console adds no key of its own. Errors of its own have OpenAI's form, as those of the gateway.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

# RFC 9110 §7.6.1; and what this side writes anew.
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What a client says of itself and where it comes from is not the gateway's to believe; cookies are nobody's.
_NOT_SENT: Final = _HOP_BY_HOP | {
    "host",
    "cookie",
    "origin",
    "referer",
    "forwarded",
    "via",
    "x-real-ip",
    "expect",
}
_NOT_RETURNED: Final = _HOP_BY_HOP | {"set-cookie", "server", "date"}
_UNSENT_PREFIXES: Final = ("x-forwarded-", "sec-")
_PATH: Final = re.compile(r"/v1/[!-~]*")
# Longer than the gateway gives a worker that says nothing; it heads off what hangs for ever.
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=900)
_FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError)


class Proxy:
    """The way to the gateway."""

    def __init__(self, gateway_url: str) -> None:
        self._base = gateway_url
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready to ask."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1024),
            timeout=_TIMEOUT,
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Hand a request on and stream the answer back; who leaves, ends it at the gateway too."""
        path = request.raw_path
        if not is_below_v1(path):
            return error(404, "not_found", "There is nothing below this path: it must begin with /v1/.")
        if self._session is None:
            raise RuntimeError("the proxy is not open")
        body = request.content if request.can_read_body else None
        try:
            async with self._session.request(
                request.method,
                URL(self._base + path, encoded=True),
                headers=sent_headers(request.headers),
                data=body,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            ) as answer:
                return await _return(request, answer)
        except _FAILURES as failure:
            return _broken(request, failure)


async def _return(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    response.headers.extend(returned_headers(answer.headers))
    request["upstream"] = response
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    await response.write_eof()
    return response


def _broken(request: web.Request, failure: Exception) -> web.StreamResponse:
    response = request.get("upstream")
    if response is None or not response.prepared:
        return error(
            502, "gateway_unreachable", f"The gateway does not answer ({type(failure).__name__}); try again."
        )
    # The answer has begun: only a connection that is cut tells that it is not whole.
    if request.transport is not None:
        request.transport.abort()
    return response  # type: ignore[no-any-return]


def is_below_v1(path: str) -> bool:
    """Tell whether a raw path is one of the API's: no step upwards in it, however that is written."""
    place = path.partition("?")[0]
    plain = unquote(unquote(place)).replace("\\", "/")
    return bool(_PATH.fullmatch(place)) and ".." not in plain.split("/") and "//" not in plain


def sent_headers(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return what of a client's headers the gateway gets."""
    return _passed(headers, _NOT_SENT, _UNSENT_PREFIXES)


def returned_headers(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return what of the gateway's headers the client gets."""
    return _passed(headers, _NOT_RETURNED, ())


def _passed(
    headers: Mapping[str, str] | CIMultiDictProxy[str], dropped: frozenset[str], prefixes: tuple[str, ...]
) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        low = name.lower()
        if low not in dropped and low not in named and not (prefixes and low.startswith(prefixes)):
            kept.add(name, value)
    return kept


def error(status: int, code: str, message: str) -> web.Response:
    """Return an error in OpenAI's form."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(body, status=status)
