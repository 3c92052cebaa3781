"""Whether workers run: the checks behind WorkloadsReady, from what keeps Pods from being made to how they end.

Must not judge the model.
"""

import re
from datetime import datetime, timedelta

from tidegate_api.names import WORKER_CONTAINER
from tidegate_operator.conditions import pods
from tidegate_operator.conditions.chain import Chain, Finding, Verdict, first_by_pool
from tidegate_operator.conditions.crash import MODEL_REASONS, crashes
from tidegate_operator.conditions.scene import Scene
from tidegate_operator.groups import followers_of, size_of

_PULL_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CREATE_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
# The kubelet says the cause and, while it waits, that it waits: both must read the same.
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: \w+)?(: )?')
# A refused Pod has a new name at each try.
_REFUSED_POD = re.compile(r'^pods "[^"]*" is forbidden: ')
# The kubelet's words about a Secret whose keys are to become variables.
_MISSING_SECRET = re.compile(r'secret "(?P<name>[^"]+)" not found')
_PATIENCE = timedelta(minutes=2)
_EVICTION_IS_NEWS = timedelta(minutes=10)


def verdict(scene: Scene) -> Verdict:
    """Return what WorkloadsReady says."""
    if scene.is_at_rest:
        return Verdict("WorkloadsReady", "False", at_rest(scene))
    if scene.ready > 0:
        return Verdict("WorkloadsReady", "True", Finding("WorkersReady", f"{scene.tally} answer."))
    problem = first_by_pool(PROBLEMS, scene)
    if problem is None and scene.stalled is not None:
        words = "No worker runs, and none is started while ConfigValid is False."
        return Verdict("WorkloadsReady", "Unknown", Finding("NotChecked", words))
    return Verdict("WorkloadsReady", "False", problem or starting(scene))


def at_rest(scene: Scene) -> Finding:
    """Say why no worker is wanted."""
    if scene.suspended:
        return Finding(
            "Suspended", "spec.suspend is true: no worker runs; set it to false to serve the model again."
        )
    if scene.is_scaled:
        return Finding(
            "ScaledToZero",
            "no pool has a worker, since none is needed: the next request for the model wakes it.",
        )
    sizes = (
        "spec.replicas"
        if len(scene.pools) == 1
        else "the size of each pool (spec.replicas, qos.classes.replicas)"
    )
    return Finding("ScaledToZero", f"{sizes} is 0: no worker runs; set it higher to serve the model.")


def starting(scene: Scene) -> Finding:
    """Say how far the workers are."""
    words = f"{scene.tally} answer; {len(scene.starting)} are starting."
    return Finding("WorkersStarting", words)


def pods_forbidden(scene: Scene) -> Finding | None:
    """Find the admission's words about Pods that could not be made."""
    failure = _deployment_condition(scene, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    words = _REFUSED_POD.sub("", failure.get("message", ""))
    return Finding("PodsForbidden", f"the API server refuses the workers' Pods: {words}")


def unschedulable(scene: Scene) -> Finding | None:
    """Find the scheduler's words about a worker without a node."""
    for pod in scene.members:
        scheduled = pods.condition(pod, "PodScheduled")
        if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
            words = scheduled.get("message", "no reason given")
            return Finding("Unschedulable", f"no node can take Pod {pods.name(pod)!r}: {words}")
    return None


def image_pull_failing(scene: Scene) -> Finding | None:
    """Find an image that a node cannot get."""
    for held in (held for pod in scene.members for held in pods.held(pod)):
        if held.reason in _PULL_REASONS:
            words = _BACK_OFF.sub("", held.message)
            detail = f": {words}" if words else ""
            return Finding(
                "ImagePullFailed",
                f"image {held.image!r} of container {held.container!r} (Pod {held.pod!r}) cannot be pulled: correct "
                f"spec.engine.image or the chart's images.worker, or set its images.pullSecrets{detail}",
            )
    return None


def container_not_created(scene: Scene) -> Finding | None:
    """Find a container that the node cannot make."""
    for held in (held for pod in scene.members for held in pods.held(pod)):
        missing = _MISSING_SECRET.search(held.message)
        if missing is not None and missing["name"] == _credentials(scene):
            return Finding(
                "SecretNotFound",
                f"Secret {missing['name']!r}, named by spec.model.credentialsSecretRef, is not in namespace "
                f"{scene.observed.key.namespace!r}: create it, or correct the name; the workers then start by "
                "themselves",
            )
        if held.reason in _CREATE_REASONS:
            return Finding(
                "ContainerNotCreated",
                f"container {held.container!r} of Pod {held.pod!r} cannot be made ({held.reason}): {held.message}",
            )
    return None


def crashed(scene: Scene) -> Finding | None:
    """Find how a worker ended, unless it was for the model's sake."""
    return next((finding for finding in crashes(scene) if finding.reason not in MODEL_REASONS), None)


def crashed_for_any_reason(scene: Scene) -> Finding | None:
    """Find how a worker ended."""
    return next(iter(crashes(scene)), None)


def group_incomplete(scene: Scene) -> Finding | None:
    """Find a worker of several Pods of which some do not run: the others wait for them."""
    for leader in scene.starting:
        size, followers = size_of(leader), followers_of(leader, scene.observed.followers)
        running = [pod for pod in followers if pods.is_running(pod, WORKER_CONTAINER)]
        if len(running) < size - 1 and pods.is_running(leader, WORKER_CONTAINER):
            there = [pods.name(pod) for pod in followers if pod not in running]
            # Those that are not made yet have no name.
            waited = [f"Pod {name!r}" for name in there] or ["Pods that are not made yet"]
            return Finding(
                "GroupIncomplete",
                f"{len(running) + 1} of the {size} Pods that are worker {pods.name(leader)!r} together run; they wait "
                f"for {', '.join(waited[:3])}",
            )
    return None


def not_started(scene: Scene) -> Finding | None:
    """Find a Pod whose node has long not come to its containers; why is only in the node's events."""
    for pod in scene.members:
        sandbox = pods.condition(pod, "PodReadyToStartContainers")
        since = sandbox.get("lastTransitionTime")
        if sandbox.get("status") == "False" and since and _age(scene, since) > _PATIENCE:
            name, namespace = pods.name(pod), scene.observed.key.namespace
            return Finding(
                "PodNotStarted",
                f"the node of Pod {name!r} has not mounted its volumes or set up its network for more than two "
                f"minutes: `kubectl describe pod {name} -n {namespace}` shows the node's words",
            )
    return None


def not_answering(scene: Scene) -> Finding | None:
    """Find a container of the user's that has long run without an answer: whether it still loads, only it knows."""
    custom = scene.plan.service.custom if scene.plan is not None else None
    for pod in scene.starting if custom is not None else ():
        since = pods.running_since(pod, WORKER_CONTAINER)
        if custom is not None and since is not None and _age(scene, since) > _PATIENCE:
            path, field = custom.health_path, "healthPath"
            if pods.has_started(pod, WORKER_CONTAINER):
                path, field = custom.ready_path, "readyPath"
            return Finding(
                "EngineNotAnswering",
                f"container {WORKER_CONTAINER!r} of Pod {pods.name(pod)!r} has run for more than two minutes and does "
                f"not answer GET {path} on port {custom.port} with 200. If it still loads its model, nothing is to be "
                f"done. Else correct spec.engine.port or spec.engine.{field}, and have it listen on 0.0.0.0: "
                f"`kubectl logs {pods.name(pod)} -n {scene.observed.key.namespace}` shows what it does",
            )
    return None


def evicted(scene: Scene) -> Finding | None:
    """Find a worker that its node has lately ended or refused, while there are too few."""
    if not scene.is_short:
        return None
    for pod in sorted((pod for pool in scene.pools for pod in pool.pods), key=pods.name):
        status = pod.get("status") or {}
        times = [one.get("lastTransitionTime") for one in status.get("conditions") or []]
        last = max((time for time in times if time), default=None)
        if pods.phase(pod) != "Failed" or not status.get("reason") or last is None:
            continue
        if _age(scene, last) < _EVICTION_IS_NEWS:
            words = status.get("message") or "no more is known"
            return Finding(
                "WorkerEvicted",
                f"the node ended or refused Pod {pods.name(pod)!r} ({status['reason']}): {words}; another takes its "
                "place",
            )
    return None


def rollout_stalled(scene: Scene) -> Finding | None:
    """Find a rollout that the Deployment's controller has given up waiting for."""
    progress = _deployment_condition(scene, "Progressing")
    if progress.get("status") != "False" or progress.get("reason") != "ProgressDeadlineExceeded":
        return None
    return Finding(
        "RolloutStalled",
        "for an hour no worker of the current spec became ready: `kubectl describe pod` and the workers' logs show "
        "what they wait for",
    )


PROBLEMS: Chain = (
    pods_forbidden,
    unschedulable,
    image_pull_failing,
    container_not_created,
    crashed,
    group_incomplete,
    not_started,
    evicted,
    rollout_stalled,
    not_answering,
)

# What keeps a single worker from coming up, whatever the others do.
STUCK: Chain = (unschedulable, image_pull_failing, container_not_created, crashed_for_any_reason, not_started)


def _credentials(scene: Scene) -> str | None:
    return scene.plan.service.credentials if scene.plan is not None else None


def _deployment_condition(scene: Scene, kind: str) -> dict[str, str]:
    said = (one for pool in scene.pools for one in pool.status.get("conditions") or [])
    return next((one for one in said if one.get("type") == kind), {})


def _age(scene: Scene, since: str) -> timedelta:
    return scene.observed.now - datetime.fromisoformat(since)
