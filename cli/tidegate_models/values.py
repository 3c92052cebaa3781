"""What this package returns: models on a hub, models in a namespace, the progress of one. All frozen.

Owns the fields and their units. Must not know where they come from or how they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

# Failures that the operator tries again, with a good chance that nobody has to do anything.
PASSING: Final = frozenset({"HubRateLimited", "HubUnreachable", "LoaderFailed"})


class Hub(StrEnum):
    """Where models are searched, by the scheme of their URIs."""

    HUGGING_FACE = "hf"
    MODEL_SCOPE = "ms"


class Place(StrEnum):
    """Where the weights of a model are."""

    CACHE = "cache"  # the namespace's model cache, by an LLMModel
    VOLUME = "volume"  # pvc://, file://
    IMAGE = "image"  # oci://
    STREAM = "stream"  # s3://, gs://, az://: in no place of the cluster


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model as a hub lists it; what the hub does not tell is None."""

    uri: str
    downloads: int | None = None
    likes: int | None = None
    gated: bool | None = None
    task: str | None = None
    license: str | None = None
    parameters: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an LLMModel is. Bytes and files only grow; percent is 100 only for what is verified."""

    name: str
    phase: str
    reason: str = ""
    message: str = ""
    percent: int | None = None
    bytes_done: int | None = None
    bytes_total: int | None = None
    bytes_per_second: int | None = None
    remaining_seconds: int | None = None
    files_done: int | None = None
    files_total: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the model is there, whole and checked."""
        return self.phase == "Ready"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come unless somebody changes something."""
        return self.is_ready or (self.phase == "Failed" and self.reason not in PASSING)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a namespace has or waits for."""

    uri: str
    place: Place
    # Of the LLMModel; empty for what needs none.
    name: str
    # The branch, tag or commit that was asked for, and the commit that it is.
    revision: str | None
    commit: str | None
    progress: Progress | None
    # On disk when it is there, of its weights where it is in no cache; None while nobody knows.
    size_bytes: int | None
    # In the cache, the volume or the bucket.
    path: str
    used_by: tuple[str, ...]
    # RFC 3339; None while it is used, and where that is not kept.
    last_used_at: str | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a request for a model came to."""

    name: str
    uri: str
    # Whether the LLMModel is new, or what it was asked for has changed.
    changed: bool


@dataclass(frozen=True, slots=True)
class Toggled:
    """What became of a switch: of a service's workers, or of a model's download."""

    name: str
    changed: bool


def as_json(value: Any) -> Any:
    """Return a value of this module as JSON has it, with names as in Kubernetes; what is None is left out."""
    if isinstance(value, (tuple, list)):
        return [as_json(one) for one in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    told: Mapping[str, Any] = {field.name: getattr(value, field.name) for field in fields(value)}
    return {_camel(name): as_json(one) for name, one in told.items() if one is not None}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
