"""How many replicas one pool should have, and why.

Owns the order in which a decision is made: what was seen, what each signal asks for, how far to go at once, what bounds
it. Every part is a module of its own. Must not do I/O, read a clock, or share accelerators between pools.
"""

from dataclasses import replace
from math import ceil

from tidegate_operator.scaling import (
    bins,
    capacity,
    coldstart,
    explain,
    idle,
    limits,
    schedule,
    signals,
    steps,
    terms,
    trim,
    window,
)
from tidegate_operator.scaling.case import Case
from tidegate_operator.scaling.facts import Clamp, ColdStart, Decision, Policy, Sample, Supply, Term
from tidegate_operator.scaling.memory import EMPTY, Memory, recall, remember
from tidegate_operator.scaling.steps import Step
from tidegate_operator.scaling.terms import Asked
from tidegate_operator.scaling.tuning import DEFAULT, Tuning

__all__ = ["EMPTY", "Memory", "decide", "recall", "remember"]


def decide(  # noqa: PLR0917 - what is known, measured, there, asked for: in this order everywhere
    memory: Memory,
    sample: Sample,
    supply: Supply,
    policy: Policy,
    cold_start: ColdStart,
    now: float,
    *,
    demand_mark: float | None = None,
    tuning: Tuning = DEFAULT,
) -> tuple[Decision, Memory]:
    """Return the replicas that a pool should have at `now`, and what to remember until the next decision.

    To be called every ten seconds, and at once when a mark appears: `demand_mark` is the Unix time of the newest that
    a gateway has set because it holds requests for want of a worker. A sample may be given twice and counts once.
    The same arguments give the same result.
    """
    seen = signals.see(sample, supply, now, tuning)
    start = coldstart.override(cold_start, policy.cold_start_seconds)
    case = Case(seen, supply, policy, start, now, tuning)
    # A clock that was set back makes a sample look old that is not.
    is_new = memory.sampled_at is None or not 0 <= memory.sampled_at - seen.at <= tuning.stale_seconds
    memory = _observe(memory, case, demand_mark, is_new)
    ghosts = idle.ghosts(memory.idle, case)
    over_since = idle.over_since(memory.idle, case)
    history = bins.since(memory.bins, over_since)
    asked = terms.ask(case, memory.learned, history, memory.trim.planned(tuning), ghosts)
    if over_since is not None:
        # What was asked for since then was reserve.
        memory = replace(memory, highs=())
    if is_new:
        memory, asked = _correct(memory, case, asked)
    step, binding, memory = _settle(memory, case, asked, ghosts)
    floor, floor_name = schedule.floor(policy.schedules, now, start.p90)
    wanted, bounds = limits.bound(step.wanted, policy, floor, floor_name)
    if supply.desired == 0 and wanted > 0:
        memory = replace(memory, idle=idle.wake(memory.idle, now))
    if is_new:
        # What this sample teaches counts from the next one on: more that waits must never ask for less.
        memory = replace(memory, learned=capacity.learn(memory.learned, seen, tuning))
    clamps = (*step.clamps, *bounds)
    decision = Decision(now, supply.desired, wanted, asked.terms, binding, clamps, asked.missing)
    return replace(decision, message=explain.message(decision)), memory


def _observe(memory: Memory, case: Case, mark: float | None, is_new: bool) -> Memory:
    """Return the memory with what was seen: changes of the replicas, requests, and a bin of demand."""
    seen, supply = case.seen, case.supply
    found = replace(
        memory,
        changes=limits.remember_change(memory.changes, memory.decided_at, memory.staying, supply.staying),
        staying=supply.staying,
        decided_at=case.now,
        idle=idle.note(memory.idle, case, mark, is_first=memory.staying is None),
    )
    if not is_new:
        return found
    failures = memory.failures + 1 if seen.is_nothing and supply.desired else 0
    found = replace(found, sampled_at=seen.at, failures=failures)
    demand = seen.demand
    if demand is None or seen.interval_seconds <= 0:
        return found
    new = bins.Bin(seen.at, seen.interval_seconds, demand.arrived_requests, demand.arrived_prompt_tokens)
    return replace(found, bins=bins.add(memory.bins, new, case.tuning.history_seconds))


def _correct(memory: Memory, case: Case, asked: Asked) -> tuple[Memory, Asked]:
    """Return the terms with one for the objective, if it has been missed for long."""
    if case.seen.demand is None or case.policy.ttft_slo_seconds is None:
        return memory, asked
    load = asked.most.replicas if asked.most else 0.0
    found, is_missed = trim.step(memory.trim, case.seen.demand, case, load)
    memory = replace(memory, trim=found)
    if not is_missed or found.attainment is None:
        return memory, asked
    term = Term(terms.ATTAINMENT, found.attainment, case.tuning.goal, case.supply.desired + 1.0)
    return memory, replace(asked, terms=(*asked.terms, term))


def _settle(memory: Memory, case: Case, asked: Asked, ghosts: frozenset[str]) -> tuple[Step, str, Memory]:
    """Return the step, the binding term or what stands for it, and the memory with what was asked for."""
    current, most = case.supply.desired, asked.most
    need = max(ceil(most.replicas - case.tuning.tolerance), 0) if most else 0
    if current == 0 and not idle.is_asked_for(memory.idle, case):
        return Step(0), "Asleep", memory
    if current == 0:
        memory = _push(memory, case, max(need, 1))
        return steps.rise(memory, case, max(need, 1)), "HeldRequests", memory
    if most is None or case.seen.is_nothing:
        return *_blind(memory, case), memory
    memory = _push(memory, case, need)
    binding = most.name if most.replicas > 0 else "Idle"
    if steps.may_sleep(memory, case, ghosts):
        return Step(0), binding, memory
    if need > current:
        return steps.rise(memory, case, need), binding, memory
    return steps.fall(memory, case, asked, need, ghosts), binding, memory


def _blind(memory: Memory, case: Case) -> tuple[Step, str]:
    """Return what to do when nothing was measured: keep what there is, or the user's fallback if that is more."""
    current, fallback = case.supply.desired, case.policy.fallback
    why = "; ".join(dict.fromkeys(case.seen.missing.values()))
    if fallback and memory.failures >= fallback.failure_threshold and fallback.replicas > current:
        said = f"fallback.replicas is {fallback.replicas}, and for {memory.failures} times {why}"
        return Step(fallback.replicas, [Clamp("Fallback", said, current, fallback.replicas)]), "NoData"
    return Step(current, [Clamp("HeldMissingMetrics", why, current, current)]), "NoData"


def _push(memory: Memory, case: Case, need: int) -> Memory:
    """Return the memory with what is asked for. After a gap, or at the start, what there is counts as asked for too."""
    now = case.now
    highs, lows = memory.highs, window.push_low(memory.lows, (now, need))
    if case.seen.is_complete:
        if memory.completed_at is None or now - memory.completed_at > case.tuning.stale_seconds:
            highs = window.push_high(highs, (now, case.supply.desired))
        memory = replace(memory, completed_at=now)
    return replace(memory, highs=window.push_high(highs, (now, need)), lows=lows)
