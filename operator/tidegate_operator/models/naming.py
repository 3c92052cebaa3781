"""Which LLMModels an LLMService means, what one is called that is made for it, and on which volume its files are.

Owns the identity of a model or adapter of a hub: its URI and revision, the default filled in. Must not do I/O, or look
whether anything is there.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tidegate_api.model import RepositoryType
from tidegate_api.settings import ModelCacheSettings
from tidegate_api.source import HUB_SCHEMES
from tidegate_operator.facts import Manifest

_DEFAULT_REVISIONS: Final = {"hf": "main", "ms": "master"}
# The most that an LLMModel's name may have; Jobs and Pods add theirs to it.
_NAME_LENGTH: Final = 50
_HASH_LENGTH: Final = 8
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


class Identity(NamedTuple):
    """A model or adapter of a hub, as it is asked for: two objects with the same mean the same files."""

    uri: str
    revision: str
    type: RepositoryType = "Model"


class Asked(NamedTuple):
    """What an LLMService asks for, and the part of its spec that says so: with `uri`, `revision`, `tokenSecretRef`."""

    identity: Identity
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CacheVolume:
    """The cache of a namespace as a Pod mounts it; `claim` is its PersistentVolumeClaim, None for a host path.

    Whoever only reads says so in the mount: a volume that is read-only as a whole could not be written to by a loader
    on the same node.
    """

    source: Mapping[str, Any]
    claim: str | None


def wanted(uri: str, revision: str | None, type_: RepositoryType = "Model") -> Identity | None:
    """Return what of a hub a URI and a revision mean, None for a source that needs no download."""
    scheme = uri.partition("://")[0]
    if scheme not in HUB_SCHEMES:
        return None
    return Identity(uri, revision or _DEFAULT_REVISIONS[scheme], type_)


def wanted_by(service: Manifest) -> Identity | None:
    """Return which model of a hub an LLMService asks for, None if none."""
    source = service["spec"]["model"]
    return wanted(source["uri"], source.get("revision"))


def draft_wanted_by(service: Manifest) -> Identity | None:
    """Return which model of a hub is to guess tokens for an LLMService, None if none."""
    source = _draft(service)
    return wanted(source["uri"], source.get("revision")) if source.get("uri") else None


def _draft(service: Manifest) -> Mapping[str, Any]:
    speculative = (service["spec"].get("engine") or {}).get("speculative") or {}
    return speculative.get("model") or {}


def asked_by(service: Manifest) -> Iterator[Asked]:
    """Yield all that an LLMService asks hubs for: its model, the one that guesses tokens for it, and its adapters."""
    source = service["spec"]["model"]
    if (means := wanted_by(service)) is not None:
        yield Asked(means, source)
    if (means := draft_wanted_by(service)) is not None:
        yield Asked(means, _draft(service))
    for adapter in (source.get("lora") or {}).get("adapters") or ():
        means = wanted(adapter["uri"], adapter.get("revision"), "Adapter")
        if means is not None:
            yield Asked(means, adapter)


def identity(model: Manifest) -> Identity | None:
    """Return what of a hub an LLMModel is, None for one that no version of ours could have accepted."""
    spec = model["spec"]
    return wanted(spec["uri"], spec.get("revision"), spec.get("type", "Model"))


def model_of(service: Manifest, models: Iterable[Manifest]) -> Manifest | None:
    """Return the LLMModel that an LLMService uses: the oldest of what it asks for, of those that stay."""
    meant = wanted_by(service)
    return None if meant is None else oldest(meant, models, service["metadata"]["namespace"])


def draft_of(service: Manifest, models: Iterable[Manifest]) -> Manifest | None:
    """Return the LLMModel that guesses tokens for an LLMService: the oldest of what it asks for."""
    meant = draft_wanted_by(service)
    return None if meant is None else oldest(meant, models, service["metadata"]["namespace"])


def oldest(meant: Identity, models: Iterable[Manifest], namespace: str) -> Manifest | None:
    """Return the oldest LLMModel of an identity in a namespace that is not about to go, None if there is none."""
    alike = (
        model
        for model in models
        if model["metadata"]["namespace"] == namespace
        and identity(model) == meant
        and "deletionTimestamp" not in model["metadata"]
    )
    return min(alike, key=_age, default=None)


def derived_name(meant: Identity) -> str:
    """Return the name of the LLMModel that is made where there is none: to be read, and told apart by its end."""
    # A model is called as it always was; its type is told where it is none.
    told = meant[:2] if meant.type == "Model" else meant
    digest = hashlib.sha256("@".join(told).encode("utf-8")).hexdigest()[:_HASH_LENGTH]
    readable = _NOT_IN_NAMES.sub("-", meant.uri.lower())
    return f"{readable[: _NAME_LENGTH - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


def cache_volume(settings: ModelCacheSettings, namespace: str) -> CacheVolume | None:
    """Return the volume of a namespace's cache, None where the settings give it none."""
    match settings.strategy:
        case "PVC":
            return CacheVolume(
                {"persistentVolumeClaim": {"claimName": settings.claim_name}}, settings.claim_name
            )
        case "HostPath":
            # No `type`: with one, a missing directory leaves the Pod waiting without a word in its status.
            return CacheVolume({"hostPath": {"path": f"{settings.host_path}/{namespace}"}}, None)
        case "None":
            return None


def _age(model: Manifest) -> tuple[str, str]:
    metadata = model["metadata"]
    return metadata.get("creationTimestamp") or "", metadata["name"]
