"""What a loader is asked for, every value concrete: builders read this and nothing else.

Owns how an LLMModel, its users and the settings become one request. Must not do I/O, or decide whether it is made.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate_api.model import LLMModelSpec, RepositoryType
from tidegate_api.settings import Settings
from tidegate_api.source import TokenSecret
from tidegate_operator import quantities
from tidegate_operator.facts import Key, Manifest
from tidegate_operator.models.facts import ModelFacts
from tidegate_operator.models.naming import CacheVolume, Identity, asked_by, wanted


@dataclass(frozen=True, slots=True)
class Placement:
    """On which nodes a loader runs: where those who use its volume can run."""

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One load.

    `revision` is the pinned commit once there is one. `in_use` are directories of the cache that may not be evicted.
    `fingerprint` is of what a person can change about it: while that stays, so does what only a person can mend.
    """

    key: Key
    uid: str
    uri: str
    revision: str
    type: RepositoryType
    token: TokenSecret | None
    volume: CacheVolume
    in_use: tuple[str, ...]
    limit_bytes: int | None
    placement: Placement
    fingerprint: str
    settings: Settings


def request(
    facts: ModelFacts, model: Manifest, spec: LLMModelSpec, volume: CacheVolume, settings: Settings
) -> Request:
    """Return what is asked for to bring an LLMModel in."""
    means = wanted(spec.uri, spec.revision, spec.type)
    revision = means.revision if means is not None else ""
    token = spec.token_secret_ref or _token_of(facts.users, means)
    limit = settings.models.limit
    return Request(
        key=facts.key,
        uid=model["metadata"]["uid"],
        uri=spec.uri,
        revision=(model.get("status") or {}).get("revision") or revision,
        type=spec.type,
        token=token,
        volume=volume,
        in_use=facts.paths_in_use(),
        limit_bytes=None if limit is None else int(quantities.parse(limit)),
        placement=placement(facts.users, settings),
        fingerprint=_fingerprint(spec, token, settings),
        settings=settings,
    )


def placement(users: tuple[Manifest, ...], settings: Settings) -> Placement:
    """Return where the oldest of these LLMServices can run; a volume may be bound to where it is used first."""
    for service in users:
        name = service["spec"].get("resourceProfile", "").rpartition(":")[0]
        profile = settings.resource_profiles.get(name)
        if profile is None:
            continue
        pod = (service["spec"].get("podTemplate") or {}).get("spec") or {}
        own = pod.get("nodeSelector") if isinstance(pod, Mapping) else None
        selector = {**profile.node_selector, **(own if isinstance(own, Mapping) else {})}
        return Placement(selector, tuple(profile.tolerations))
    return Placement({}, ())


def _token_of(users: tuple[Manifest, ...], means: Identity | None) -> TokenSecret | None:
    """Return the token that the oldest user with one names for it."""
    for asked in (one for service in users for one in asked_by(service)):
        named = asked.source.get("tokenSecretRef")
        if named and asked.identity == means:
            return TokenSecret.model_validate(named)
    return None


def _fingerprint(spec: LLMModelSpec, token: TokenSecret | None, settings: Settings) -> str:
    models = settings.models.model_dump(mode="json", by_alias=True)
    told = [spec.uri, spec.revision, token.model_dump(mode="json") if token else None, models]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8")).hexdigest()[:16]
