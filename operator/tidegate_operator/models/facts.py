"""What one reconcile of an LLMModel knows: the model, its neighbours in the cache, and who brings it in.

Owns the shape of the facts, and who uses which model. Must not fetch or decide anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tidegate_api.names import MANAGED_BY, MANAGED_BY_LABEL, MODEL_LABEL
from tidegate_operator.facts import Key, Manifest
from tidegate_operator.models.naming import Asked, asked_by, derived_name, identity, oldest

Step = Literal["Resolving", "Evicting", "Downloading", "Verifying", "Done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a loader says it is; bytes and files are those of the whole model, a rate of 0 is not known."""

    step: Step
    revision: str | None = None
    path: str | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_per_second: int = 0
    remaining_seconds: int | None = None
    files_done: int = 0
    files_total: int = 0

    @property
    def percent(self) -> int:
        """Return how much is there; 100 only once everything is verified, which a loader cannot say while it runs."""
        return min(self.bytes_done * 100 // self.bytes_total, 99) if self.bytes_total else 0


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """An LLMModel and all that concerns it, as last seen.

    `model` is None where there is none of this name, `departed` is then the one that was deleted. `models` and
    `services` are those of the namespace, `model` among them; `jobs` and `pods` those of all its loaders.
    """

    key: Key
    model: Manifest | None
    departed: Manifest | None
    models: tuple[Manifest, ...]
    services: tuple[Manifest, ...]
    jobs: tuple[Manifest, ...]
    pods: tuple[Manifest, ...]
    claim: Manifest | None
    progress: Progress | None
    now: datetime

    @property
    def users(self) -> tuple[Manifest, ...]:
        """Return the LLMServices that use it, the oldest first."""
        return users(self.model, self.models, self.services) if self.model is not None else ()

    @property
    def wanted(self) -> Asked | None:
        """Return what should be made under this name, as the oldest LLMService asks for it; None for nothing."""
        for asked in (one for service in by_age(self.services) for one in asked_by(service)):
            if derived_name(asked.identity) == self.key.name:
                is_there = oldest(asked.identity, self.models, self.key.namespace) is not None
                return None if is_there else asked
        return None

    def own_job(self, name: str) -> Manifest | None:
        """Return the Job of a name that this very LLMModel controls."""
        uid = self.model["metadata"]["uid"] if self.model is not None else None
        return next(
            (job for job in self.jobs if job["metadata"]["name"] == name and is_controlled_by(job, uid)), None
        )

    def pods_of(self, job: Manifest) -> tuple[Manifest, ...]:
        """Return the Pods of a Job, the newest first."""
        own = [pod for pod in self.pods if is_controlled_by(pod, job["metadata"]["uid"])]
        return tuple(
            sorted(own, key=lambda pod: pod["metadata"].get("creationTimestamp") or "", reverse=True)
        )

    def paths_in_use(self) -> tuple[str, ...]:
        """Return the directories of the cache that some LLMService uses."""
        paths = {
            path_of(model): None
            for model in self.models
            if path_of(model) and users(model, self.models, self.services)
        }
        return tuple(sorted(path for path in paths if path))


def users(
    model: Manifest, models: tuple[Manifest, ...], services: tuple[Manifest, ...]
) -> tuple[Manifest, ...]:
    """Return the LLMServices that use a model, the oldest first: of those alike, the oldest model is used."""
    means = identity(model)
    metadata = model["metadata"]
    used = oldest(means, models, metadata["namespace"]) if means is not None else None
    if used is None or used["metadata"]["uid"] != metadata["uid"]:
        return ()
    return tuple(
        service for service in by_age(services) if any(one.identity == means for one in asked_by(service))
    )


def by_age(services: tuple[Manifest, ...]) -> list[Manifest]:
    """Return the LLMServices that stay, the oldest first."""
    stay = (one for one in services if "deletionTimestamp" not in one["metadata"])
    return sorted(
        stay, key=lambda one: (one["metadata"].get("creationTimestamp") or "", one["metadata"]["name"])
    )


def path_of(model: Manifest) -> str | None:
    """Return the directory of a model in the cache, as far as it is known."""
    path: str | None = (model.get("status") or {}).get("path")
    return path


def is_made_by_us(model: Manifest) -> bool:
    """Return whether the operator made it for an LLMService, and nobody by hand."""
    return (model["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY


def is_controlled_by(item: Manifest, uid: str | None) -> bool:
    """Return whether the controller of an object is the one with this uid."""
    references: Iterator[Manifest] = iter(item["metadata"].get("ownerReferences") or ())
    return any(one.get("controller") and one["uid"] == uid for one in references)


def model_name(job: Manifest) -> str:
    """Return the name of the LLMModel that a Job is about."""
    return str((job["metadata"].get("labels") or {}).get(MODEL_LABEL, ""))
