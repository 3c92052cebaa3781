"""Where an LLMService's weights are, and whether they are there yet.

Owns what a service takes over from its LLMModel. Must not judge whether a model fits.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_api.names import MODEL_KIND, MODEL_PATH_VARIABLE, MODELS_MOUNT
from tidegate_api.settings import Settings
from tidegate_api.source import ModelSource
from tidegate_operator import uri
from tidegate_operator.conditions.record import by_type
from tidegate_operator.desired import ModelVolume
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.kinds import LEADER_WORKER_SET, WORKLOADS
from tidegate_operator.models.naming import cache_volume, wanted

NO_CACHE = Withheld(
    "CacheUnavailable",
    "the chart's models.strategy is None, so there is no cache into which this model could be downloaded: set "
    "it to PVC or HostPath, or use a source that needs none, such as pvc:// or oci://",
)


def place(observed: Observed, source: ModelSource, settings: Settings) -> tuple[ModelVolume, Withheld | None]:
    """Return the volume of the weights, and why they are not there yet; raises Stalled for a URI that names none."""
    if not uri.is_of_hub(source.uri):
        return uri.model_volume(source.uri, settings.allowed_file_paths, settings.image_pull_policy), None
    cache = cache_volume(settings.models, observed.key.namespace)
    lacking = missing(observed.model, source.uri)
    in_use = _in_use(observed, source)
    if lacking is not None and in_use is not None:
        # An LLMModel that is deleted while it is used is made again, and its files stay.
        return uri.cached_volume(source.uri, cache, in_use), None
    if cache is None:
        lacking = NO_CACHE
    path = _status(observed.model).get("path") or _expected(source)
    return uri.cached_volume(source.uri, cache, path), lacking


def missing(model: Manifest | None, of: str) -> Withheld | None:
    """Return why a model of a hub is not in the cache, in the words of its LLMModel."""
    if model is None:
        return Withheld("ModelPending", f"an {MODEL_KIND} for {of} is being made")
    ready = _ready(model)
    if ready.get("status") == "True" and _status(model).get("path"):
        return None
    name = model["metadata"]["name"]
    if not ready:
        return Withheld("ModelPending", f"{MODEL_KIND} {name!r} is new: its download begins at once")
    return Withheld(str(ready.get("reason")), str(ready.get("message", "")))


def state(observed: Observed) -> dict[str, Any] | None:
    """Return what `status.model` says: how far the download is, None for a model that needs none."""
    before = _before(observed)
    if observed.model is None:
        return dict(before) or None
    status = _status(observed.model)
    is_there = missing(observed.model, "") is None
    copied = ("revision", "bytesDone", "bytesTotal", "percent")
    passing = () if is_there else ("bytesPerSecond", "remainingSeconds")
    found = {name: status[name] for name in (*copied, *passing) if status.get(name) is not None}
    kept = {"revision": before["revision"]} if "revision" in before else {}
    return {"name": observed.model["metadata"]["name"], **kept, **found}


def _in_use(observed: Observed, source: ModelSource) -> str | None:
    """Return where in the cache the workers of this very spec read their model, None where there are none yet."""
    revision = _before(observed).get("revision")
    path = f"{_directory(source)}/{revision}"
    where = f"{MODELS_MOUNT}/{path}"
    pods = (_pod_of(child) for child in observed.children if child["kind"] in WORKLOADS)
    used = any(_reads(container, where) for pod in pods for container in pod["containers"])
    return path if revision is not None and used else None


def _pod_of(workload: Manifest) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = workload["spec"]
    in_set = workload["kind"] == LEADER_WORKER_SET.kind
    found: Mapping[str, Any] = (
        spec["leaderWorkerTemplate"]["leaderTemplate"] if in_set else spec["template"]
    )["spec"]
    return found


def _reads(container: Mapping[str, Any], path: str) -> bool:
    """Return whether a container is told that its model is there: vLLM's by an argument, another by a variable."""
    told = {"name": MODEL_PATH_VARIABLE, "value": path}
    return f"--model-path={path}" in (container.get("args") or ()) or told in (container.get("env") or ())


def _before(observed: Observed) -> Mapping[str, Any]:
    """Return what `status.model` has said of this very spec."""
    status = observed.service.get("status") or {}
    is_of_now = status.get("observedGeneration") == observed.service["metadata"].get("generation")
    found: Mapping[str, Any] = (status.get("model") if is_of_now else None) or {}
    return found


def _status(model: Manifest | None) -> Mapping[str, Any]:
    status: Mapping[str, Any] = (model or {}).get("status") or {}
    return status


def _ready(model: Manifest) -> Mapping[str, Any]:
    return by_type(_status(model)).get("Ready", {})


def _expected(source: ModelSource) -> str:
    """Return where a model will be in the cache as far as can be told before its revision is known."""
    means = wanted(source.uri, source.revision)
    return f"{_directory(source)}/{means.revision if means is not None else ''}"


def _directory(source: ModelSource) -> str:
    """Return where in the cache the revisions of a model are."""
    scheme, _, name = source.uri.partition("://")
    return f"{scheme}/{name.replace('/', '--')}"
