"""When a Job looks into a model that no loader has seen, and when workers wait for what it finds.

Owns that decision. Must not know how the Job looks.
"""

from datetime import datetime, timedelta
from typing import Final

from tidegate_operator.build.inspection import inspection_name
from tidegate_operator.desired import Service
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Manifest, Observed

# Long enough to pull a small image and read a few files; then the engine has to find out by itself.
PATIENCE: Final = timedelta(minutes=5)
# A claim that was made with its service, for a volume that is there: it is bound within a second or two.
_BINDING: Final = timedelta(seconds=15)
_LOOK_AGAIN_SECONDS: Final = 10.0


def is_wanted(service: Service, observed: Observed) -> bool:
    """Return whether there is to be a Job: not before a worker is wanted, and not before its claim has a volume.

    With a StorageClass that waits for its first consumer, that one has to be a worker: it knows where there is a GPU.
    """
    if service.inspection is None:
        return False
    if _job(service, observed) is not None:
        return True
    return not service.suspended and _has_volume(service, observed)


def waiting(service: Service, observed: Observed) -> Withheld | None:
    """Return why no worker is made yet: one that is spread over several processes needs heads that allow it."""
    if service.suspended or service.ranks == 1 or service.inspection is None:
        return None
    if inspection_name(service) in observed.inspections or _is_over(service, observed):
        return None
    if service.model.claim is not None and observed.claim is None:
        return Withheld("VolumeClaimNotFound", claim_not_found(service.model.claim, service.key.namespace))
    if not is_wanted(service, observed) and not _may_be_bound_soon(observed):
        return None
    return Withheld(
        "ModelInspecting",
        f"the model is to be spread over {service.ranks} processes: whether its heads allow that is read from its "
        "config.json first, which takes some seconds",
        after=_LOOK_AGAIN_SECONDS,
    )


def claim_not_found(claim: str, namespace: str) -> str:
    """Return the words about a claim that is not there."""
    return (
        f"PersistentVolumeClaim {claim!r}, named by spec.model.uri, is not in namespace {namespace!r}: create it, or "
        "correct the name; workers then start by themselves"
    )


def _has_volume(service: Service, observed: Observed) -> bool:
    if service.model.claim is None:
        return True
    return ((observed.claim or {}).get("status") or {}).get("phase") == "Bound"


def _may_be_bound_soon(observed: Observed) -> bool:
    """Return whether a claim is so new that having no volume says nothing of it."""
    made = (observed.claim or {}).get("metadata", {}).get("creationTimestamp")
    return made is not None and observed.now - datetime.fromisoformat(made) < _BINDING


def _is_over(service: Service, observed: Observed) -> bool:
    """Return whether the Job has failed, or has had its time: then nothing will come of it."""
    job = _job(service, observed)
    if job is None:
        return False
    ended = (job.get("status") or {}).get("conditions") or ()
    if any(one["type"] == "Failed" and one["status"] == "True" for one in ended):
        return True
    made = job["metadata"].get("creationTimestamp")
    return bool(made) and observed.now - datetime.fromisoformat(made) > PATIENCE


def _job(service: Service, observed: Observed) -> Manifest | None:
    name = inspection_name(service)
    jobs = (child for child in observed.children if child["kind"] == "Job")
    return next((job for job in jobs if job["metadata"]["name"] == name), None)
