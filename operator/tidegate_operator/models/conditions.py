"""Why an LLMModel is not in the cache yet: ordered checks, of which the first finding wins.

Owns the checks behind the condition Ready of an LLMModel. Must not do anything about them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate_api.names import LOADER_CONTAINER
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.facts import Manifest
from tidegate_operator.models.facts import ModelFacts, Progress
from tidegate_operator.models.outcome import Failed
from tidegate_operator.models.plan import ModelPlan
from tidegate_operator.models.sizes import human

_MOST_CHARACTERS: Final = 1000
_PULLING: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
# Reasons of a load that go on until it gets further than the last one did.
_GOING_ON: Final = frozenset({"ModelDownloading", "ModelVerifying"})


@dataclass(frozen=True, slots=True)
class Scene:
    """What is judged. `refused` is what the API server would not have, `before` what Ready said last."""

    facts: ModelFacts
    plan: ModelPlan
    refused: Finding | None
    before: Finding | None

    @property
    def pod(self) -> Manifest | None:
        """Return the newest Pod of the Job."""
        found = self.facts.pods_of(self.plan.job) if self.plan.job is not None else ()
        return found[0] if found else None


Check = Callable[[Scene], Finding | None]


def refused(scene: Scene) -> Finding | None:
    """Find what the API server would not make."""
    return scene.refused


def waits(scene: Scene) -> Finding | None:
    """Find what keeps a load from being made."""
    return scene.plan.waits


def suspended(scene: Scene) -> Finding | None:
    """Find a download that is to pause."""
    if not scene.plan.is_suspended:
        return None
    spec = scene.facts.model["spec"] if scene.facts.model is not None else {}
    if spec.get("suspend"):
        return Finding("DownloadSuspended", "spec.suspend is true; what is in the cache stays")
    why = "all LLMServices that use it are suspended" if scene.facts.users else "no LLMService uses it"
    return Finding("DownloadSuspended", f"{why}, for which it was made; what is in the cache stays")


def failed(scene: Scene) -> Finding | None:
    """Find a load that failed, and say when it is tried again."""
    ended = scene.plan.ended
    if not isinstance(ended, Failed):
        return None
    words = ended.message if ended.message.endswith((".", "…")) else f"{ended.message}."
    if scene.plan.again is None:
        return Finding(ended.reason, words)
    when = f"{words} Tried again at {scene.plan.again:%H:%M:%S} UTC"
    if ended.passes or scene.plan.job is None:
        return Finding(ended.reason, f"{when}.")
    name, namespace = scene.plan.job["metadata"]["name"], scene.facts.key.namespace
    sooner = (
        f"once the spec or the token's reference changes, or after `kubectl delete job {name} -n {namespace}`"
    )
    return Finding(ended.reason, f"{when}; sooner {sooner}.")


def unschedulable(scene: Scene) -> Finding | None:
    """Find a Pod that fits on no node, most often for want of a volume."""
    if scene.pod is None or of_pod.phase(scene.pod) != "Pending":
        return None
    said = of_pod.condition(scene.pod, "PodScheduled")
    if said.get("status") != "False" or said.get("reason") != "Unschedulable":
        return None
    words = str(said.get("message", ""))[:_MOST_CHARACTERS]
    if _is_about_volumes(words):
        return Finding(
            "CacheUnavailable",
            f"the loader's Pod waits for the cache's volume: {words}{_claims_words(scene)}",
        )
    return Finding("Unschedulable", f"the loader's Pod fits on no node: {words}")


def secret_missing(scene: Scene) -> Finding | None:
    """Find a token's Secret that is not there, or lacks the key; the kubelet looks again by itself."""
    for held in _held(scene):
        if held.reason == "CreateContainerConfigError":
            return Finding(
                "SecretNotFound",
                f"the loader cannot have its token: {held.message[:_MOST_CHARACTERS]}. Create the Secret with that "
                "key, or correct tokenSecretRef; the download then begins by itself",
            )
    return None


def image_missing(scene: Scene) -> Finding | None:
    """Find an image that cannot be pulled."""
    for held in _held(scene):
        if held.reason in _PULLING:
            return Finding(
                "ImagePullFailed",
                f"image {held.image!r} of the loader cannot be pulled: {held.message[:_MOST_CHARACTERS]}",
            )
    return None


def not_created(scene: Scene) -> Finding | None:
    """Find a container that cannot be made for another reason."""
    for held in _held(scene):
        if held.reason not in ("", "ContainerCreating", "PodInitializing"):
            return Finding(
                "ContainerNotCreated", f"the loader: {held.reason}: {held.message[:_MOST_CHARACTERS]}"
            )
    return None


def moving(scene: Scene) -> Finding | None:
    """Find a loader that runs, by what it says of itself."""
    if scene.pod is None or not of_pod.is_running(scene.pod, LOADER_CONTAINER):
        return None
    progress = scene.facts.progress
    if progress is None:
        # Not asked yet, as after a start of the operator: what was said stays until something else is known.
        return scene.before if _was_going_on(scene) else None
    match progress.step:
        case "Downloading" | "Evicting":
            return Finding("ModelDownloading", _so_far(progress))
        case "Verifying" | "Done":
            return Finding(
                "ModelVerifying", "all files are in the cache and are compared with what the hub says of them"
            )
        case "Resolving":
            return None


def ending(scene: Scene) -> Finding | None:
    """Find a loader that has ended while its Job does not say yet how: until then nothing is new."""
    if scene.pod is None:
        return None
    # The container ends some seconds before its Pod is said to have.
    is_over = of_pod.phase(scene.pod) in ("Succeeded", "Failed") or any(of_pod.ended(scene.pod))
    return scene.before if is_over else None


def tried_again(scene: Scene) -> Finding | None:
    """Find a load that has got no further yet than the one before it, which says why."""
    return scene.before if scene.plan.failures and not _was_going_on(scene) else None


def pending(scene: Scene) -> Finding | None:
    """Find a load that is on its way."""
    job = scene.plan.job
    if job is None:
        return Finding("ModelPending", "the Job that loads it is being made")
    name = job["metadata"]["name"]
    if scene.pod is None:
        return Finding(
            "ModelPending",
            f"Job {name!r} has no Pod yet: if it stays so, `kubectl describe job {name} -n "
            f"{scene.facts.key.namespace}` says why",
        )
    if of_pod.is_running(scene.pod, LOADER_CONTAINER):
        return Finding("ModelPending", "the loader asks the hub which files the model has")
    return Finding("ModelPending", f"Pod {of_pod.name(scene.pod)!r} of the loader is being started")


CHECKS: Final[tuple[Check, ...]] = (
    refused,
    waits,
    suspended,
    failed,
    unschedulable,
    secret_missing,
    image_missing,
    not_created,
    moving,
    ending,
    tried_again,
    pending,
)


def judge(scene: Scene) -> Finding:
    """Return why the model is not in the cache."""
    found = (finding for check in CHECKS if (finding := check(scene)) is not None)
    return next(found, Finding("ModelPending", "the model is not in the cache yet"))


def _held(scene: Scene) -> tuple[of_pod.Held, ...]:
    return tuple(of_pod.held(scene.pod)) if scene.pod is not None else ()


def _was_going_on(scene: Scene) -> bool:
    return scene.before is not None and scene.before.reason in _GOING_ON


def _so_far(progress: Progress) -> str:
    if not progress.bytes_total:
        return "room is being made in the cache"
    return f"{human(progress.bytes_done)} of {human(progress.bytes_total)} are in the cache"


def _is_about_volumes(words: str) -> bool:
    return any(word in words.lower() for word in ("persistentvolume", "volume node affinity", "free storage"))


def _claims_words(scene: Scene) -> str:
    claim = scene.facts.claim
    if claim is None or (claim.get("status") or {}).get("phase") == "Bound":
        return ""
    name = claim["metadata"]["name"]
    kind = claim["spec"].get("storageClassName") or "the cluster's default"
    return (
        f" (PersistentVolumeClaim {name!r} of StorageClass {kind!r} has no volume yet: `kubectl describe pvc {name} -n "
        f"{scene.facts.key.namespace}` says what it waits for)"
    )
