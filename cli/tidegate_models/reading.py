"""LLMModels and LLMServices as dicts of the API server, read into this package's values. Pure.

Owns what a status means, and who uses what. Must not call anybody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate_models.values import Model, Place, Progress
from tidegate_operator.models.naming import asked_by, identity, oldest

Json = Mapping[str, Any]
_PLACES: Final = {
    **dict.fromkeys(("hf", "ms"), Place.CACHE),
    **dict.fromkeys(("pvc", "file"), Place.VOLUME),
    "oci": Place.IMAGE,
}


def progress(model: Json) -> Progress:
    """Return how far an LLMModel is; what its status says of an older spec does not count."""
    status: Json = model.get("status") or {}
    metadata: Json = model["metadata"]
    ready = _condition(status, "Ready")
    stale = status.get("observedGeneration", 0) < metadata.get("generation", 0)
    return Progress(
        name=metadata["name"],
        phase="Pending" if stale else status.get("phase") or "Pending",
        reason="" if stale else ready.get("reason", ""),
        message="" if stale else ready.get("message", ""),
        percent=status.get("percent"),
        bytes_done=status.get("bytesDone"),
        bytes_total=status.get("bytesTotal"),
        bytes_per_second=status.get("bytesPerSecond"),
        remaining_seconds=status.get("remainingSeconds"),
        files_done=status.get("filesDone"),
        files_total=status.get("filesTotal"),
    )


def users(model: Json, models: Sequence[Json], services: Iterable[Json]) -> tuple[str, ...]:
    """Return the names of the LLMServices that use an LLMModel, as the specs say it at this moment."""
    means, metadata = identity(model), model["metadata"]
    used = oldest(means, models, metadata["namespace"]) if means is not None else None
    if used is None or used["metadata"]["uid"] != metadata["uid"]:
        return ()
    using = (one for one in services if any(asked.identity == means for asked in asked_by(one)))
    return tuple(sorted(one["metadata"]["name"] for one in using))


def inventory(models: Sequence[Json], services: Sequence[Json]) -> list[Model]:
    """Return every model of a namespace: those of its cache, then those that its services have elsewhere."""
    cached = [_cached(one, users(one, models, services)) for one in models]
    return [*sorted(cached, key=lambda one: (one.uri, one.name)), *_elsewhere(services)]


def _cached(model: Json, used_by: tuple[str, ...]) -> Model:
    spec, status = model["spec"], model.get("status") or {}
    return Model(
        uri=spec["uri"],
        place=Place.CACHE,
        name=model["metadata"]["name"],
        revision=spec.get("revision"),
        commit=status.get("revision"),
        progress=progress(model),
        size_bytes=status.get("sizeBytes"),
        path=status.get("path") or "",
        used_by=used_by,
        last_used_at=None if used_by else status.get("lastUsedAt"),
    )


def _elsewhere(services: Iterable[Json]) -> Iterator[Model]:
    by_uri: dict[str, list[Json]] = {}
    for one in services:
        by_uri.setdefault(one["spec"]["model"]["uri"], []).append(one)
    for uri, using in sorted(by_uri.items()):
        scheme, _, path = uri.partition("://")
        place = _PLACES.get(scheme, Place.STREAM)
        if place is not Place.CACHE:
            yield Model(
                uri=uri,
                place=place,
                name="",
                revision=None,
                commit=None,
                progress=None,
                size_bytes=_estimated(using),
                path=path,
                used_by=tuple(sorted(one["metadata"]["name"] for one in using)),
                last_used_at=None,
            )


def _estimated(services: Iterable[Json]) -> int | None:
    estimates = ((one.get("status") or {}).get("estimate") or {} for one in services)
    return next((one["weightsBytes"] for one in estimates if one.get("weightsBytes")), None)


def _condition(status: Json, kind: str) -> Json:
    return next((one for one in status.get("conditions") or () if one["type"] == kind), {})
