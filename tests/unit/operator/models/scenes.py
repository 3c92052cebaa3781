"""What surrounds an LLMModel, as the API server shows it: Jobs, Pods, a claim, services."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate_api.model import LLMModelSpec
from tidegate_api.names import API_VERSION
from tidegate_api.settings import Settings
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.facts import Key
from tidegate_operator.models.build.names import FAILURES_ANNOTATION, FINGERPRINT_ANNOTATION
from tidegate_operator.models.facts import ModelFacts, Progress
from tidegate_operator.models.naming import cache_volume
from tidegate_operator.models.plan import ModelPlan, make_plan
from tidegate_operator.models.request import request
from tidegate_operator.models.status import summarize

Object = dict[str, Any]

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
KEY = Key("team-a", "tiny")
URI = "hf://acme/tiny"
COMMIT = "c" * 40
PATH = f"hf/acme--tiny/{COMMIT}"
SETTINGS = Settings()
MIB = 1024 * 1024


def at(seconds: float) -> str:
    """Return a moment so many seconds from now; those before are negative."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def model(name: str = "tiny", status: Object | None = None, made: float = -3600, **spec: Any) -> Object:
    """Return an LLMModel; `made` is when, in seconds from now."""
    return {
        "apiVersion": API_VERSION,
        "kind": "LLMModel",
        "metadata": {
            "namespace": KEY.namespace,
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": at(made),
        },
        "spec": {"uri": URI, **spec},
        **({"status": status} if status is not None else {}),
    }


def made_by_us(of: Object) -> Object:
    """Return the LLMModel as the operator makes it for a service."""
    return {**of, "metadata": {**of["metadata"], "labels": {"app.kubernetes.io/managed-by": "tidegate"}}}


def ready(since: float = -600, **more: Any) -> Object:
    """Return the status of an LLMModel that is in the cache since so many seconds from now."""
    return {
        "phase": "Ready",
        "revision": COMMIT,
        "path": PATH,
        "bytesDone": 200 * MIB,
        "bytesTotal": 200 * MIB,
        "sizeBytes": 200 * MIB,
        "conditions": [said("ModelCached", since, status="True")],
        **more,
    }


def said(reason: str, since: float = -600, status: str = "False", message: str = "as it is") -> Object:
    """Return the condition Ready."""
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": at(since),
    }


def llmservice(name: str = "chat", uri: str = URI, made: float = -1800, **spec: Any) -> Object:
    """Return an LLMService of a model of a hub."""
    return {
        "metadata": {"namespace": KEY.namespace, "name": name, "creationTimestamp": at(made)},
        "spec": {"model": {"uri": uri}, "resourceProfile": "cpu:1", **spec},
    }


def claim(made: float = -3600, phase: str = "Bound", **metadata: str) -> Object:
    """Return the claim of the cache."""
    own = {"namespace": KEY.namespace, "name": "tidegate-models", "creationTimestamp": at(made)}
    return {"metadata": {**own, **metadata}, "spec": {}, "status": {"phase": phase}}


def job(
    of: str = "tiny",
    *,
    attempt: int = 1,
    failures: int = 0,
    ended: str | None = None,
    when: float = -10,
    fingerprint: str | None = None,
    suspended: bool = False,
    **metadata: Any,
) -> Object:
    """Return the Job that loads a model; `ended` is Complete or Failed, `when` seconds from now."""
    told = {
        "serving.tidegate.dev/attempt": str(attempt),
        FAILURES_ANNOTATION: str(failures),
        FINGERPRINT_ANNOTATION: fingerprint or usual_fingerprint(),
    }
    conditions = [{"type": ended, "status": "True", "lastTransitionTime": at(when)}] if ended else []
    return {
        "metadata": {
            "namespace": KEY.namespace,
            "name": f"{of}-load",
            "uid": f"uid-job-{of}",
            "creationTimestamp": at(-300),
            "annotations": told,
            "ownerReferences": [{"controller": True, "uid": f"uid-{of}"}],
            **metadata,
        },
        "spec": {"suspend": suspended},
        "status": {"conditions": conditions},
    }


def pod(of: str = "tiny", *, state: Object | None = None, phase: str = "Running", **status: Any) -> Object:
    """Return the Pod of a loader; `state` is that of its container."""
    container = {"name": "loader", "image": "tidegate/loader", "state": state or {"running": {}}}
    return {
        "metadata": {
            "namespace": KEY.namespace,
            "name": f"{of}-load-x",
            "uid": f"uid-pod-{of}",
            "creationTimestamp": at(-200),
            "ownerReferences": [{"controller": True, "uid": f"uid-job-{of}"}],
        },
        "status": {"phase": phase, "containerStatuses": [container], **status},
    }


def ended_pod(message: object, code: int = 0, of: str = "tiny", reason: str = "Completed") -> Object:
    """Return the Pod of a loader that has ended with these last words."""
    text = message if isinstance(message, str) else json.dumps(message)
    state = {"terminated": {"exitCode": code, "message": text, "reason": reason}}
    return pod(of, state=state, phase="Failed" if code else "Succeeded")


def words(path: str = PATH, **more: Any) -> Object:
    """Return the last words of a loader that brought a model."""
    shape = {"layers": 30}
    brought = {"revision": COMMIT, "path": path, "bytes": 200 * MIB, "license": "mit", "shape": shape}
    return {**brought, "evicted": [], **more}


def progress(done: int, total: int = 200, step: Any = "Downloading", **more: Any) -> Progress:
    """Return what a loader says; sizes in MiB."""
    return Progress(
        step=step, revision=COMMIT, path=PATH, bytes_done=done * MIB, bytes_total=total * MIB, **more
    )


def facts(
    of: Object | None = None,
    *,
    others: Sequence[Object] = (),
    services: Sequence[Object] = (),
    jobs: Sequence[Object] = (),
    pods: Sequence[Object] = (),
    has_claim: Object | None = None,
    no_claim: bool = False,
    now: Progress | None = None,
    departed: Object | None = None,
) -> ModelFacts:
    """Return facts about an LLMModel, there unless one has departed; the claim is bound unless told otherwise."""
    there = of if of is not None or departed is not None else model()
    return ModelFacts(
        key=KEY,
        model=there,
        departed=departed,
        models=(*((there,) if there is not None else ()), *others),
        services=tuple(services),
        jobs=tuple(jobs),
        pods=tuple(pods),
        claim=None if no_claim else has_claim or claim(),
        progress=now,
        now=NOW,
    )


def usual_fingerprint(of: Object | None = None, settings: Settings = SETTINGS) -> str:
    """Return the fingerprint of what an LLMModel asks for without any service."""
    there = of or model()
    volume = cache_volume(settings.models, KEY.namespace)
    assert volume
    spec = LLMModelSpec.model_validate(there["spec"])
    return request(facts(there), there, spec, volume, settings).fingerprint


def planned(seen: ModelFacts, settings: Settings = SETTINGS) -> ModelPlan:
    """Return the plan of facts."""
    assert seen.model
    return make_plan(seen, seen.model, LLMModelSpec.model_validate(seen.model["spec"]), settings)


def status(seen: ModelFacts, refused: Finding | None = None, settings: Settings = SETTINGS) -> Object:
    """Return the status that a reconcile with these facts writes."""
    assert seen.model
    return summarize(seen, seen.model, planned(seen, settings), refused)


def reason(of: Mapping[str, Any]) -> str:
    """Return what Ready says."""
    found: str = of["conditions"][0]["reason"]
    return found


def message(of: Mapping[str, Any]) -> str:
    """Return what Ready says to people."""
    found: str = of["conditions"][0]["message"]
    return found
