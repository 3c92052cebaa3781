"""What Jobs have found that looked into models, from the last words of their Pods.

Owns the reading of those words. Must not judge what they say.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate_operator.facts import Manifest

_JOB = "Job"


def inspections(pods: Iterable[Manifest]) -> dict[str, Mapping[str, Any]]:
    """Return what was found, by the name of the Job; Jobs that have not ended, or failed, are left out."""
    found = ((_job_of(pod), _result(pod)) for pod in pods)
    return {job: result for job, result in found if job is not None and result is not None}


def _job_of(pod: Manifest) -> str | None:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((owner["name"] for owner in owners if owner.get("kind") == _JOB), None)


def _result(pod: Manifest) -> Mapping[str, Any] | None:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        end = (container.get("state") or {}).get("terminated")
        if end is None or end.get("exitCode") != 0:
            continue
        try:
            said = json.loads(end.get("message") or "")
        except (ValueError, RecursionError):
            continue
        if isinstance(said, Mapping):
            return said
    return None
