"""`python -m tidegate_bench calibrate`: how true the simulated engine is to vLLM on this machine's CPU.

Owns the order and the report. One pass of a small mixed workload over a real vLLM gives the profile; then both get the
same new workload, round by round, and their median times are compared. All in one run, on one machine.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import uvloop

from tidegate_bench import results
from tidegate_bench.results import Goal
from tidegate_bench.sim import real, stage
from tidegate_bench.sim.fit import COLUMNS, Seen, fit, rows_alone, rows_together
from tidegate_bench.sim.probe import ask_all, questions
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.stage import Watch
from tidegate_bench.statistics import interval

SEED: Final = 20261121
ROUNDS: Final = 3
# Clients at a time, and how many questions these ask in a pass.
CLIENTS: Final[Mapping[int, int]] = {1: 8, 4: 24, 8: 40}
LIMIT: Final = 0.15
MOST_FOREIGN: Final = 0.15

Pass = dict[int, list[Seen]]


@dataclass(slots=True)
class Measured:
    """Everything measured in one run."""

    model: str = ""
    profile: Profile = real.LIMITS
    real: list[Pass] = field(default_factory=list)
    simulated: list[Pass] = field(default_factory=list)
    # Cores that others used beside vLLM, and beside the simulated engine.
    foreign: list[float] = field(default_factory=list)


def main(count: int = ROUNDS, tiny: bool = False) -> int:
    """Run the calibration; raises RuntimeError if vLLM or an answer failed."""
    measured = Measured()
    with tempfile.TemporaryDirectory() as name:
        logs = Path(name)
        with real.vllm(logs, tiny) as running:
            measured.model = running.model
            # The first answers compile and fill what later ones find.
            uvloop.run(_pass(running.port, "warm"))
            watch = Watch([running.pid])
            measured.profile = fitted(uvloop.run(_pass(running.port, "fit")))
            measured.real = [uvloop.run(_pass(running.port, f"round {number}")) for number in range(count)]
            measured.foreign.append(watch.lap())
        with stage.cores() as (_, rest), stage.engines(measured.profile, 1, rest, logs) as engines:
            (port,) = engines.ports
            watch = Watch([engines.pid])
            measured.simulated = [uvloop.run(_pass(port, f"round {number}")) for number in range(count)]
            measured.foreign.append(watch.lap())
    return conclude(measured)


async def _pass(port: int, label: str) -> Pass:
    seen = {}
    for clients, count in CLIENTS.items():
        asked = questions(count, f"{SEED} {label} {clients}")
        seen[clients] = await ask_all(port, real.MODEL, asked, clients)
    print(f"{label}: done", file=sys.stderr)
    return seen


def fitted(seen: Pass) -> Profile:
    """Return the profile that explains a pass."""
    rows = rows_alone(seen[1])
    for clients, answers in seen.items():
        if clients > 1:
            rows += rows_together(answers)
    return fit(rows, real.LIMITS)


def first_token(seen: Sequence[Seen]) -> float:
    """Return the median milliseconds to the first token."""
    return median(one.first_token for one in seen) * 1e3


def between_tokens(seen: Sequence[Seen]) -> float:
    """Return the median milliseconds between tokens."""
    return median(gap for one in seen for gap in one.gaps) * 1e3


FIGURES: Final = {"first-token": first_token, "between-tokens": between_tokens}


def errors(measured: Measured, clients: int, what: str) -> list[float]:
    """Return how far the simulated median is from the real one, round by round, as a share of the real one."""
    figure = FIGURES[what]
    return [
        abs(figure(simulated[clients]) - figure(truth[clients])) / figure(truth[clients])
        for truth, simulated in zip(measured.real, measured.simulated, strict=True)
    ]


def judged(measured: Measured) -> list[Goal]:
    """Return the goals of a run."""
    return [
        Goal(
            f"calibrate-{what}-p50-{clients}-clients",
            interval(errors(measured, clients, what), SEED),
            "of vLLM's",
            LIMIT,
        )
        for clients in CLIENTS
        for what in FIGURES
    ]


def conclude(measured: Measured) -> int:
    """Tell and keep what was measured."""
    told = {name: getattr(measured.profile, name) for name in COLUMNS}
    print(f"{measured.model}:", ", ".join(f"{name} {value:.3g}" for name, value in told.items()))
    table = _table(measured)
    for clients, figures in table.items():
        for what, (truth, simulated) in figures.items():
            print(f"{clients} clients, {what} p50: vLLM {truth:.1f} ms, simulated {simulated:.1f} ms")
    goals = judged(measured)
    found = faults(measured)
    content = {
        "seed": SEED,
        "model": measured.model,
        "profile": msgspec.structs.asdict(measured.profile),
        "clients": CLIENTS,
        "milliseconds": table,
        "foreign_cores": measured.foreign,
        "void": found,
        "errors": {
            f"{what} {clients}": errors(measured, clients, what) for clients in CLIENTS for what in FIGURES
        },
    }
    results.write("calibrate", content, goals)
    if found:
        print("void:", *found, sep="\n  ")
        return 1
    results.conclude(goals)
    return 0


def faults(measured: Measured) -> list[str]:
    """Return why a run proves nothing: vLLM wants all cores, and waits in spinning for the slowest."""
    busy = max(measured.foreign, default=0.0)
    return [f"others used {busy:.2f} cores"] if busy > MOST_FOREIGN else []


def _table(measured: Measured) -> dict[int, dict[str, tuple[float, float]]]:
    """Return vLLM's and the simulated median of all rounds, in milliseconds."""
    return {
        clients: {
            what: (
                median(figure(seen[clients]) for seen in measured.real),
                median(figure(seen[clients]) for seen in measured.simulated),
            )
            for what, figure in FIGURES.items()
        }
        for clients in CLIENTS
    }
