"""What bounds a number of replicas: how fast it may change, and the least and the most that the user allows.

Owns each bound by itself. Must not know what was measured.
"""

from collections.abc import Sequence

from tidegate_operator.scaling.facts import Clamp, Policy, RatePolicy, Rules

# When, and by how much the Deployment's replicas changed.
Change = tuple[float, int]
# The Kubernetes API's own bound for the period of a policy.
LONGEST_PERIOD_SECONDS = 1800.0


def remember_change(
    changes: Sequence[Change], decided_at: float, before: int | None, after: int
) -> tuple[Change, ...]:
    """Return the changes of the longest period, with the one since the last decision, whose doing it is as a rule."""
    kept = tuple(one for one in changes if decided_at - one[0] < LONGEST_PERIOD_SECONDS)
    return kept if before is None or before == after else (*kept, (decided_at, after - before))


def recent(changes: Sequence[Change], now: float) -> tuple[tuple[float, int], ...]:
    """Return the changes as ages in seconds."""
    return tuple((now - at, by) for at, by in changes)


def up(current: int, rules: Rules, default: Sequence[RatePolicy], ages: Sequence[Change]) -> int | None:
    """Return how many replicas there may be now, as the HPA has it; None for any number.

    A pool that sleeps wakes in one step, unless the user has limited just that.
    """
    if rules.select == "Disabled":
        return current
    if current == 0 and not rules.policies:
        return None
    pick = min if rules.select == "Min" else max
    return max(pick(_highest(current, one, ages) for one in rules.policies or default), current, 1)


def down(current: int, rules: Rules, default: Sequence[RatePolicy], ages: Sequence[Change]) -> int:
    """Return how few replicas there may be now, as the HPA has it."""
    if rules.select == "Disabled":
        return current
    # Of several policies, "Max" is the one that changes most.
    pick = max if rules.select == "Min" else min
    return min(pick(_lowest(current, one, ages) for one in rules.policies or default), current)


def _highest(current: int, policy: RatePolicy, ages: Sequence[Change]) -> int:
    start = _at_start(current, policy, ages)
    return start + policy.value if policy.type == "Pods" else start + -(-start * policy.value // 100)


def _lowest(current: int, policy: RatePolicy, ages: Sequence[Change]) -> int:
    start = _at_start(current, policy, ages)
    return start - policy.value if policy.type == "Pods" else start * (100 - policy.value) // 100


def _at_start(current: int, policy: RatePolicy, ages: Sequence[Change]) -> int:
    return current - sum(by for age, by in ages if age < policy.period_seconds)


def bound(wanted: int, policy: Policy, floor: int, floor_name: str) -> tuple[int, tuple[Clamp, ...]]:
    """Return the number within the least and the most; `floor` is that of the schedule `floor_name`."""
    clamps: list[Clamp] = []
    if wanted < policy.min_replicas:
        message = f"minReplicas is {policy.min_replicas}"
        clamps.append(Clamp("RaisedToMin", message, wanted, policy.min_replicas))
        wanted = policy.min_replicas
    if wanted < floor:
        message = f"the schedule {floor_name} keeps at least {floor}"
        clamps.append(Clamp("RaisedBySchedule", message, wanted, floor))
        wanted = floor
    if wanted > policy.max_replicas:
        message = f"maxReplicas is {policy.max_replicas}"
        clamps.append(Clamp("CappedByMax", message, wanted, policy.max_replicas))
        wanted = policy.max_replicas
    return wanted, tuple(clamps)
