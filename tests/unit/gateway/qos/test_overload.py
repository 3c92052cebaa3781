"""Three times more than the workers can do: who is served, in which order, and how much of it."""

from collections import Counter, defaultdict
from functools import cache
from statistics import median

import pytest

from tidegate_api.names import QosClass
from tidegate_gateway.directory import DEFAULT_CLASSES, ClassPolicy
from tidegate_gateway.qos.lanes import CLASSES
from unit.gateway.qos.simulation import Admission, Load, Simulation, shares

# Requests per second that 4 engines with 64 places can do, at 350 tokens each and 50 tokens/s per place.
CAPACITY = 4 * 64 * 50 / 350


def load(qos_class: QosClass, times: float, tenant: str = "acme") -> Load:
    return Load(tenant, qos_class, CAPACITY * times, lambda rng: rng.randint(100, 600))


def simulate(*loads: Load, admissions: int, seed: int = 1) -> Simulation:
    return Simulation(list(loads), seed=seed, engines=4, places=64).run(admissions=admissions)


@cache
def overload(mix: tuple[float, float, float], admissions: int) -> Simulation:
    """Return the same simulation to each test that looks at it."""
    loads = [load(name, times) for name, times in zip(CLASSES, mix, strict=True) if times]
    return simulate(*loads, admissions=admissions)


def inversions(admissions: list[Admission]) -> tuple[int, list[str]]:
    """Return how many were admitted before a waiting higher class, and those that no minimum share explains.

    A minimum share explains those within that share of everything admitted while their class waited; how much of it a
    class may go over for whole requests is a hundredth.
    """
    explained = 0
    unexplained = []
    while_waiting: Counter[QosClass] = Counter()
    before_higher: Counter[QosClass] = Counter()
    for admission in admissions:
        own = admission.ticket.qos_class
        for name in CLASSES:
            if admission.waiting[name] or name == own:
                while_waiting[name] += admission.tokens
        if any(admission.waiting[name] for name in CLASSES[: CLASSES.index(own)]):
            before_higher[own] += admission.tokens
            allowed = (DEFAULT_CLASSES[own].min_share + 0.01) * while_waiting[own] + 600
            if before_higher[own] > allowed:
                unexplained.append(
                    f"{own} at {admission.at:.1f} s: {before_higher[own]} of {allowed:.0f} tokens"
                )
            else:
                explained += 1
    return explained, unexplained


# Times the capacity. Together three times, and in the second case nearly all of it of one class.
MIXES = [(1, 1, 1), (2.6, 0.2, 0.2), (0.5, 1.25, 1.25), (0.3, 0.0, 2.7)]


@pytest.mark.parametrize(
    "admissions", [6000, pytest.param(25_000, marks=pytest.mark.slow)], ids=["short", "100000 in all"]
)
@pytest.mark.parametrize("mix", MIXES, ids=str)
def test_no_lower_class_goes_first_beyond_its_minimum_share(
    mix: tuple[float, float, float], admissions: int
) -> None:
    explained, unexplained = inversions(overload(mix, admissions).admissions)
    assert unexplained == []
    # Where the higher classes alone are too much, there are some, or this would test nothing.
    assert (explained > 0) == (mix[0] + mix[1] > 1)


@pytest.mark.parametrize(
    "admissions", [6000, pytest.param(25_000, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_each_class_gets_its_minimum_share_in_every_minute(admissions: int) -> None:
    simulation = overload((1, 1, 1), admissions)
    begin = 20.0
    while begin + 60 < simulation.now:
        found = shares(simulation.admissions, begin, begin + 60)
        assert found["low"] >= 0.05
        assert found["medium"] >= 0.25
        assert found["high"] >= 0.68
        begin += 1


def test_the_workers_stay_busy_and_their_own_queues_short() -> None:
    simulation = overload((1, 1, 1), 6000)
    assert simulation.tokens_served / simulation.now >= 0.95 * 4 * 64 * 50
    assert max(len(engine.waiting) for engine in simulation.engines) <= 8


def test_without_reports_everything_goes_on() -> None:
    loads = [load(name, 1) for name in CLASSES]
    simulation = Simulation(loads, engines=4, places=64, reports=False).run(seconds=120)
    assert simulation.tokens_served / simulation.now >= 0.85 * 4 * 64 * 50


def test_class_high_hardly_waits_for_those_that_are_too_many() -> None:
    simulation = simulate(load("high", 0.3), load("low", 2.7), admissions=5000)
    waits = sorted(simulation.waits["high"])
    assert waits[len(waits) // 2] == 0.0
    # An answer takes 7 s; a place is free every 30 ms.
    assert waits[int(len(waits) * 0.99)] <= 0.5
    assert not [reason for (name, reason) in simulation.refused if name == "high"]


def test_a_tenant_that_floods_takes_its_part_and_leaves_the_others_theirs() -> None:
    flood = load("medium", 2.5, "flood")
    others = [load("medium", 0.06, f"tenant-{i}") for i in range(9)]
    simulation = simulate(flood, *others, admissions=6000)
    waits = defaultdict(list)
    tokens: Counter[str] = Counter()
    for admission in simulation.admissions:
        if admission.at < 30:
            # Credits are still being learned.
            continue
        waits[admission.ticket.tenant].append(admission.at - admission.ticket.queued_at)
        tokens[admission.ticket.tenant] += admission.tokens
    assert median(waits["flood"]) > 2.0
    for i in range(9):
        times = sorted(waits[f"tenant-{i}"])
        assert times[int(len(times) * 0.95)] <= 1.0
        # All of what they asked for, but for what is under way.
        assert tokens[f"tenant-{i}"] == pytest.approx(0.06 * CAPACITY * (simulation.now - 30) * 350, rel=0.15)


def test_a_minimum_share_of_nothing_waits_until_nobody_else_does() -> None:
    classes = {
        name: ClassPolicy("shared", share, 100, 30)
        for name, share in zip(CLASSES, (1.0, 0.0, 0.0), strict=True)
    }
    loads = [load("high", 3), load("low", 1)]
    simulation = Simulation(loads, engines=4, places=64, classes=classes).run(admissions=3000)
    late = [a for a in simulation.admissions if a.at > 30 and a.ticket.qos_class == "low"]
    assert late == []
