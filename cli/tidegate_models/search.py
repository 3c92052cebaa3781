"""Asks a hub for models.

Owns the request: address, token, deadline. Must not know what an answer means.
"""

import json
import os
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tidegate_models import hubs
from tidegate_models.errors import HubDown, Invalid
from tidegate_models.values import Hub, HubModel

# How each hub's own tools are told of another address and of a token: environment variables, and the default.
_ENDPOINTS: Final = {
    Hub.HUGGING_FACE: ("HF_ENDPOINT", "https://huggingface.co"),
    Hub.MODEL_SCOPE: ("MODELSCOPE_ENDPOINT", "https://www.modelscope.cn"),
}
_TOKENS: Final = {Hub.HUGGING_FACE: "HF_TOKEN", Hub.MODEL_SCOPE: "MODELSCOPE_API_TOKEN"}
_SECONDS: Final = 15.0
_MOST_BYTES: Final = 8 << 20


def search(
    query: str,
    *,
    hub: Hub = Hub.HUGGING_FACE,
    limit: int = 20,
    task: str | None = None,
    endpoint: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[HubModel]:
    """Return at most `limit` (50 at most) models that a hub finds, the most downloaded first.

    Proxies, the hub's address and a token are taken from the environment, as the hub's own tools do. Raises Invalid
    for a query that cannot be asked, and HubDown when the hub does not answer it.
    """
    if not 1 <= limit <= hubs.MOST:
        raise Invalid(f"{limit} models cannot be asked for at once", "limit", f"1 to {hubs.MOST}")
    if environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise HubDown("no hub is asked while offline", "HF_HUB_OFFLINE", "unset it to search")
    variable, default = _ENDPOINTS[hub]
    base = endpoint or environment.get(variable) or default
    if not _is_address(base):
        raise Invalid(f"{base!r} is no address of a hub", variable, "write https://HOST")
    url = hubs.address(hub, base, query, limit, task)
    return hubs.models(hub, _fetch(url, base, environment.get(_TOKENS[hub])), base)[:limit]


def _is_address(base: str) -> bool:
    try:
        found = urlsplit(base)
    except ValueError:
        return False
    return found.scheme in {"https", "http"} and bool(found.hostname)


def _fetch(url: str, base: str, token: str | None) -> Any:
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "tidegate"})  # noqa: S310 - checked
    if token:
        # Wherever the hub sends us on to, the token stays with the hub.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - its scheme is checked
            return json.loads(answer.read(_MOST_BYTES))
    except HTTPError as error:
        error.close()
        raise HubDown(f"the hub answered {error.code} {error.reason}", base, _fix(error.code)) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise HubDown(
            f"the hub cannot be reached: {reason}", base, "check the address, the network and HTTPS_PROXY"
        ) from error
    except ValueError as error:
        raise HubDown("the hub's answer is no JSON", base, "is that the address of a hub?") from error


def _fix(status: int) -> str:
    if status in {401, 403}:
        return "is the token in HF_TOKEN or MODELSCOPE_API_TOKEN still good?"
    return "wait a minute, or search with a token" if status == 429 else "try again"
