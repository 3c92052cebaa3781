"""What the stand-in of the console shows: recorded objects of a cluster in ordinary, empty, hostile and large shape.

Owns the objects; times are given. Must not serve them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]
API = "serving.tidegate.dev/v1alpha1"
# Each of these would do something if it were ever taken for markup, a path or a format.
HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "<script>document.title=1</script>",
    "javascript:document.title=1",
    "\u202eright to left\u202c שלום مرحبا",
    "x" * 400,
    "{{constructor.constructor('document.title=1')()}}",
)


def ago(seconds: float) -> str:
    """Return a time before now, as Kubernetes writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: str, reason: str, message: str, seconds: float = 240) -> Object:
    """Return a condition."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": ago(seconds),
    }


def thing(kind: str, name: str, namespace: str, spec: Object, status: Object) -> Object:
    """Return an object as the stream shows it."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"{kind}-{namespace}-{name}",
        "generation": 1,
        "creationTimestamp": ago(7200),
    }
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def service(
    name: str = "chat",
    namespace: str = "team-a",
    phase: str = "Ready",
    *conditions: Object,
    ready: str = "2/2",
    uri: str = "pvc://models/smollm2-135m-instruct",
    **status: Any,
) -> Object:
    """Return an LLMService with pools that follow its `ready`."""
    have, want = (int(one) for one in ready.split("/"))
    serving = condition("Ready", "True", "Serving", "The model answers at status.url.")
    return thing(
        "LLMService",
        name,
        namespace,
        {"model": {"uri": uri}, "resourceProfile": "cpu:1", "suspend": phase == "Suspended"},
        {
            "phase": phase,
            "ready": ready,
            "readyReplicas": have,
            "desiredReplicas": want,
            "modelName": name,
            "url": f"http://tidegate-gateway.tidegate-system/{namespace}/v1",
            "pools": [{"name": "shared", "desired": want, "ready": have, "queued": 0, "running": 1}],
            "conditions": list(conditions) or [serving],
            **status,
        },
    )


def model(name: str, uri: str, phase: str = "Ready", namespace: str = "team-a", **status: Any) -> Object:
    """Return an LLMModel."""
    well = condition("Ready", "True", "ModelCached", "All files are in the cache.")
    busy = condition("Ready", "False", f"Model{phase}", "The model is on its way.")
    said = {"phase": phase, "conditions": [well if phase == "Ready" else busy], **status}
    return thing("LLMModel", name, namespace, {"uri": uri}, said)


def tenant(name: str, namespace: str = "team-a", qos_class: str = "high", **spec: Any) -> Object:
    """Return an LLMTenant that has used something."""
    usage = {
        "requests": 18_233,
        "promptTokens": 4_100_000,
        "completionTokens": 2_000_000,
        "totalTokens": 6_100_000,
    }
    status = {
        "activeKeys": 2,
        "usage": {**usage, "since": ago(90_000)},
        "budget": {"windowStart": ago(90_000), "tokens": 6_100_000},
        "conditions": [condition("Ready", "True", "Accepted", "It may call.")],
    }
    keys = [
        {"name": "web", "sha256": "0" * 64},
        {"name": "ci", "sha256": "1" * 64, "notAfter": ago(-864_000)},
    ]
    return thing("LLMTenant", name, namespace, {"qosClass": qos_class, "keys": keys, **spec}, status)


def event(
    name: str,
    reason: str,
    message: str,
    kind: str = "LLMService",
    *,
    warning: bool = False,
    seconds: int = 60,
) -> Object:
    """Return an event."""
    return {
        "namespace": "team-a",
        "kind": kind,
        "name": name,
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message,
        "at": ago(seconds),
        "count": 3 if warning else 1,
    }


def figures(tokens: float = 84.2, queued: int = 2, **more: Any) -> Object:
    """Return the live figures of a service."""
    pool = {
        "name": "shared",
        "workersReady": 3,
        "kvUsedRatio": 0.41,
        "creditsUsedTokens": 1200,
        "creditsLimitTokens": 4096,
    }
    return {
        "queued": {"high": 0, "medium": queued, "low": queued * 2},
        "running": 3,
        "batchSize": 3,
        "kvUsedRatio": 0.41,
        "requestsPerSecond": 1.7,
        "errorsPerSecond": 0.0,
        "tokensPerSecond": tokens,
        "ttftP50Seconds": 0.182,
        "ttftP90Seconds": 0.94,
        "pools": [pool],
        **more,
    }


def live(services: Object | None = None, tenants: Object | None = None, missing: str | None = None) -> Object:
    """Return the live section."""
    return {
        "at": ago(0),
        "gateways": 2,
        "missing": missing,
        "services": {} if services is None else services,
        "tenants": {} if tenants is None else tenants,
    }


def empty() -> Object:
    """A cluster in which there is nothing yet."""
    return {"services": [], "models": [], "tenants": [], "events": [], "live": live()}


# How far the one download is.
PROGRESS: Object = {
    "bytesDone": 6_060_000_000,
    "bytesTotal": 16_380_000_000,
    "percent": 37,
    "bytesPerSecond": 83_000_000,
    "remainingSeconds": 124,
}


def ordinary() -> Object:
    """A cluster with one of everything."""
    tenants = [
        tenant(
            "web",
            limits={"requestsPerMinute": 600, "tokensPerMinute": 200_000},
            budget={"tokens": 50_000_000, "window": "Month"},
        ),
        tenant("batch", "team-b", "low"),
    ]
    shown = live(
        {"team-a/chat": figures()},
        {
            "team-a/web": {
                "requestsPerMinute": 102.0,
                "tokensPerMinute": 31_800.0,
                "requestsTotal": 18_233,
                "tokensTotal": 6_100_000,
            }
        },
    )
    return {
        "services": _services(),
        "models": _models(),
        "tenants": tenants,
        "events": _events(),
        "live": shown,
    }


def _services() -> list[Object]:
    """One that serves, one that loads, one that finds no room, and one that sleeps."""
    scaling = {
        "pool": "shared",
        "mode": "Auto",
        "wanted": 3,
        "binding": "QueueDepth",
        "message": "3 workers: 11 requests wait or run, and one worker carries 4.",
        "decidedAt": ago(30),
    }
    full = condition(
        "Ready",
        "False",
        "Unschedulable",
        "No node can take a worker: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
    )
    loading = condition("Ready", "False", "ModelDownloading", "hf://Qwen/Qwen3-8B is being downloaded: 37%.")
    asleep = condition("Ready", "False", "Suspended", "spec.suspend is true.")
    return [
        service("chat", "team-a", ready="3/3", scaling=[scaling]),
        service(
            "qwen3-8b",
            "team-a",
            "Loading",
            loading,
            ready="0/1",
            uri="hf://Qwen/Qwen3-8B",
            model={"name": "qwen3-8b", **PROGRESS},
        ),
        service(
            "llama-70b", "team-b", "Pending", full, ready="0/2", uri="hf://meta-llama/Llama-3.3-70B-Instruct"
        ),
        service("nightly-batch", "team-b", "Suspended", asleep, ready="0/0", uri="pvc://models/qwen3-4b"),
    ]


def _models() -> list[Object]:
    """One that is being fetched, and one that is there."""
    return [
        model(
            "qwen3-8b",
            "hf://Qwen/Qwen3-8B",
            "Downloading",
            usedBy=["qwen3-8b"],
            license="apache-2.0",
            **PROGRESS,
        ),
        model(
            "smollm2",
            "hf://HuggingFaceTB/SmolLM2-135M-Instruct",
            size="257 MiB",
            license="apache-2.0",
            revision="12fd25f77366fa6b3b4b768ec3050bf629380bac",
        ),
    ]


def _events() -> list[Object]:
    """What happened to them."""
    return [
        event(
            "chat",
            "ScaledUp",
            "3 workers instead of 2: 11 requests wait or run, and one worker carries 4.",
            seconds=30,
        ),
        event(
            "llama-70b-shared-0",
            "FailedScheduling",
            "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
            "Pod",
            warning=True,
            seconds=70,
        ),
        event("qwen3-8b", "ModelDownloading", "30% of 15.3 GiB.", seconds=95),
    ]


def hostile() -> Object:
    """A cluster whose every text would like to be something else."""
    services, models, tenants, events = [], [], [], []
    for number, text in enumerate(HOSTILE):
        bad = condition("Ready", "False", text, f"{text} {text}")
        services.append(service(f"{text}{number}", text, "Failed", bad, uri=text, url=text))
        models.append(
            {**model(f"{text}{number}", text, license=text, size=text, usedBy=[text]), "namespace": text}
        )
        tenants.append(
            tenant(f"{text}{number}", text, text, services=[text], keys=[{"name": text, "sha256": ""}])
        )
        events.append(event(text, text, text, text, warning=True))
    return {
        "services": services,
        "models": models,
        "tenants": tenants,
        "events": events,
        "live": live(missing=HOSTILE[0]),
    }


def crowd(size: int = 500) -> Object:
    """A cluster with very many services."""
    services = [service(f"model-{number:03}", f"team-{number % 7}") for number in range(size)]
    shown = live({f"team-{number % 7}/model-{number:03}": figures(float(number)) for number in range(size)})
    return {**empty(), "services": services, "live": shown}
