"""`python -m tidegate_bench qos`: who waits, and how long, at three times the load that fits.

Owns the order and the report. Measured over sockets: class high alone, all requests as one class where they just fit,
and three times as many, with classes and as one class. In simulated time: what class low gets in any minute. On the
dispatcher alone: whether anybody ever went before a higher class. A run in which an answer was wrong, the engines could
not keep their pace, or others used the machine is void.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import uvloop

from tidegate_api.names import QosClass
from tidegate_bench import results
from tidegate_bench.qos import inversions, windows
from tidegate_bench.qos.arms import PROFILE, WORKERS, Stage, Target, staged
from tidegate_bench.qos.goals import judged
from tidegate_bench.qos.inversions import Counted
from tidegate_bench.qos.rounds import SEED, Rounds, Times, find_fits, run_round
from tidegate_bench.qos.traffic import OVERLOAD
from tidegate_bench.qos.windows import Long
from tidegate_bench.sim.stage import Watch
from tidegate_bench.statistics import interval

ROUNDS: Final = 7
ADMISSIONS: Final = 100_000
LONG_SECONDS: Final = 180.0
LONG_RUNS: Final = 3
MOST_FOREIGN: Final = 0.25
MOST_LAG: Final = 0.02
# Two tenants, as on a real engine: what class medium would have is class low's.
TWO_CLASSES: Final[Mapping[QosClass, float]] = {"high": 0.3, "low": 2.7}
PARTS: Final = ("sockets", "minutes", "inversions")


@dataclass(slots=True)
class Measured:
    """Everything measured in one run."""

    rounds: Rounds = field(default_factory=Rounds)
    longs: list[Long] = field(default_factory=list)
    # Without minimum shares, and with them.
    strict: Counted | None = None
    shared: Counted | None = None
    foreign: list[float] = field(default_factory=list)


def main(
    count: int = ROUNDS,
    parts: Sequence[str] = PARTS,
    target: Target | None = None,
    times: Times | None = None,
    force: bool = False,
) -> int:
    """Run the benchmark; return 1 if it is void."""
    times = times or Times()
    measured = Measured()
    if "sockets" in parts:
        with tempfile.TemporaryDirectory() as logs, staged(Path(logs), target) as stage:
            uvloop.run(_measure(stage, measured, count, times))
    if "minutes" in parts:
        runs = range(min(count, LONG_RUNS))
        measured.longs = [windows.overload(PROFILE, LONG_SECONDS, SEED + number) for number in runs]
    if "inversions" in parts:
        measured.strict = inversions.count(ADMISSIONS, SEED, min_shares=False)
        measured.shared = inversions.count(ADMISSIONS // 10, SEED, min_shares=True)
    return conclude(measured, target, times, force)


async def _measure(stage: Stage, measured: Measured, count: int, times: Times) -> None:
    await stage.ready()
    rounds = measured.rounds
    rounds.fits = await find_fits(stage)
    overload = OVERLOAD if stage.target.engines is not None else TWO_CLASSES
    watch = Watch(stage.pids)
    for number in range(count):
        rounds.rounds.append(await run_round(stage, rounds.fits, overload, number, times))
        measured.foreign.append(watch.lap())
        told = f"round {number + 1} of {count}: others used {measured.foreign[-1]:.2f} cores"
        print(told, file=sys.stderr)


def conclude(measured: Measured, target: Target | None, times: Times, force: bool) -> int:
    """Tell and keep what was measured; return 1 if it is void."""
    _tell(measured)
    found = faults(measured, target, times)
    goals = judged(measured.rounds, measured.longs, measured.strict)
    results.write("qos", _content(measured, target, times, found), goals)
    if found:
        print("void:", *found, sep="\n  ")
        if not force:
            return 1
    results.conclude(goals)
    return 0


def _tell(measured: Measured) -> None:
    rounds = measured.rounds.rounds
    if rounds:
        print(f"{measured.rounds.fits:.1f} requests/s fit")
    for name in rounds[0] if rounds else ():
        print(f"\n{name}")
        for qos_class in rounds[0][name].p50:
            told = (
                f"first token p50 {_figure([r[name].p50[qos_class] for r in rounds])} ms, "
                f"p99 {_figure([r[name].p99[qos_class] for r in rounds])} ms, "
                f"{_figure([r[name].tokens_per_second[qos_class] for r in rounds])} tok/s, "
                f"{median(r[name].refused[qos_class] for r in rounds):.0f} refused"
            )
            print(f"  {qos_class}: {told}")
    for each in measured.longs:
        print(
            f"\n{LONG_SECONDS:.0f} s in simulated time: class low has {each.low_share:.3f} of the admitted tokens"
        )
        print(
            f"  in its worst minute {each.least_low_share:.3f}; goodput {each.goodput_ratio:.3f} of the knee's"
        )
        print(f"  class high: p99 {each.high_p99_ms:.0f} ms, alone {each.unloaded_p99_ms:.0f} ms")
    for label, counted in (("without", measured.strict), ("with", measured.shared)):
        if counted is not None:
            part = counted.inverted_tokens / counted.tokens
            print(f"\n{label} minimum shares: {part:.4f} of the admitted tokens went before a higher class")


def _figure(values: Sequence[float]) -> str:
    figure = interval(values, SEED)
    return f"{results.short(figure.value)} ({results.short(figure.low)}..{results.short(figure.high)})"


def faults(measured: Measured, target: Target | None, times: Times) -> list[str]:
    """Return why a run proves nothing."""
    found = []
    for number, samples in enumerate(measured.rounds.rounds, 1):
        found += [f"round {number}, {name}: {s.fault}" for name, s in samples.items() if s.fault]
    for name in measured.rounds.rounds[0] if measured.rounds.rounds else ():
        lag = median(r[name].lag_seconds for r in measured.rounds.rounds) / (times.all * WORKERS)
        if lag > MOST_LAG:
            found.append(f"{name}: the engines were {lag:.0%} late")
    # A real engine is somebody else's process.
    if target is None and measured.foreign and median(measured.foreign) > MOST_FOREIGN:
        found.append(f"others used {median(measured.foreign):.2f} cores in the median round")
    return found


def _content(measured: Measured, target: Target | None, times: Times, found: list[str]) -> dict[str, object]:
    engines: dict[str, object] = {"count": WORKERS, **msgspec.structs.asdict(PROFILE)}
    if target is not None:
        engines = {"host": target.host, "port": target.ports[0], "model": target.model}
    return {
        "seed": SEED,
        "engines": engines,
        "seconds": asdict(times),
        "overload": OVERLOAD if target is None else TWO_CLASSES,
        "fits_per_second": measured.rounds.fits,
        "rounds": [{n: asdict(s) for n, s in samples.items()} for samples in measured.rounds.rounds],
        "simulated_minutes": [asdict(each) for each in measured.longs],
        "inversions": [asdict(each) for each in (measured.strict, measured.shared) if each is not None],
        "foreign_cores": measured.foreign,
        "void": found,
    }
