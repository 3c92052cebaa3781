"""Every reason that a condition or event can give: what it means and what to do.

Owns the vocabulary, with `modelreasons.py`, `adapterreasons.py`, `rolloutreasons.py` and `scalingreasons.py`;
`docs/reference/conditions.md` is made from it. Must not decide when a reason applies.
"""

from collections.abc import Iterable, Mapping

from tidegate_operator.adapterreasons import OF_ADAPTERS
from tidegate_operator.modelreasons import OF_MODELS
from tidegate_operator.reason import Phase, Reason
from tidegate_operator.reasonexamples import EXAMPLES
from tidegate_operator.rolloutreasons import OF_ROLLOUTS
from tidegate_operator.scalingreasons import OF_SCALING

__all__ = ["REASONS", "Phase", "Reason", "render_markdown"]

_ALL = (
    Reason(
        "Valid",
        "ConfigValid",
        "Ready",
        "The spec was read, and everything it names in the settings is there.",
    ),
    Reason(
        "UnknownFlag",
        "ConfigValid",
        "Failed",
        "`spec.engine.args` holds a flag that the pinned vLLM does not have, or only the beginning of one. No Pod "
        "was started with it; workers of the last valid spec go on.",
        "Correct the flag that the message names; it suggests the closest one.",
    ),
    Reason(
        "ForbiddenFlag",
        "ConfigValid",
        "Failed",
        "`spec.engine.args` holds a flag that Tidegate owns (such as `--port`) or that would open the worker (such "
        "as `--trust-remote-code`).",
        "Remove the flag. Where there is a field or another way for what it does, the message says which.",
    ),
    Reason(
        "ForbiddenVariable",
        "ConfigValid",
        "Failed",
        "`spec.engine.env` sets a variable that would open the worker, or holds a token that everyone who may read "
        "the LLMService could read.",
        "Remove the variable that the message names.",
    ),
    Reason(
        "InvalidValue",
        "ConfigValid; Ready of an LLMTenant",
        "Failed",
        "A field, or the value of a flag, is not what it can be; the message names it by its path.",
        "Correct the value.",
    ),
    Reason(
        "UnknownResourceProfile",
        "ConfigValid",
        "Failed",
        "`spec.resourceProfile` names a profile that the operator's settings do not have.",
        "Use one that the message lists, or have an administrator add it to `resourceProfiles` in the chart's values.",
    ),
    Reason(
        "FilePathNotAllowed",
        "ConfigValid",
        "Failed",
        "`spec.model.uri` is a `file://` path outside the directories that the operator allows.",
        "Put the model on a PersistentVolumeClaim and use `pvc://`, or have an administrator add the directory to "
        "`allowedFilePaths` in the chart's values.",
    ),
    Reason(
        "NameConflict",
        "ConfigValid",
        "Failed",
        "An object that the operator would have to make exists already and belongs to someone else. It was not "
        "touched.",
        "Rename or delete that object, or give the LLMService another name.",
    ),
    Reason(
        "ModelNameTaken",
        "ConfigValid",
        "Failed",
        "An older LLMService of the namespace has the same model name, so no request could reach this one.",
        "Set another `spec.model.name`, or delete the older LLMService.",
    ),
    Reason(
        "InvalidPodTemplate",
        "ConfigValid",
        "Failed",
        "`spec.podTemplate` cannot be merged, or would change what Tidegate lives by: its labels, the command, the "
        "arguments and the port `http` of the container `main`.",
        "Correct what the message names by its path.",
    ),
    Reason("ModelFound", "ModelReady", "Ready", "A worker has loaded the model."),
    Reason(
        "ModelLoading",
        "ModelReady",
        "Loading",
        "Workers are on their way; none has loaded the model yet, and nothing speaks against it.",
    ),
    Reason(
        "NotChecked",
        "ModelReady, WorkloadsReady",
        "Pending",
        "Not known: no worker is wanted, or the spec could not be read, so nothing has looked at the model.",
    ),
    Reason(
        "VolumeClaimNotFound",
        "ModelReady",
        "Pending",
        "The PersistentVolumeClaim of `spec.model.uri` is not in the namespace of the LLMService.",
        "Create it, or correct the name. The workers start by themselves once it is there.",
    ),
    Reason(
        "VolumeClaimPending",
        "ModelReady",
        "Pending",
        "The PersistentVolumeClaim is there and has no volume yet. With a StorageClass that waits for the first "
        "consumer this ends when a worker is scheduled.",
        "If it stays, `kubectl describe pvc` names what its StorageClass waits for.",
    ),
    Reason(
        "VolumeClaimLost",
        "ModelReady",
        "Failed",
        "The PersistentVolume behind the claim is gone.",
        "Delete the claim, create it again and fill it with the model.",
    ),
    Reason(
        "UnsupportedArchitecture",
        "ModelReady",
        "Failed",
        "The pinned vLLM does not know the architecture that the model's config.json names.",
        "Use another model, or a Tidegate release with a vLLM that knows it.",
    ),
    Reason(
        "InvalidModelConfig",
        "ModelReady",
        "Failed",
        "The model's config.json is missing something or is no JSON.",
        "Copy the model again, or correct the file that the message names.",
    ),
    *OF_MODELS,
    *OF_ADAPTERS,
    Reason("WorkersReady", "WorkloadsReady", "Ready", "At least one worker answers requests."),
    Reason(
        "WorkersStarting", "WorkloadsReady", "Loading", "Workers are being created or are loading the model."
    ),
    *OF_ROLLOUTS,
    Reason(
        "Suspended",
        "WorkloadsReady",
        "Suspended",
        "`spec.suspend` is true: there are no workers, and requests get 503.",
    ),
    Reason(
        "ScaledToZero",
        "WorkloadsReady",
        "Suspended",
        "No worker is wanted. Either the sizes are 0 (`spec.replicas`, and that of every pool in `spec.qos`), and "
        "requests get 503; or, with `spec.scaling`, nobody has asked for the model for `idleSeconds`: the next request "
        "wakes it, and `spec.coldStart` says whether it waits. As an event: a pool has gone to sleep.",
    ),
    Reason(
        "PodsForbidden",
        "WorkloadsReady",
        "Failed",
        "The API server refuses the workers' Pods: a Pod Security Standard, a quota or an admission policy, in its "
        "own words.",
        "Raise the quota, relax the policy of the namespace, or change what `spec.podTemplate` or the model's URI "
        "asks for (`file://` needs a namespace that allows hostPath).",
    ),
    Reason(
        "Unschedulable",
        "WorkloadsReady",
        "Pending",
        "No node can take a worker; the message holds the scheduler's words.",
        "Add a node, or ask for less: another `spec.resourceProfile`, lower `spec.resources.requests`, fewer replicas.",
    ),
    Reason(
        "ImagePullFailed",
        "WorkloadsReady",
        "Failed",
        "A node cannot get the worker's image.",
        "Correct `spec.engine.image` or the chart's `images.worker`, or set the chart's `images.pullSecrets`.",
    ),
    Reason(
        "ContainerNotCreated",
        "WorkloadsReady",
        "Failed",
        "The node has the image but cannot make a container of it: a missing ConfigMap or Secret, or a command that "
        "is not there.",
        "Correct what the message names, most often in `spec.podTemplate` or the image.",
    ),
    Reason(
        "PodNotStarted",
        "WorkloadsReady",
        "Pending",
        "A worker has its node, but for more than two minutes the node has not mounted its volumes or set up its "
        "network. Kubernetes does not say more in the Pod itself.",
        "`kubectl describe pod` shows the node's events, such as FailedMount, with the volume.",
    ),
    Reason(
        "WorkerEvicted",
        "WorkloadsReady",
        "Pending",
        "A node ended a worker, or refused it: it ran short of memory or disk, or was shut down.",
        "Raise the requests to what a worker uses, so that it lands where that is free. It is replaced by itself.",
    ),
    Reason(
        "InsufficientMemory",
        "WorkloadsReady",
        "Failed",
        "The worker saw, before it started the engine, that the model needs more memory than the worker has.",
        "Give it more (`spec.resourceProfile`, `spec.resources.limits`), or make it need less "
        "(`spec.engine.maxModelLen`, `spec.engine.quantization`).",
    ),
    Reason(
        "OutOfMemory",
        "WorkloadsReady",
        "Failed",
        "A worker was killed, most often for using more memory than its limit.",
        "Raise `spec.resources.limits.memory`, or lower `spec.engine.maxModelLen` or `spec.engine.maxNumSeqs`.",
    ),
    Reason(
        "GroupIncomplete",
        "WorkloadsReady",
        "Loading",
        "A worker is several Pods (`spec.parallelism`), and not all of them run: those that do wait, and start their "
        "engines together when the last one is there.",
        "`kubectl describe pod` of those that the message names shows what they wait for; each needs a node with as "
        "many free accelerators as `spec.resourceProfile` counts.",
    ),
    Reason(
        "GroupRestarting",
        "WorkloadsReady",
        "Loading",
        "A worker is several Pods (`spec.parallelism`), and one of them ended, so all of them start again together. "
        "Member 0 is the leader, member 1 the Pod whose name ends in -1, and so on.",
        "Nothing, if it happens once. If it goes on, the log of the member that ended first says why: "
        "`kubectl logs --previous`.",
    ),
    Reason(
        "EngineCrashed",
        "WorkloadsReady",
        "Failed",
        "A worker ended by itself; the message holds the last lines of its log.",
        "The log says why; `kubectl logs --previous` shows all of it. Kubernetes starts the worker again by itself.",
    ),
    Reason(
        "EngineNotAnswering",
        "WorkloadsReady",
        "Loading",
        "The container of an engine of `type: Custom` has run for more than two minutes without answering at its "
        "`healthPath` or `readyPath`. It may still load its model: nothing else can be seen of it.",
        "Compare `spec.engine.port`, `healthPath` and `readyPath` with what the engine's log says of where it listens; "
        "it must listen on all addresses (0.0.0.0), on the port in the variable PORT.",
    ),
    Reason(
        "RolloutStalled",
        "WorkloadsReady",
        "Failed",
        "For an hour no worker of the current spec became ready, and no more is known.",
        "`kubectl describe pod` and the workers' logs show what they wait for.",
    ),
    *OF_SCALING,
    Reason("GatewayReady", "RouteReady", "Ready", "The gateway is up, so requests reach the workers."),
    Reason(
        "GatewayNotReady",
        "RouteReady",
        "Pending",
        "No Pod of the gateway is ready, so no request can reach the workers.",
        "Look at the gateway's Deployment; the message names its namespace.",
    ),
    Reason(
        "Serving",
        "Ready, Degraded",
        "Ready",
        "The model answers at `status.url` (Ready), with as many workers as are wanted (Degraded is False).",
    ),
    Reason(
        "Accepted",
        "Ready of an LLMTenant",
        "Ready",
        "At least one of its keys is accepted (or requests without a key are, by the chart's "
        "`gateway.anonymousTenant`), and every LLMService that it names is there.",
    ),
    Reason(
        "NoKeys",
        "Ready of an LLMTenant",
        "Failed",
        "`spec.keys` is empty, so nobody can call as this tenant.",
        "`tidegate keys create TENANT -n NAMESPACE` makes a key, prints it once, and stores its digest.",
    ),
    Reason(
        "KeyExpired",
        "Ready of an LLMTenant",
        "Failed",
        "All keys have passed their `notAfter`; their holders get 401.",
        "Make a new key with `tidegate keys create TENANT -n NAMESPACE --name NAME`, and hand it to whoever calls.",
    ),
    Reason(
        "UnknownService",
        "Ready of an LLMTenant",
        "Failed",
        "`spec.services` names an LLMService that is not in the tenant's namespace; requests for its model get 404. "
        "The others can be called.",
        "Correct the name, or create the LLMService. One of another namespace can never be called: its owner did not "
        "agree.",
    ),
)

REASONS: Mapping[str, Reason] = {reason.name: reason for reason in _ALL}

_HEAD = """# Conditions

What `kubectl get llmsvc`, `kubectl get llmmodel` and `kubectl get llmtenant` show under REASON, and `kubectl describe`
with a message that names the object at hand. A reason is the same word in condition, event and log.

Of an LLMService, `Ready` is True when `ConfigValid`, `ModelReady`, `WorkloadsReady` and `RouteReady` are; else its
reason is that of the first that is not. One worker that answers is enough for it, in whichever pool. `Degraded` is
True while a pool has fewer workers that answer than are wanted (with `spec.scaling`: than its least), or one of them
cannot start; with several pools its message names the pool. `Progressing` is True while workers are being made or
replaced. `AdaptersReady` is there with adapters in `spec.model.lora`; one that fails does so alone: `Ready` stays as it
is, and `Degraded` names it. `ScalingActive` is there with `spec.scaling`, and True while Tidegate sets the replicas.

An LLMTenant and an LLMModel have one condition, `Ready`; of an LLMModel that an LLMService uses, it says what
`ModelReady` of that LLMService says. The phases are of an LLMService:

| phase | means |
|---|---|
| Pending | something outside is missing: a volume, a node, the gateway |
| Loading | the model is being downloaded, or workers are starting |
| Ready | it answers, with all workers |
| Degraded | it answers, with fewer workers than wanted, or one cannot start, or a new version was taken back |
| Failed | it does not answer, and somebody must act |
| Suspended | no worker is wanted: by `spec.suspend`, by sizes of 0, or because it sleeps |
"""


def render_markdown() -> str:
    """Return the reference page of all reasons: an index by condition, then each with an anchor of its own."""
    return "\n".join([_HEAD, _index(), *(_section(reason) for reason in _ALL)])


def _index() -> str:
    """Return the reasons by the condition they belong to, those first for which somebody has to act."""
    by_condition: dict[str, list[Reason]] = {}
    for reason in _ALL:
        by_condition.setdefault(reason.condition, []).append(reason)
    lines = ["| condition | look here | passes by itself, or is as it should be |", "|---|---|---|"]
    for condition, reasons in by_condition.items():
        lists = ([one for one in reasons if one.is_warning is wanted] for wanted in (True, False))
        lines.append("| " + " | ".join([condition, *(_links(one) for one in lists)]) + " |")
    return "\n".join(lines) + "\n"


def _links(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"[{one.name}](#{one.name.lower()})" for one in reasons) or "–"


def _section(reason: Reason) -> str:
    example = f"\n> {EXAMPLES[reason.name]}\n" if reason.name in EXAMPLES else ""
    fix = f"\n**What to do:** {reason.fix or 'nothing.'}\n"
    return f"## {reason.name}\n\n*{reason.condition}* · {reason.meaning}\n{example}{fix}"
