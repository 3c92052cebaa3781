"""When rounds prove nothing, and what they are worth otherwise."""

from dataclasses import dataclass, replace

import pytest

from tidegate_bench.gateway.arms import DIRECT, OURS
from tidegate_bench.gateway.gate import CEILINGS, above
from tidegate_bench.gateway.goals import best_rust_router, judged
from tidegate_bench.gateway.latency import Waits
from tidegate_bench.gateway.loads import LOADS, SLOW
from tidegate_bench.gateway.measured import Measured
from tidegate_bench.gateway.rounds import Round, Rounds, Sample


def sample(load: str, cpu_us: float, seconds: float, slow: bool = False) -> Sample:
    asked = 2 * (SLOW if slow else LOADS)[load].requests
    units = asked * max(1, LOADS[load].chunks)
    return Sample(cpu=cpu_us * units / 1e6, seconds=seconds, answers=asked, tokens=asked * LOADS[load].chunks)


def rounds(load: str, **arms: tuple[float, float]) -> Rounds:
    """Return three equal rounds; each arm is µs of CPU per unit and seconds."""
    one: Round = {name.replace("_", "-"): sample(load, *values) for name, values in arms.items()}
    return Rounds(load, rounds=[one, one, one])


GOOD = {"direct": (0, 1.0), "ours": (80, 2.0), "vllm_router": (160, 3.0)}


@dataclass(frozen=True)
class Case:
    told: str
    load: str
    arm: str
    change: dict[str, float]
    want: str

    def __str__(self) -> str:
        return self.told


CASES = [
    Case("a wrong answer", "json", OURS, {"wrong": 1}, "ours gave 1 wrong"),
    Case("a missing answer", "json", OURS, {"answers": 3999}, "of 3999 answers, 4000 expected"),
    Case("a missing token", "sse", OURS, {"tokens": 12799}, "ours gave 0 wrong"),
    Case("a gateway faster than none", "json", OURS, {"seconds": 0.99}, "ours took 0.990 s, direct 1.000"),
    Case("a stream clearly faster than its engine", "sse", OURS, {"seconds": 0.9}, "the load was the limit"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_such_rounds_are_void(case: Case) -> None:
    made = rounds(case.load, **GOOD)
    made.rounds = [{**r, case.arm: replace(r[case.arm], **case.change)} for r in made.rounds]
    faults = made.faults()
    assert faults
    assert all(case.want in fault for fault in faults)


def test_good_rounds_are_not_void() -> None:
    assert rounds("json", **GOOD).faults() == []
    # The engine sets the pace of a stream.
    assert rounds("sse", direct=(0, 1.0), ours=(10, 0.99)).faults() == []


def test_a_slow_arm_is_asked_less_and_need_not_be_slower_than_direct() -> None:
    made = Rounds("json", slow=frozenset({"litellm"}))
    made.rounds = [{DIRECT: sample("json", 0, 1.0), "litellm": sample("json", 9000, 0.5, slow=True)}]
    assert made.faults() == []


def measured(**loads: Rounds) -> Measured:
    return Measured(rounds=dict(loads))


def test_the_best_rust_router_is_the_one_that_costs_least() -> None:
    found = measured(
        sse=rounds("sse", direct=(0, 1), ours=(9, 1), smg=(12, 1), vllm_router=(11, 1), nginx=(1, 1))
    )
    assert best_rust_router(found, "sse") == "vllm-router"
    assert best_rust_router(measured(), "sse") is None


def test_goals_compare_in_the_same_round_and_leave_out_what_was_not_measured() -> None:
    found = measured(
        json=rounds("json", **GOOD, litellm=(10_000, 9.0)),
        sse=rounds("sse", direct=(0, 1), ours=(9, 1), vllm_router=(10, 1)),
    )
    assert [goal.line() for goal in judged(found)] == [
        "goal gateway-cpu-per-json-request-to-vllm-router 0.5 ×vllm-router (0.5..0.5) ≤0.5 met",
        "goal gateway-cpu-per-json-request-to-litellm 0.008 ×litellm (0.008..0.008) ≤0.01 met",
        "goal gateway-cpu-per-sse-chunk-to-vllm-router 0.9 ×vllm-router (0.9..0.9) ≤0.8 short",
    ]


def test_what_is_added_to_a_first_token_is_against_direct_in_the_same_round() -> None:
    waits = Waits(fresh=False)
    waits.rounds = [
        {DIRECT: [0.2, 0.2, 1.0], OURS: [0.5, 0.5, 3.0]},
        {DIRECT: [9.2, 9.2, 9.5], OURS: [9.5, 9.5, 44.0]},
    ]
    lines = [goal.line() for goal in judged(Measured(waits=[waits]))]
    assert lines[0] == "goal gateway-first-token-added-p50-reused 0.3 ms (0.3..0.3) ≤0.5 met"
    assert lines[1].startswith("goal gateway-first-token-added-p99-reused 18.2 ms (2..34.5)")
    assert lines[2].endswith("short")


@pytest.mark.parametrize(
    ("ratio", "failures"),
    [(0.9, 0), (1.15, 0), (1.25, 1)],
    ids=["better", "within a fifth", "beyond a fifth"],
)
def test_the_slice_fails_beyond_a_fifth_above_what_full_runs_gave(ratio: float, failures: int) -> None:
    json_, sse = CEILINGS
    theirs = 100.0
    found = measured(
        json=rounds("json", direct=(0, 1), ours=(theirs * json_.mean * ratio, 1), vllm_router=(theirs, 1)),
        sse=rounds("sse", direct=(0, 1), ours=(theirs * sse.mean * 0.5, 1), vllm_router=(theirs, 1)),
    )
    assert len(above(found)) == failures
