"""`python -m tidegate_bench routing`: what of prompts is found in caches, how long they wait, how even the load is.

Owns the order and the report. Eight simulated engines stand behind our gateway with each strategy, the cache-aware
routers of others, and no gateway but the client's round robin; all play the same traces in every round. A run in which
an answer was wrong, the engines could not keep their pace, or others used the machine is void.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import uvloop

from tidegate_api.keys import new_key
from tidegate_bench import peers, results
from tidegate_bench.routing.arms import PEERS, Stage, staged
from tidegate_bench.routing.decision import Decisions, Desk
from tidegate_bench.routing.goals import judged
from tidegate_bench.routing.loads import LOADS, PROFILE, SECONDS, WORKERS
from tidegate_bench.routing.rounds import SEED, Rounds, run_round
from tidegate_bench.sim.stage import Watch
from tidegate_bench.statistics import interval

ROUNDS: Final = 7
DECISIONS: Final = 2000
# Cores that others may use, in the median round; how late engines may be, per second and engine.
MOST_FOREIGN: Final = 0.25
MOST_LAG: Final = 0.02
SHOWN: Final = (
    ("hit_ratio", "cached/optimum"),
    ("first_token_p50", "first token p50 ms"),
    ("first_token_p90", "p90 ms"),
    ("tokens_per_second", "tok/s"),
    ("request_unevenness", "max/mean requests"),
    ("work_unevenness", "max/mean work"),
)


@dataclass(slots=True)
class Measured:
    """Everything measured in one run."""

    seconds: float
    rounds: dict[str, Rounds]
    decisions: list[Decisions] = field(default_factory=list)
    # Cores that others used, round by round.
    foreign: list[float] = field(default_factory=list)
    # Peers that this machine cannot have, with the reason.
    absent: dict[str, str] = field(default_factory=dict)


def main(
    count: int = ROUNDS,
    loads: Sequence[str] = tuple(LOADS),
    seconds: float = SECONDS,
    force: bool = False,
) -> int:
    """Run the benchmark; return 1 if it is void."""
    key = new_key()
    measured = Measured(seconds, {name: Rounds() for name in loads})
    with tempfile.TemporaryDirectory() as logs, staged(key, Path(logs)) as stage:
        measured.absent.update(stage.absent)
        uvloop.run(_measure(stage, key, measured, count))
    desk = Desk(SEED)
    desk.round(DECISIONS)
    measured.decisions = [desk.round(DECISIONS) for _ in range(count)]
    return conclude(measured, force)


async def _measure(stage: Stage, key: str, measured: Measured, count: int) -> None:
    await stage.ready(key)
    watch = Watch(stage.pids)
    for number in range(count):
        for name, rounds in measured.rounds.items():
            rounds.rounds.append(await run_round(stage, key, name, number, measured.seconds))
        measured.foreign.append(watch.lap())
        told = f"round {number + 1} of {count}: others used {measured.foreign[-1]:.2f} cores"
        print(told, file=sys.stderr)


def conclude(measured: Measured, force: bool) -> int:
    """Tell and keep what was measured; return 1 if it is void."""
    for name, rounds in measured.rounds.items():
        print(f"\n{name}: {_told(name)}")
        for arm in rounds.arms:
            figures = (f"{label} {_figure(rounds.of(arm, what))}" for what, label in SHOWN)
            print(f"  {arm}: {', '.join(figures)}")
    half = _figure([each.p50 for each in measured.decisions])
    print(f"\ndecision, 64 workers, 8,192 tokens: p50 {half} µs CPU")
    for name, reason in measured.absent.items():
        print(f"{name} is absent: {reason}")
    found = faults(measured)
    goals = judged(measured.rounds, measured.decisions)
    results.write("routing", _content(measured, found), goals)
    if found:
        print("void:", *found, sep="\n  ")
        if not force:
            return 1
    results.conclude(goals)
    return 0


def _told(name: str) -> str:
    load = LOADS[name]
    return f"{load.limit} at a time" if load.limit else f"{load.per_second:.0f} requests/s"


def _figure(values: Sequence[float]) -> str:
    figure = interval(values, SEED)
    return f"{results.short(figure.value)} ({results.short(figure.low)}..{results.short(figure.high)})"


def faults(measured: Measured) -> list[str]:
    """Return why a run proves nothing."""
    found = []
    for name, rounds in measured.rounds.items():
        for number, samples in enumerate(rounds.rounds, 1):
            found += [f"{name} round {number}: {s.fault}" for s in samples.values() if s.fault]
        for arm in rounds.arms:
            lag = median(rounds.of(arm, "lag_seconds")) / (measured.seconds * WORKERS)
            if lag > MOST_LAG:
                found.append(f"{name}: behind {arm} the engines were {lag:.0%} late")
    if measured.foreign and median(measured.foreign) > MOST_FOREIGN:
        found.append(f"others used {median(measured.foreign):.2f} cores in the median round")
    return found


def _content(measured: Measured, found: list[str]) -> dict[str, object]:
    return {
        "seed": SEED,
        "peers": {name: peers.by_name(name).version for name in PEERS},
        "absent": measured.absent,
        "engines": {"count": WORKERS, **msgspec.structs.asdict(PROFILE)},
        "seconds": measured.seconds,
        "loads": {name: asdict(LOADS[name]) for name in measured.rounds},
        "rounds": {
            name: [{arm: asdict(sample) for arm, sample in samples.items()} for samples in rounds.rounds]
            for name, rounds in measured.rounds.items()
        },
        "decision_microseconds": [{"p50": each.p50, "p99": each.p99} for each in measured.decisions],
        "foreign_cores": measured.foreign,
        "void": found,
    }
