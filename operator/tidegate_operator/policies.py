"""What an LLMService asks of the scaling of each pool, in the words of the scaling law.

Owns the translation: durations, percents and clocks of the API into the law's, and which class speaks for a pool that
several share. Must not decide anything.
"""

from collections.abc import Sequence
from typing import Final

from tidegate_api.names import QOS_CLASSES, SHARED_POOL, QosClass
from tidegate_api.qos import ClassPolicy
from tidegate_api.scaling import Day, Scaling, ScalingRules, ScalingSchedule
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator.scaling.facts import Fallback, Policy, RatePolicy, Rules, Schedule

_DAYS: Final[tuple[Day, ...]] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Percent of the KV cache, where the user names none.
_KV_TARGET: Final = 75


def policies(spec: LLMServiceSpec, accelerators: int) -> dict[str, Policy]:
    """Return the policy of each pool by name, none where the user sets the numbers.

    `accelerators` are those of one worker.
    """
    if spec.scaling is None:
        return {}
    own = {one.name: one for one in spec.qos.dedicated}
    shared = [name for name in QOS_CLASSES if name not in own]
    found: dict[str, Policy] = {
        name: _policy(spec.scaling, spec, (name,), accelerators, one) for name, one in own.items()
    }
    if shared:
        found[SHARED_POOL] = _policy(spec.scaling, spec, shared, accelerators)
    return found


def _policy(
    scaling: Scaling,
    spec: LLMServiceSpec,
    classes: Sequence[QosClass],
    accelerators: int,
    own: ClassPolicy | None = None,
) -> Policy:
    least = own.min_replicas if own is not None else None
    most = own.max_replicas if own is not None else None
    kv = scaling.target("KVCacheUtilization") or _KV_TARGET
    return Policy(
        mode=scaling.mode,
        min_replicas=scaling.min_replicas if least is None else least,
        max_replicas=scaling.max_replicas if most is None else most,
        qos_class=classes[0],
        queue_depth_target=_number(scaling.target("QueueDepth")),
        kv_utilization_target=kv / 100,
        concurrency_target=_number(scaling.target("Concurrency") or _places(spec)),
        ttft_slo_seconds=_strictest(spec, classes),
        scale_up=_rules(scaling.behavior.scale_up),
        scale_down=_rules(scaling.behavior.scale_down),
        schedules=tuple(_schedule(one) for one in scaling.schedules),
        fallback=_fallback(scaling),
        idle_seconds=float(scaling.idle_seconds),
        cold_start_seconds=_number(scaling.cold_start_seconds),
        accelerators=accelerators,
        cost_per_hour=_number(scaling.cost_per_replica_hour),
    )


def _places(spec: LLMServiceSpec) -> int | None:
    """Return how many requests at once a worker of another engine takes, as its user says: nobody can learn it."""
    return spec.engine.max_num_seqs if spec.engine.type == "Custom" else None


def _strictest(spec: LLMServiceSpec, classes: Sequence[QosClass]) -> float | None:
    """Return the shortest time to the first token that any class of a pool is promised, in seconds."""
    promised = [one.slo.ttft_milliseconds for one in spec.qos.classes if one.name in classes]
    return min((one / 1000 for one in promised if one is not None), default=None)


def _rules(said: ScalingRules) -> Rules:
    return Rules(
        stabilization_window_seconds=said.stabilization_window_seconds,
        policies=tuple(RatePolicy(one.type, one.value, one.period_seconds) for one in said.policies),
        select=said.select_policy,
    )


def _schedule(said: ScalingSchedule) -> Schedule:
    return Schedule(
        name=said.name,
        timezone=said.timezone,
        days=frozenset(_DAYS.index(day) for day in said.days_of_week),
        start_minute=_minute(said.start_time),
        end_minute=_minute(said.end_time),
        min_replicas=said.min_replicas,
    )


def _minute(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _fallback(scaling: Scaling) -> Fallback | None:
    said = scaling.fallback
    return None if said is None else Fallback(said.failure_threshold, said.replicas)


def _number(value: int | str | None) -> float | None:
    return None if value is None else float(value)
