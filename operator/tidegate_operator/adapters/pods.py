"""What a worker's Pod says of adapters: whether it is to have any, and where it finds which.

Owns the reading of Pods for that. Must not do I/O, or know what a worker has.
"""

import posixpath
from collections.abc import Sequence

from tidegate_api.names import DRAINING_ANNOTATION
from tidegate_operator.adapters.decide import Wanted
from tidegate_operator.adapters.declared import Declared, Place, volume_of
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import Manifest


def answers(pod: Manifest) -> bool:
    """Return whether a worker takes requests and goes on doing so, which is when it is to have adapters."""
    is_draining = DRAINING_ANNOTATION in (pod["metadata"].get("annotations") or {})
    return of_pod.is_live(pod) and of_pod.is_ready(pod) and not is_draining


def serves_adapters(pod: Manifest) -> bool:
    """Return whether a worker was started to serve adapters."""
    return "--enable-lora" in (of_pod.engine_spec(pod).get("args") or ())


def path_in(pod: Manifest, place: Place) -> str | None:
    """Return where a worker finds an adapter, None if its volume is not mounted there."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    names = {one["name"] for one in volumes if volume_of(one) == place.volume}
    mounts = (one for one in of_pod.engine_spec(pod).get("volumeMounts") or () if one["name"] in names)
    mount = next((one["mountPath"] for one in mounts if not one.get("subPath")), None)
    return posixpath.join(mount, place.path).rstrip("/") if mount is not None else None


def wanted_of(pod: Manifest, adapters: Sequence[Declared]) -> Wanted:
    """Return what a worker is to have of the adapters that are declared."""
    paths = {one.name: path_in(pod, one.place) for one in adapters if one.place is not None}
    kept = {one.name for one in adapters if one.obstacle is not None and not one.obstacle.forbids}
    kept |= {name for name, path in paths.items() if path is None}
    return Wanted({name: path for name, path in paths.items() if path is not None}, frozenset(kept))
