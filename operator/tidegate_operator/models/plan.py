"""What should be done about an LLMModel now: a claim, a Job made, stopped or replaced, or nothing.

Owns whether a load is wanted, which attempt it is, and how long after a failure. Must not do I/O or read the clock:
`ModelFacts.now` is the time. Nothing is remembered: attempts and failures stand on the Job and in the status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tidegate_api.model import LLMModelSpec
from tidegate_api.names import ATTEMPT_ANNOTATION
from tidegate_api.settings import Settings
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.facts import Manifest
from tidegate_operator.models.build import names
from tidegate_operator.models.build.claim import claim
from tidegate_operator.models.build.load import load
from tidegate_operator.models.build.policy import policy
from tidegate_operator.models.facts import ModelFacts, is_made_by_us, path_of
from tidegate_operator.models.naming import CacheVolume, cache_volume
from tidegate_operator.models.outcome import Failed, Loaded, evictions, moment, outcome, overdue
from tidegate_operator.models.request import Request, request

FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What to do. `waits` is why nothing can be done now, `again` when there will be something to do.

    `create` are manifests in this order, `delete` a Job that goes before them, `suspend` what to say to a Job.
    `ended` is how the last load ended, while that still holds.
    """

    is_ready: bool = False
    is_suspended: bool = False
    create: tuple[Mapping[str, Any], ...] = ()
    delete: Manifest | None = None
    suspend: tuple[Manifest, bool] | None = None
    waits: Finding | None = None
    again: datetime | None = None
    job: Manifest | None = None
    ended: Loaded | Failed | None = None

    @property
    def failures(self) -> int:
        """Return how many loads in a row failed before the one that is there."""
        return _number(self.job, names.FAILURES_ANNOTATION) if self.job is not None else 0

    @property
    def attempt(self) -> int:
        """Return which attempt the one that is there is, 0 for none."""
        return _number(self.job, ATTEMPT_ANNOTATION) if self.job is not None else 0


def make_plan(facts: ModelFacts, model: Manifest, spec: LLMModelSpec, settings: Settings) -> ModelPlan:
    """Return what to do about an LLMModel that is there."""
    volume = cache_volume(settings.models, facts.key.namespace)
    if volume is None:
        return ModelPlan(waits=_no_cache())
    if volume.claim is not None and (waiting := _for_the_claim(facts, volume.claim, settings)) is not None:
        return waiting
    lost_at = _lost_at(facts, model)
    if _stands(model, lost_at):
        return ModelPlan(is_ready=True)
    job = facts.own_job(names.load_job_name(facts.key.name))
    if job is None:
        return _first_load(facts, model, spec, volume, settings)
    if "deletionTimestamp" in job["metadata"]:
        return ModelPlan(job=job)
    suspended = is_suspended(facts, model, spec)
    wanted = request(facts, model, spec, volume, settings)
    attempt = max(_number(job, ATTEMPT_ANNOTATION), _attempts(model)) + 1
    return _go_on(facts, job, lost_at, wanted, attempt=attempt, suspended=suspended)


def is_suspended(facts: ModelFacts, model: Manifest, spec: LLMModelSpec) -> bool:
    """Return whether the download is to pause: as told, or since nobody waits for what was made for somebody."""
    nobody_waits = all(service["spec"].get("suspend") for service in facts.users)
    return spec.suspend or (is_made_by_us(model) and nobody_waits)


def is_evicted(facts: ModelFacts, model: Manifest) -> bool:
    """Return whether its files had to make room for another model, and nobody uses it."""
    path = path_of(model)
    gone_at = evictions(facts).get(path) if path else None
    if gone_at is None or facts.users:
        return False
    # What a later load brought is there.
    job = facts.own_job(names.load_job_name(facts.key.name))
    began = [moment(one["metadata"].get("creationTimestamp")) for one in (model, job) if one is not None]
    return all(gone_at > at for at in (_ready_since(model), *began) if at is not None)


def _for_the_claim(facts: ModelFacts, name: str, settings: Settings) -> ModelPlan | None:
    """Return what the cache's claim has to wait for, None once it can be used."""
    if facts.claim is None:
        made = claim(facts.key.namespace, settings.models)
        words = f"PersistentVolumeClaim {name!r}, the cache of this namespace, is being made"
        return ModelPlan(create=(made,), waits=Finding("ModelPending", words))
    problem = _claim_problem(name, facts.claim)
    return ModelPlan(waits=problem) if problem is not None else None


def _first_load(
    facts: ModelFacts, model: Manifest, spec: LLMModelSpec, volume: CacheVolume, settings: Settings
) -> ModelPlan:
    if is_suspended(facts, model, spec):
        return ModelPlan(is_suspended=True)
    removal = _removal(facts, spec)
    if removal is not None:
        return ModelPlan(waits=removal)
    wanted = request(facts, model, spec, volume, settings)
    return ModelPlan(create=_load(wanted, _attempts(model) + 1, 0))


def _go_on(
    facts: ModelFacts,
    job: Manifest,
    lost_at: datetime | None,
    wanted: Request,
    *,
    attempt: int,
    suspended: bool,
) -> ModelPlan:
    """Return what to do about a Job that is there; `attempt` would be the next one."""
    is_other = _annotations(job).get(names.FINGERPRINT_ANNOTATION) != wanted.fingerprint
    match outcome(job, facts):
        case Loaded() as loaded if lost_at is None or loaded.at > lost_at:
            return ModelPlan(job=job, ended=loaded)
        case Loaded():  # what it brought is gone again
            return _replaced(job, wanted, attempt, 0, suspended)
        case Failed() as failed:
            failures = 0 if is_other else _number(job, names.FAILURES_ANNOTATION) + 1
            due = facts.now if is_other else failed.at + delay(failures, passes=failed.passes)
            if suspended or due > facts.now:
                again = None if suspended else due
                return ModelPlan(job=job, ended=failed, again=again, is_suspended=suspended)
            return _replaced(job, wanted, attempt, failures, suspended)
    if is_other and not _runs(facts, job):
        return _replaced(job, wanted, attempt, 0, suspended)
    is_stopped = bool(job["spec"].get("suspend"))
    change = (job, suspended) if is_stopped != suspended else None
    return ModelPlan(job=job, suspend=change, is_suspended=suspended, again=overdue(job))


def delay(failures: int, *, passes: bool) -> timedelta:
    """Return how long to wait after so many failures in a row, counted from 1."""
    if not passes:
        return LONGEST_DELAY
    doubled: timedelta = FIRST_DELAY * 2 ** min(failures - 1, 10)
    return min(doubled, LONGEST_DELAY)


def _replaced(job: Manifest, wanted: Request, attempt: int, failures: int, suspended: bool) -> ModelPlan:
    if suspended:
        return ModelPlan(delete=job, is_suspended=True)
    return ModelPlan(delete=job, create=_load(wanted, attempt, failures))


def _load(wanted: Request, attempt: int, failures: int) -> tuple[Mapping[str, Any], ...]:
    """Return what a load needs: what limits its Pod comes before the Job that makes it."""
    guard = policy(wanted)
    return (*((guard,) if guard is not None else ()), load(wanted, attempt, failures))


def _stands(model: Manifest, lost_at: datetime | None) -> bool:
    """Return whether what the status says of its files still holds."""
    since = _ready_since(model)
    return since is not None and path_of(model) is not None and (lost_at is None or since > lost_at)


def _lost_at(facts: ModelFacts, model: Manifest) -> datetime | None:
    """Return when its files were lost the last time: with another claim, or since another model needed the room."""
    made_at = moment(facts.claim["metadata"].get("creationTimestamp")) if facts.claim is not None else None
    before = made_at - timedelta(seconds=1) if made_at is not None else None
    evicted_at = evictions(facts).get(path_of(model) or "")
    return max((at for at in (before, evicted_at) if at is not None), default=None)


def _ready_since(model: Manifest) -> datetime | None:
    for condition in (model.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            return moment(condition["lastTransitionTime"])
    return None


def _removal(facts: ModelFacts, spec: LLMModelSpec) -> Finding | None:
    """Find a Job that still takes files of the same model out of the cache."""
    scheme, _, name = spec.uri.partition("://")
    folder = f"{scheme}/{name.replace('/', '--')}/"
    for job in facts.jobs:
        path = _annotations(job).get(names.PATH_ANNOTATION)
        if path is not None and path.startswith(folder) and not _has_ended(job):
            name = job["metadata"]["name"]
            return Finding(
                "ModelPending",
                f"Job {name!r} is taking an earlier copy out of the cache; the download begins once it has ended",
            )
    return None


def _has_ended(job: Manifest) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def _runs(facts: ModelFacts, job: Manifest) -> bool:
    return any((pod.get("status") or {}).get("phase") == "Running" for pod in facts.pods_of(job))


def _attempts(model: Manifest) -> int:
    return int((model.get("status") or {}).get("attempts") or 0)


def _annotations(job: Manifest) -> Mapping[str, str]:
    found: Mapping[str, str] = job["metadata"].get("annotations") or {}
    return found


def _number(job: Manifest, annotation: str) -> int:
    text = _annotations(job).get(annotation, "0")
    return int(text) if text.isdecimal() else 0


def _no_cache() -> Finding:
    return Finding(
        "CacheUnavailable",
        "models of hf:// and ms:// need a cache, and the chart's models.strategy is None: have an administrator set it "
        "to PVC or HostPath, or use another source, such as pvc://",
    )


def _claim_problem(name: str, found: Manifest) -> Finding | None:
    if "deletionTimestamp" in found["metadata"]:
        return Finding(
            "CacheUnavailable",
            f"PersistentVolumeClaim {name!r}, the cache of this namespace, is being deleted: once it is gone it is "
            "made again, empty",
        )
    if (found.get("status") or {}).get("phase") == "Lost":
        return Finding(
            "CacheUnavailable",
            f"the volume of PersistentVolumeClaim {name!r} is gone: delete the claim, and it is made again, empty; or "
            "bring the volume back",
        )
    return None
