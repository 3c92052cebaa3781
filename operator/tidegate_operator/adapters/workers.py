"""What the operator asks of a worker about adapters, and how its answers are read: the one seam to its port.

Owns the questions and the grammar of the answers, which are vLLM's; `workerhttp.py` asks for real, tests have a
stand-in. Must not trust an answer to be what it should: an engine may be of another version or make.
"""

import json
import re
from collections.abc import Mapping
from typing import Final, Protocol

from pydantic import BaseModel

from tidegate_operator.conditions.chain import Finding
from tidegate_operator.podanswer import parse

MODELS_PATH: Final = "/v1/models"
LOAD_PATH: Final = "/v1/load_lora_adapter"
UNLOAD_PATH: Final = "/v1/unload_lora_adapter"

_MOST_CHARACTERS: Final = 300
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]+")
# How vLLM says that an adapter is sound, and not for this model or these settings.
_INCOMPATIBLE: Final = re.compile(
    r"max_lora_rank|target.modules|not (yet )?support|unsupported|size of tensor|size mismatch|must match|shape",
    re.I,
)
_WITHOUT_LORA: Final = re.compile(r"LoRA is not enabled|no LoRA support", re.I)

# What vLLM puts around the words of the process in which it happened.
_WRAPPED: Final = re.compile(
    r"Call to \w+ method failed: Worker failed with error ['\"](.*)['\"], please check .*", re.S
)


class Refused(Exception):
    """A worker that will not load or unload an adapter; `finding` is why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.reason}: {finding.message}")
        self.finding = finding


class Workers(Protocol):
    """The workers, as far as adapters go. Whoever does not answer raises Unreadable."""

    async def served(self, address: str) -> Mapping[str, str]:
        """Return the adapters that the worker at an IP address has: name and directory."""

    async def load(self, address: str, name: str, path: str) -> None:
        """Load an adapter; raises Refused."""

    async def unload(self, address: str, name: str) -> None:
        """Unload an adapter: requests that have begun with it end with it. One that is not there is fine."""


class _Card(BaseModel):
    id: str
    root: str | None = None
    parent: str | None = None


class _Cards(BaseModel):
    data: list[_Card]


def read_served(body: bytes) -> dict[str, str]:
    """Return the adapters of an answer of `/v1/models`: what has a parent is one. Raises Unreadable."""
    return {card.id: card.root or "" for card in parse(_Cards, body).data if card.parent}


def refusal(status: int, body: bytes, path: str = "") -> Finding:
    """Return what an answer other than 200 means, to a load from this directory."""
    words, is_routed = _words(body)
    if status == 404 and not is_routed:
        what = "its engine has no way to load adapters while it runs: use an image with a vLLM that can"
        return Finding("EngineWithoutLora", what)
    said = f"the engine says: {words}" if words else f"the engine answered {status} without a word"
    if _WITHOUT_LORA.search(words):
        return Finding("EngineWithoutLora", said)
    if status == 404:
        words = (
            f"there is no adapter (adapter_config.json, adapter_model.safetensors) in {path} of the worker"
        )
        return Finding("AdapterNotFound", words)
    if _INCOMPATIBLE.search(words):
        return Finding("AdapterIncompatible", said)
    return Finding("AdapterFailed", said)


def _words(body: bytes) -> tuple[str, bool]:
    """Return the engine's own words, and whether they are of the route: a server without it has others."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "", False
    error = said.get("error") if isinstance(said, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    if not isinstance(message, str) or message == "Not Found":
        return "", False
    plain = _UNPRINTABLE.sub(" ", message).strip()
    if wrapped := _WRAPPED.fullmatch(plain):
        plain = wrapped[1]
    return plain if len(plain) <= _MOST_CHARACTERS else plain[: _MOST_CHARACTERS - 1] + "…", True
