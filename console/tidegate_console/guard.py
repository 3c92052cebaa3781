"""Who may speak to the console at all: headers of every answer, tokens, hosts, and pages of other sites.

Pure. There are no cookies, so nothing goes with a request that its page does not know. What is left are a page of
another site that asks in the name of nobody, and a name of that site's that leads here (DNS rebinding): both are for
what is answered without a token only, and both are refused here.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from tidegate_console.problems import Problem

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# On every answer, those of errors and of the gateway too.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# What is the console's own page, or no page at all: an address that was typed, or curl.
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_LOCAL_NAMES: Final = frozenset({"localhost"})
_CLUSTER_SUFFIXES: Final = (".svc", ".svc.cluster.local", ".localhost")
# A JWT, or a static token; what is longer is none.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")


def token_of(authorization: str | None) -> str | None:
    """Return the token of an Authorization header, None where there is none; raises Problem for another one."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise Problem(
            401,
            "Unauthorized",
            "The Authorization header holds no token.",
            "write `Authorization: Bearer TOKEN`",
        )
    return token


def check_site(headers: Mapping[str, str]) -> None:
    """Refuse what a page of another site asks; raises Problem.

    Browsers say so in `Sec-Fetch-Site`; older ones in `Origin`, wherever it would change something.
    """
    site = headers.get("Sec-Fetch-Site")
    origin = headers.get("Origin")
    foreign = site is not None and site not in _OWN_SITES
    if origin is not None and not foreign:
        foreign = urlsplit(origin).netloc.lower() != headers.get("Host", "").lower()
    if foreign:
        raise Problem(
            403, "ForeignSite", "A page of another site asked this.", "open the console itself, and ask there"
        )


def check_host(headers: Mapping[str, str], allowed: Collection[str]) -> None:
    """Refuse, of what is answered without a token, that for a host name that is not the console's; raises Problem."""
    name = host_of(headers.get("Host", ""))
    if name is None or not (_is_own(name) or name in allowed):
        raise Problem(
            403,
            "UnknownHost",
            "Without a token the console answers only under names that it knows.",
            "sign in, use an address such as localhost, or add the name to console.allowedHosts of the chart",
        )


def host_of(header: str) -> str | None:
    """Return the name or address in a Host header, without its port; None for what is neither."""
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _is_own(name: str) -> bool:
    """Tell whether no other site can have this name: an address, this machine, or a Service of the cluster."""
    if name in _LOCAL_NAMES or name.endswith(_CLUSTER_SUFFIXES):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
