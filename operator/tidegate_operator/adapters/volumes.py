"""Which volumes workers need for their adapters beside that of the model.

Owns the names and mount paths of these volumes. A volume that workers have stays while it can be mounted, also once no
adapter is on it: to take it away would replace them all. Must not do I/O.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate_api.names import ADAPTERS_MOUNT
from tidegate_api.settings import Settings
from tidegate_operator.adapters.declared import Volume, around, declared, is_allowed, lora_of, volume_of
from tidegate_operator.desired import ModelVolume, SideVolume
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.models.naming import cache_volume

_PREFIX: Final = "adapters-"
_DIGITS: Final = 8


def side_volumes(observed: Observed, model: ModelVolume, settings: Settings) -> tuple[SideVolume, ...]:
    """Return the volumes to mount, in an order that does not depend on that of the adapters."""
    if lora_of(observed.service) is None:
        return ()
    adapters = declared(observed.service, around(observed), settings)
    cache = cache_volume(settings.models, observed.key.namespace)
    allowed = [*settings.allowed_file_paths, *_directory(cache.source if cache is not None else {})]
    needed = {one.place.volume for one in adapters if one.place is not None}
    kept = {one for one in _mounted(observed.children) if is_allowed(one, observed.claims, allowed)}
    own = volume_of(model.source) if model.source is not None else None
    return tuple(_side(one) for one in sorted((needed | kept) - {own}))


def _mounted(children: Sequence[Manifest]) -> Iterator[Volume]:
    """Yield the volumes that workers have for adapters now."""
    for template in (_template(child.get("spec") or {}) for child in children):
        for entry in (template.get("spec") or {}).get("volumes") or ():
            if entry["name"].startswith(_PREFIX) and (found := volume_of(entry)) is not None:
                yield found


def _template(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the template of the Pods that a child makes, of a LeaderWorkerSet that of its followers."""
    group = spec.get("leaderWorkerTemplate") or {}
    found: Mapping[str, Any] = group.get("workerTemplate") or spec.get("template") or {}
    return found


def _directory(source: Mapping[str, Any]) -> Iterator[str]:
    found = volume_of(source)
    if found is not None and found.kind == "host":
        yield found.name


def _side(volume: Volume) -> SideVolume:
    digest = hashlib.sha256(":".join(volume).encode("utf-8")).hexdigest()[:_DIGITS]
    source: Mapping[str, Any] = (
        {"persistentVolumeClaim": {"claimName": volume.name}}
        if volume.kind == "claim"
        else {"hostPath": {"path": volume.name}}
    )
    return SideVolume(f"{_PREFIX}{digest}", source, f"{ADAPTERS_MOUNT}/{digest}")
