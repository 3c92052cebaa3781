"""Whether the model is there and can be served: the checks behind ModelReady.

Must not look at anything but the claim, why workers are withheld, and what they said about the model.
"""

from tidegate_api.names import WORKER_CONTAINER
from tidegate_operator.conditions import pods, workloads
from tidegate_operator.conditions.chain import Chain, Finding, Verdict, first, first_by_pool
from tidegate_operator.conditions.crash import MODEL_REASONS, crashes
from tidegate_operator.conditions.scene import Scene
from tidegate_operator.errors import Withheld
from tidegate_operator.inspecting import claim_not_found


def verdict(scene: Scene) -> Verdict:
    """Return what ModelReady says."""
    if isinstance(scene.stalled, Withheld):
        return Verdict("ModelReady", "False", Finding(scene.stalled.reason, scene.stalled.message))
    if scene.ready > 0:
        return Verdict("ModelReady", "True", Finding("ModelFound", "A worker has loaded the model."))
    problem = first(PROBLEMS, scene) or loading(scene)
    if problem is not None:
        return Verdict("ModelReady", "False", problem)
    return Verdict("ModelReady", "Unknown", Finding("NotChecked", "No worker has looked at the model yet."))


def claim_missing(scene: Scene) -> Finding | None:
    """Find a claim that is not there."""
    claim = _claim_name(scene)
    if claim is None or scene.observed.claim is not None:
        return None
    return Finding("VolumeClaimNotFound", claim_not_found(claim, scene.observed.key.namespace))


def claim_lost(scene: Scene) -> Finding | None:
    """Find a claim whose volume is gone."""
    if _claim_phase(scene) != "Lost":
        return None
    return Finding(
        "VolumeClaimLost",
        f"the volume of PersistentVolumeClaim {_claim_name(scene)!r} is gone: delete the claim, create it again "
        "and fill it with the model",
    )


def claim_pending(scene: Scene) -> Finding | None:
    """Find a claim without a volume, unless what it waits for is a worker that fits on no node."""
    if _claim_phase(scene) != "Pending" or scene.desired == 0:
        return None
    unschedulable = workloads.unschedulable(scene)
    if unschedulable is not None and "persistentvolume" not in unschedulable.message.lower():
        return None
    return Finding(
        "VolumeClaimPending",
        f"PersistentVolumeClaim {_claim_name(scene)!r} has no volume yet: if it stays so, `kubectl describe pvc "
        f"{_claim_name(scene)} -n {scene.observed.key.namespace}` names what its StorageClass waits for",
    )


def refused(scene: Scene) -> Finding | None:
    """Find what a worker said about the model before it gave up."""
    return next((finding for finding in crashes(scene) if finding.reason in MODEL_REASONS), None)


PROBLEMS: Chain = (claim_missing, claim_lost, claim_pending, refused)


def loading(scene: Scene) -> Finding | None:
    """Find workers that run and do not answer yet, while nothing is known to be wrong."""
    running = [pod for pod in scene.starting if pods.is_running(pod, WORKER_CONTAINER)]
    if not running or first_by_pool(workloads.PROBLEMS, scene) is not None:
        return None
    fitting = scene.plan.service.fitting if scene.plan is not None else None
    if fitting is not None and fitting.warning is not None:
        return Finding("ModelFitsTightly", fitting.warning)
    return Finding(
        "ModelLoading",
        f"Pod {pods.name(running[0])!r} is loading the model: that takes from seconds to many minutes, by its size",
    )


def _claim_name(scene: Scene) -> str | None:
    return scene.plan.service.model.claim if scene.plan is not None else None


def _claim_phase(scene: Scene) -> str | None:
    if _claim_name(scene) is None or scene.observed.claim is None:
        return None
    phase: str | None = (scene.observed.claim.get("status") or {}).get("phase")
    return phase
