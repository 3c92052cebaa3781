"""How far replicas go at once towards what is asked for: up soon, down late, and never down on missing data.

Owns the ways up and down, each clamp with its sentence. Must not know where what is asked for comes from.
"""

from dataclasses import dataclass, field
from math import ceil

from tidegate_operator.scaling import idle, limits, terms, window
from tidegate_operator.scaling.case import Case
from tidegate_operator.scaling.facts import Clamp
from tidegate_operator.scaling.memory import Memory
from tidegate_operator.scaling.terms import Asked


@dataclass(slots=True)
class Step:
    """A number of replicas on its way through the clamps."""

    wanted: int
    clamps: list[Clamp] = field(default_factory=list)

    def hold(self, reason: str, message: str, replicas: int) -> None:
        """Change the number, for a reason; nothing happens if it is that already."""
        if replicas != self.wanted:
            self.clamps.append(Clamp(reason, message, self.wanted, replicas))
            self.wanted = replicas


def rise(memory: Memory, case: Case, need: int) -> Step:
    """Return the step up towards `need`, which is more than there is."""
    supply, rules, step = case.supply, case.policy.scale_up, Step(need)
    current = supply.desired
    if supply.stuck:
        why = f"{supply.stuck} of {current} replicas cannot start: {supply.stuck_because or 'no reason is known'}"
        step.hold("ScaleUpStuck", why, current)
        return step
    if seconds := rules.stabilization_window_seconds:
        lowest = window.within(memory.lows, case.now, seconds)
        held = max(need if lowest is None else min(lowest, need), current)
        step.hold("HeldBack", f"more has not been asked for throughout the last {seconds} s", held)
    most = limits.up(supply.staying, rules, case.tuning.up, limits.recent(memory.changes, case.now))
    if most is not None:
        step.hold("RateLimited", "scaleUp allows no more at once", min(step.wanted, max(most, current)))
    return step


def fall(memory: Memory, case: Case, asked: Asked, need: int, ghosts: frozenset[str]) -> Step:
    """Return the step down towards `need`, which is at most what there is."""
    current, policy, rules, step = case.supply.desired, case.policy, case.policy.scale_down, Step(need)
    if not case.seen.is_complete:
        step.hold("HeldMissingMetrics", "; ".join(case.seen.missing.values()), current)
        return step
    if policy.min_replicas == 0:
        why = idle.why_awake(memory.idle, case, ghosts)
        if need <= 1 and not idle.is_asked_for(memory.idle, case):
            step.wanted = 0
            step.hold("NotIdleYet", why, 1)
    step.wanted = max(step.wanted, 1)
    _stabilize(step, memory, case, asked)
    staying = case.supply.staying
    least = min(
        limits.down(staying, rules, case.tuning.down, limits.recent(memory.changes, case.now)), current
    )
    step.hold("RateLimited", "scaleDown allows no more at once", max(step.wanted, least))
    return step


def may_sleep(memory: Memory, case: Case, ghosts: frozenset[str]) -> bool:
    """Return whether the pool may go to zero, whatever is kept in reserve."""
    policy = case.policy
    if policy.min_replicas or policy.scale_down.select == "Disabled":
        return False
    return not idle.why_awake(memory.idle, case, ghosts)


def _stabilize(step: Step, memory: Memory, case: Case, asked: Asked) -> None:
    """Hold what the last window needed, and what would make those that stay too full."""
    current, tuning = case.supply.desired, case.tuning
    span = window.down_seconds(case.policy.scale_down, case.start.p90, tuning)
    highest = min(window.within(memory.highs, case.now, span) or 0, current)
    step.hold("HeldBack", f"{highest} were needed within the last {span:.0f} s", max(step.wanted, highest))
    busy = max(asked.replicas(terms.KV_CACHE), asked.replicas(terms.CONCURRENCY)) / tuning.consolidation
    fitting = min(ceil(busy), current)
    why = f"those that stay would be more than {tuning.consolidation:.0%} full"
    step.hold("HeldBack", why, max(step.wanted, fitting))
