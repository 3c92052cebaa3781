"""The status of an LLMModel, and the events that its changes deserve.

Owns the whole status object. Must not read the cluster or the clock: `ModelFacts.now` is the time. The same facts give
the same status to the byte, so that nothing new writes nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tidegate_api.names import LOADER_REASONS
from tidegate_operator.conditions.chain import Finding, Verdict
from tidegate_operator.conditions.record import by_type, conditions, generation, rfc3339
from tidegate_operator.facts import Manifest
from tidegate_operator.models.conditions import Scene, judge
from tidegate_operator.models.facts import ModelFacts, Progress
from tidegate_operator.models.outcome import Loaded
from tidegate_operator.models.plan import ModelPlan
from tidegate_operator.models.sizes import human
from tidegate_operator.status import Announcement

_MOST_USERS: Final = 64
_PHASES: Final[Mapping[str, str]] = {
    "ModelDownloading": "Downloading",
    "ModelVerifying": "Verifying",
    "DownloadSuspended": "Suspended",
    "ModelPending": "Pending",
    "CacheUnavailable": "Pending",
    "Unschedulable": "Pending",
    "SecretNotFound": "Pending",
}
# What is known of the files themselves, and stays until something else is known.
_FILES: Final = (
    "revision",
    "path",
    "bytesDone",
    "bytesTotal",
    "filesDone",
    "filesTotal",
    "sizeBytes",
    "license",
    "shape",
)
# Reasons of events that are no reasons of a condition.
EVENTS: Final = frozenset(
    {"DownloadStarted", "DownloadProgress", "DownloadCompleted", "DownloadFailed", "ModelEvicted"}
)


def summarize(facts: ModelFacts, model: Manifest, plan: ModelPlan, refused: Finding | None) -> dict[str, Any]:
    """Return the whole status; `refused` is what the API server would not make."""
    before: Mapping[str, Any] = model.get("status") or {}
    verdict = _verdict(facts, before, plan, refused)
    is_ready = verdict.status == "True"
    files = _files(facts, before, plan, is_ready)
    moves = verdict.finding.reason == "ModelDownloading"
    attempts = max(plan.attempt, int(before.get("attempts") or 0))
    said = {
        "phase": "Ready" if is_ready else _PHASES.get(verdict.finding.reason, "Failed"),
        "observedGeneration": generation(model),
        **files,
        **_percent(files, is_ready),
        **_speed(facts.progress if moves else None, before if moves else {}),
        **_size(files),
        **_use(facts, before),
        "attempts": attempts or None,
        "conditions": conditions(model, [verdict], facts.now),
    }
    return {name: value for name, value in said.items() if value is not None}


def unreadable(model: Manifest, now: datetime, why: str) -> dict[str, Any]:
    """Return the status where the spec makes no sense, such as one with a field of a newer version."""
    before = model.get("status") or {}
    said = conditions(model, [Verdict("Ready", "False", Finding("InvalidValue", why))], now)
    return {**before, "phase": "Failed", "observedGeneration": generation(model), "conditions": said}


def transitions(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Announcement]:
    """Return what is worth an event between two statuses."""
    was, now = by_type(old).get("Ready", {}), by_type(new)["Ready"]
    reason, message = now["reason"], now["message"]
    if was.get("reason") == reason and was.get("status") == now["status"]:
        return _of_progress(old or {}, new) if reason == "ModelDownloading" else []
    if now["status"] == "True":
        return [Announcement("Normal", "DownloadCompleted", message)]
    return _of_reason(reason, message, new)


def _of_reason(reason: str, message: str, new: Mapping[str, Any]) -> list[Announcement]:
    match reason:
        case "ModelPending" | "ModelVerifying":
            return []
        case "ModelDownloading":
            size = f" ({new['size']})" if "size" in new else ""
            return [
                Announcement(
                    "Normal", "DownloadStarted", f"attempt {new.get('attempts', 1)}{size}: {message}"
                )
            ]
        case "DownloadSuspended":
            return [Announcement("Normal", reason, message)]
        case _ if reason in LOADER_REASONS:
            return [Announcement("Warning", "DownloadFailed", f"{reason}: {message}")]
        case _:
            return [Announcement("Warning", reason, message)]


def _of_progress(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Announcement]:
    """Return an event for each tenth of the way, told once."""
    before, now = (int(status.get("percent") or 0) // 10 for status in (old, new))
    if now <= before:
        return []
    speed = f", {human(new['bytesPerSecond'])}/s" if new.get("bytesPerSecond") else ""
    left = f", about {new['remainingSeconds']} s left" if new.get("remainingSeconds") else ""
    return [
        Announcement(
            "Normal", "DownloadProgress", f"{new['percent']}% of {new.get('size', '?')}{speed}{left}"
        )
    ]


def _verdict(
    facts: ModelFacts, before: Mapping[str, Any], plan: ModelPlan, refused: Finding | None
) -> Verdict:
    said = by_type(before).get("Ready")
    if plan.is_ready and said is not None:
        return Verdict("Ready", "True", Finding(said["reason"], said["message"]))
    if isinstance(plan.ended, Loaded):
        done = plan.ended
        words = (
            f"{human(done.bytes)} of commit {done.revision[:12]} are in the cache, and are what the hub says."
        )
        return Verdict("Ready", "True", Finding("ModelCached", words))
    told = (
        Finding(said["reason"], said["message"]) if said is not None and said["status"] == "False" else None
    )
    return Verdict("Ready", "False", judge(Scene(facts, plan, refused, told)))


def _files(facts: ModelFacts, before: Mapping[str, Any], plan: ModelPlan, is_ready: bool) -> dict[str, Any]:
    known = {name: before.get(name) for name in _FILES}
    if isinstance(plan.ended, Loaded):
        return {**known, **_of_loaded(plan.ended, known)}
    if is_ready:
        return known
    known["sizeBytes"] = None
    if facts.progress is not None:
        return {**known, **_of_progressing(facts.progress, known)}
    # A load that begins anew, since what there was is lost, begins at nothing.
    return {**known, "bytesDone": 0, "filesDone": 0} if before.get("sizeBytes") else known


def _of_loaded(done: Loaded, known: Mapping[str, Any]) -> dict[str, Any]:
    total = known.get("bytesTotal") or done.bytes
    files = known.get("filesTotal")
    return {
        "revision": done.revision,
        "path": done.path,
        "bytesDone": total,
        "bytesTotal": total,
        "filesDone": files,
        "filesTotal": files,
        "sizeBytes": done.bytes,
        "license": done.license,
        "shape": dict(done.shape) if done.shape is not None else None,
    }


def _of_progressing(progress: Progress, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a loader says; of one commit the bytes that are there never become fewer."""
    is_same = progress.revision is None or known.get("revision") in (None, progress.revision)
    least = int(known.get("bytesDone") or 0) if is_same else 0
    fewest = int(known.get("filesDone") or 0) if is_same else 0
    counted = {
        "bytesDone": max(min(progress.bytes_done, progress.bytes_total), min(least, progress.bytes_total)),
        "bytesTotal": progress.bytes_total,
        "filesDone": max(progress.files_done, min(fewest, progress.files_total)),
        "filesTotal": progress.files_total,
    }
    pinned = {"revision": progress.revision, "path": progress.path}
    told = {name: value for name, value in pinned.items() if value is not None}
    return {**told, **(counted if progress.bytes_total else {})}


def _percent(files: Mapping[str, Any], is_ready: bool) -> dict[str, Any]:
    total = files.get("bytesTotal") or 0
    if is_ready:
        percent = 100
    elif not total:
        return {}
    else:
        percent = min(int(files.get("bytesDone") or 0) * 100 // total, 99)
    return {"percent": percent, "progress": f"{percent}%"}


def _speed(progress: Progress | None, before: Mapping[str, Any]) -> dict[str, Any]:
    if progress is None:
        return {name: before.get(name) for name in ("bytesPerSecond", "remainingSeconds")}
    return {
        "bytesPerSecond": progress.bytes_per_second or None,
        "remainingSeconds": progress.remaining_seconds,
    }


def _size(files: Mapping[str, Any]) -> dict[str, Any]:
    size = files.get("sizeBytes") or files.get("bytesTotal")
    return {"size": human(size)} if size else {}


def _use(facts: ModelFacts, before: Mapping[str, Any]) -> dict[str, Any]:
    names = [service["metadata"]["name"] for service in facts.users][:_MOST_USERS]
    if names:
        return {"usedBy": sorted(names)}
    went = rfc3339(facts.now) if before.get("usedBy") else before.get("lastUsedAt")
    return {"lastUsedAt": went}
