"""Which adapters an LLMService declares, where the files of each are, and why one cannot be loaded anywhere.

Owns what is judged without asking a worker: names, sources, downloads. Must not do I/O, or know a Pod.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from tidegate_api.adapters import AdapterPhase
from tidegate_api.names import MODEL_KIND
from tidegate_api.settings import Settings
from tidegate_api.source import CLAIM_URI_PATTERN
from tidegate_operator import uri
from tidegate_operator.basis import age, model_name
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.conditions.record import by_type
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.models.naming import cache_volume, oldest, wanted

_CLAIM: Final = re.compile(CLAIM_URI_PATTERN)
_NOT_THERE: Final = frozenset({"ModelNotFound", "RevisionNotFound"})


class Volume(NamedTuple):
    """A volume as two Pods could share it: a PersistentVolumeClaim of their namespace, or a directory of the node."""

    kind: Literal["claim", "host"]
    name: str


class Place(NamedTuple):
    """Where the files of an adapter are: on which volume, in which directory of it."""

    volume: Volume
    path: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an adapter cannot be loaded on any worker; what has it goes on with it, unless the name is another's."""

    phase: AdapterPhase
    finding: Finding

    @property
    def forbids(self) -> bool:
        """Return whether no worker may have it."""
        return self.finding.reason == "AdapterNameTaken"


@dataclass(frozen=True, slots=True)
class Declared:
    """One adapter. `place` is None while an `obstacle` says why."""

    name: str
    place: Place | None = None
    revision: str | None = None
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What is in the namespace beside an LLMService: the others, LLMModels, and claims by name."""

    siblings: Sequence[Manifest]
    models: Sequence[Manifest]
    claims: Mapping[str, Manifest]


def around(observed: Observed) -> Around:
    """Return what one reconcile knows to be beside an LLMService."""
    return Around(observed.siblings, observed.models, observed.claims)


def lora_of(service: Manifest) -> Mapping[str, Any] | None:
    """Return what an LLMService says of adapters, None where it serves none."""
    found: Mapping[str, Any] | None = service["spec"]["model"].get("lora")
    return found


def adapters_of(service: Manifest) -> Sequence[Mapping[str, Any]]:
    """Return the adapters that an LLMService lists."""
    return (lora_of(service) or {}).get("adapters") or ()


def declared(service: Manifest, around: Around, settings: Settings) -> tuple[Declared, ...]:
    """Return the adapters of an LLMService, in its order."""
    taken = _taken(service, around.siblings)
    return tuple(_declared(entry, taken, service, around, settings) for entry in adapters_of(service))


def _declared(
    entry: Mapping[str, Any],
    taken: Mapping[str, str],
    service: Manifest,
    around: Around,
    settings: Settings,
) -> Declared:
    name = entry["name"]
    if name in taken:
        words = f"adapter {name!r} has the name of {taken[name]}: give it another in spec.model.lora.adapters"
        return Declared(name, obstacle=_failed(Finding("AdapterNameTaken", words)))
    if uri.is_of_hub(entry["uri"]):
        return _of_hub(entry, service["metadata"]["namespace"], around, settings)
    if uri.scheme_of(entry["uri"]) == "pvc":
        return _of_claim(entry, around.claims)
    return _of_directory(entry, settings.allowed_file_paths)


def _taken(service: Manifest, siblings: Iterable[Manifest]) -> dict[str, str]:
    """Return the names that no adapter of this LLMService may have, and whose each is."""
    others = [one for one in siblings if "deletionTimestamp" not in one["metadata"]]
    older = (one for one in others if age(one) < age(service))
    adapters = {
        entry["name"]: f"an adapter of the older LLMService {one['metadata']['name']!r}"
        for one in older
        for entry in adapters_of(one)
    }
    models = {model_name(one): f"the model of LLMService {one['metadata']['name']!r}" for one in others}
    return {**adapters, **models, model_name(service): "the model itself"}


def _of_hub(entry: Mapping[str, Any], namespace: str, around: Around, settings: Settings) -> Declared:
    name, source = entry["name"], entry["uri"]
    cache = cache_volume(settings.models, namespace)
    means = wanted(source, entry.get("revision"), "Adapter")
    if cache is None or means is None:
        words = (
            f"adapter {name!r}: the chart's models.strategy is None, so there is no cache into which {source} could be "
            "downloaded: set it to PVC or HostPath, or use pvc://"
        )
        return Declared(name, obstacle=_failed(Finding("AdapterFailed", words)))
    model = oldest(means, around.models, namespace)
    status: Mapping[str, Any] = (model or {}).get("status") or {}
    obstacle, revision = _of_model(name, source, model), status.get("revision")
    if obstacle is not None:
        return Declared(name, revision=revision, obstacle=obstacle)
    # Every source of a cache is one of the two.
    volume = volume_of(cache.source) or Volume("host", "/")
    return Declared(name, Place(volume, str(status["path"])), revision)


def _of_model(name: str, source: str, model: Manifest | None) -> Obstacle | None:
    """Return why the files of a hub's adapter are not there, in the words of its LLMModel."""
    if model is None:
        return _pending(f"adapter {name!r}: an {MODEL_KIND} for {source} is being made")
    status = model.get("status") or {}
    ready = by_type(status).get("Ready", {})
    if ready.get("status") == "True" and status.get("path"):
        return None
    whose = f"adapter {name!r}, {MODEL_KIND} {model['metadata']['name']!r}"
    words = f"{whose}: {ready.get('message') or 'it is new, and its download begins at once'}"
    match status.get("phase"):
        case "Failed":
            is_absent = ready.get("reason") in _NOT_THERE
            return _failed(
                Finding("AdapterNotFound", words) if is_absent else Finding("AdapterFailed", words)
            )
        case "Downloading" | "Verifying":
            return Obstacle("Downloading", Finding("AdapterDownloading", words))
    return _pending(words)


def _of_claim(entry: Mapping[str, Any], claims: Mapping[str, Manifest]) -> Declared:
    name, source = entry["name"], entry["uri"]
    if not _CLAIM.match(source) or ".." in source:
        return Declared(
            name, obstacle=_failed(Finding("AdapterFailed", f"adapter {name!r}: {source!r} names no claim"))
        )
    claim, _, path = source.removeprefix("pvc://").partition("/")
    there = claims.get(claim)
    if there is None or "deletionTimestamp" in there["metadata"]:
        words = (
            f"adapter {name!r}: PersistentVolumeClaim {claim!r} is not in the namespace, or is being deleted: create "
            "it, or correct the name"
        )
        return Declared(name, obstacle=_failed(Finding("AdapterNotFound", words)))
    return Declared(name, Place(Volume("claim", claim), _inside(path)))


def _of_directory(entry: Mapping[str, Any], allowed: Sequence[str]) -> Declared:
    name = entry["name"]
    path = "/" + posixpath.normpath(entry["uri"].removeprefix("file://")).lstrip("/")
    root = next(_roots_of(path, allowed), None)
    if root is None:
        words = (
            f"adapter {name!r}: {path} is not below a directory that the operator allows "
            f"({', '.join(allowed) or 'none'}): use pvc://CLAIM/PATH, or have an administrator add it to "
            "allowedFilePaths in the chart's values"
        )
        return Declared(name, obstacle=_failed(Finding("AdapterFailed", words)))
    # The whole directory, so that the next adapter below it needs no other volume.
    return Declared(name, Place(Volume("host", root), _inside(posixpath.relpath(path, root))))


def volume_of(source: Mapping[str, Any]) -> Volume | None:
    """Return which volume an entry of a Pod's volumes is, None for one that no adapter can be on."""
    if claim := source.get("persistentVolumeClaim"):
        return Volume("claim", claim["claimName"])
    if directory := source.get("hostPath"):
        return Volume("host", directory["path"])
    return None


def is_allowed(volume: Volume, claims: Mapping[str, Manifest], allowed: Sequence[str]) -> bool:
    """Return whether a worker that starts now could mount a volume."""
    if volume.kind == "claim":
        return volume.name in claims and "deletionTimestamp" not in claims[volume.name]["metadata"]
    return any(True for _ in _roots_of(volume.name, allowed))


def _roots_of(path: str, allowed: Sequence[str]) -> Iterator[str]:
    roots = (posixpath.normpath(one) for one in allowed)
    return (root for root in roots if path == root or path.startswith(f"{root.rstrip('/')}/"))


def _inside(path: str) -> str:
    found = posixpath.normpath(path or ".").strip("/")
    return "" if found == "." else found


def _failed(finding: Finding) -> Obstacle:
    return Obstacle("Failed", finding)


def _pending(words: str) -> Obstacle:
    return Obstacle("Pending", Finding("AdapterPending", words))
