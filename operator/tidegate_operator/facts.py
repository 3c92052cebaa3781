"""What one reconcile knows about the world: gathered once by `fetch`, read by every pure step, never changed.

Owns the shape of the facts. Must not fetch, decide or default anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

Manifest = Mapping[str, Any]


class Key(NamedTuple):
    """Which LLMService is meant."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Observed:
    """The LLMService and all that concerns it, as last seen.

    `children` are the objects of our kinds that carry the names we would use, whoever owns them; `claim` is the
    PersistentVolumeClaim that a `pvc://` model names; `siblings` are the other LLMServices of the namespace.
    """

    service: Manifest
    siblings: tuple[Manifest, ...]
    children: tuple[Manifest, ...]
    pods: tuple[Manifest, ...]
    claim: Manifest | None
    gateway_endpoints_ready: int
    now: datetime

    @property
    def key(self) -> Key:
        """Return which LLMService this is about."""
        metadata = self.service["metadata"]
        return Key(metadata["namespace"], metadata["name"])
