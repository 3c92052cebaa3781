"""`python -m tidegate_bench engine`: what each technique gives on a real vLLM on this machine's CPU.

Owns the order and the report. The engines of a technique run side by side and are asked in turns, forwards and
backwards, round by round; a figure is the median of what was paired in a round. A run beside other work proves nothing.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

from tidegate_bench import results
from tidegate_bench.results import Goal
from tidegate_bench.sim import real
from tidegate_bench.sim.stage import Watch
from tidegate_bench.techniques import weights, witness
from tidegate_bench.techniques.batching import BATCHING
from tidegate_bench.techniques.table import TECHNIQUES
from tidegate_bench.techniques.technique import SEED, Figures, Technique

ROUNDS: Final = 7
PARTS: Final = (*(technique.name for technique in TECHNIQUES), "weights")
MOST_FOREIGN: Final = 0.25


@dataclass(slots=True)
class Measured:
    """Everything measured in one run."""

    model: str = ""
    rounds: dict[str, list[dict[str, Figures]]] = field(default_factory=dict)
    # Bytes by form.
    weights: dict[str, dict[str, int]] = field(default_factory=dict)
    # guidellm's figures by engine.
    witness: dict[str, Figures] = field(default_factory=dict)
    # Cores that others used beside each technique.
    foreign: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """vLLM's Python, the model's directory, and where logs go."""

    python: Path
    model: Path
    logs: Path


def main(count: int = ROUNDS, parts: Sequence[str] = PARTS, force: bool = False) -> int:
    """Run the benchmark; return 1 if it is void."""
    measured = Measured()
    python = real.interpreter()
    model = real.small_model(python)
    measured.model = model.name
    with tempfile.TemporaryDirectory() as name:
        place = _Place(python, model, Path(name))
        for technique in TECHNIQUES:
            if technique.name in parts:
                _measure(technique, place, count, measured)
        if "weights" in parts:
            measured.weights = weights.weigh(python, model, place.logs)
    return conclude(measured, force)


def _measure(technique: Technique, place: _Place, count: int, measured: Measured) -> None:
    """Run all rounds of a technique, and the witness where it is the one that is witnessed."""
    rounds = measured.rounds.setdefault(technique.name, [])
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(
                real.serving(place.python, place.model, flags, place.logs, f"{technique.name}-{number}")
            )
            for number, (name, flags) in enumerate(technique.engines.items())
        }
        ports = {name: running.port for name, running in engines.items()}
        # The first answers compile and fill what later ones find.
        _round(technique, ports, "warm", backwards=False)
        watch = Watch([running.pid for running in engines.values()])
        for number in range(count):
            rounds.append(_round(technique, ports, f"round {number}", backwards=number % 2 == 1))
            print(f"{technique.name}: round {number + 1} of {count}", file=sys.stderr)
        measured.foreign[technique.name] = watch.lap()
        if technique is BATCHING:
            for name, port in ports.items():
                measured.witness[name] = witness.measure(port, place.model, place.logs / f"{name}.json")


def _round(technique: Technique, ports: Mapping[str, int], label: str, backwards: bool) -> dict[str, Figures]:
    arms = technique.arms[::-1] if backwards else technique.arms
    seed = f"{SEED} {technique.name} {label}"
    return {arm.name: uvloop.run(arm.measure(ports[arm.engine], seed)) for arm in arms}


def conclude(measured: Measured, force: bool) -> int:
    """Tell and keep what was measured."""
    goals = judged(measured)
    for technique, rounds in measured.rounds.items():
        for arm in rounds[0] if rounds else ():
            told = ", ".join(f"{name} {results.short(value)}" for name, value in rounds[-1][arm].items())
            print(f"{technique}, {arm}: {told}")
    found = faults(measured)
    content = {
        "seed": SEED,
        "model": measured.model,
        "rounds": measured.rounds,
        "weights": measured.weights,
        "witness": measured.witness,
        "foreign_cores": measured.foreign,
        "void": found,
    }
    results.write("engine", content, goals)
    if found and not force:
        print("void:", *found, sep="\n  ")
        return 1
    results.conclude(goals)
    return 0


def judged(measured: Measured) -> list[Goal]:
    """Return the goals of a run."""
    goals = [
        goal
        for technique in TECHNIQUES
        if measured.rounds.get(technique.name)
        for goal in technique.judge(measured.rounds[technique.name])
    ]
    return goals + (weights.judge(measured.weights) if measured.weights else [])


def faults(measured: Measured) -> list[str]:
    """Return why a run proves nothing: an engine on a CPU wants all cores, and waits in spinning for the slowest."""
    return [
        f"others used {busy:.2f} cores beside {name}"
        for name, busy in measured.foreign.items()
        if busy > MOST_FOREIGN
    ]
