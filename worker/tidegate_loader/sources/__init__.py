"""The hubs that models come from, behind one small face.

Owns which scheme is which hub. Each hub has a module of its own: where things are, and what its answers mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tidegate_loader.failure import LoadFailed
from tidegate_loader.listing import Listing
from tidegate_loader.names import ModelName
from tidegate_loader.sources import huggingface, modelscope
from tidegate_loader.verdict import Asked
from tidegate_loader.web import Bearer, Reading, Web


class Hub(Protocol):
    """What is different between hubs."""

    def listing(self, web: Web, endpoint: str, model: ModelName, revision: str) -> Listing:
        """Return the files of a model at the commit that a revision means now. Raises Refused, Unreachable."""

    def file_url(self, endpoint: str, model: ModelName, commit: str, name: str) -> str:
        """Return where the content of a file is asked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """A hub as this Pod reaches it."""

    hub: Hub
    web: Web
    endpoint: str
    default_revision: str
    pages: str
    token_page: str

    def asked(self, model: ModelName, revision: str) -> Asked:
        """Return what answers are judged by."""
        has_token = self.web.auth.token is not None
        return Asked(model.uri, revision, self.endpoint, self.page(model), self.token_page, has_token)

    def page(self, model: ModelName) -> str:
        """Return where people see a model."""
        return f"{self.pages}/{model.repository}"

    def listing(self, model: ModelName, revision: str) -> Listing:
        return self.hub.listing(self.web, self.endpoint, model, revision)

    def file_url(self, model: ModelName, commit: str, name: str) -> str:
        return self.hub.file_url(self.endpoint, model, commit, name)


def source_of(model: ModelName, env: Mapping[str, str]) -> Source:
    """Return the hub of a model, with the endpoint and the token that the environment names."""
    if model.scheme == "hf":
        endpoint = address(env.get("HF_ENDPOINT"), huggingface.ENDPOINT)
        return Source(
            huggingface,
            web(env.get("HF_TOKEN"), None, huggingface.reading),
            endpoint,
            huggingface.DEFAULT_REVISION,
            pages=endpoint,
            token_page=f"{endpoint}/settings/tokens",
        )
    endpoint = address(env.get("MODELSCOPE_ENDPOINT"), modelscope.ENDPOINT)
    return Source(
        modelscope,
        web(env.get("MODELSCOPE_API_TOKEN"), modelscope.COOKIE, modelscope.reading),
        endpoint,
        modelscope.DEFAULT_REVISION,
        pages=f"{endpoint}/models",
        token_page=f"{endpoint}/my/myaccesstoken",
    )


def web(token: str | None, cookie: str | None, reading: Reading) -> Web:
    """Return the way to a hub; a token that is empty, or has a line's end behind it, is none or without it."""
    known = (token or "").strip()
    if not known.isascii() or not known.isprintable() or " " in known:
        message = "the Secret's token has a character that no token has."
        raise LoadFailed("TokenInvalid", f"{message} Put the token and nothing else under that key.")
    return Web(Bearer(known or None, cookie), reading)


def address(given: str | None, usual: str) -> str:
    """Return a hub's address without a slash at its end; a host without a scheme is asked by https."""
    chosen = (given or usual).strip().rstrip("/")
    return chosen if "://" in chosen else f"https://{chosen}"
