"""`python -m tidegate_bench gateway --slice`: a minute of the benchmark, as a gate.

Owns the ceilings. CPU per request and chunk, ours over vllm-router's in the same round; no time is judged, so a
busy machine may make it slow but not red. A void try is tried once more.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from tidegate_api.keys import new_key
from tidegate_bench.gateway import report
from tidegate_bench.gateway.arms import OURS, Stage, staged
from tidegate_bench.gateway.bench import measure_costs
from tidegate_bench.gateway.loads import INTERVAL_MS, SEED, SLICE_ROUNDS
from tidegate_bench.gateway.measured import Measured
from tidegate_bench.gateway.rounds import Watch
from tidegate_bench.statistics import paired_ratio

PEER: Final = "vllm-router"
TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The median ratio of full runs, and a fifth more: what is above is a change for the worse."""

    load: str
    mean: float

    @property
    def limit(self) -> float:
        """Return the most that the ratio may be."""
        return self.mean * 1.2


CEILINGS: Final = (Ceiling("json", 0.60), Ceiling("sse", 0.95))


def main() -> int:
    """Run the slice; return 1 if answers were wrong or a ratio is above its ceiling, in both tries."""
    for attempt in range(TRIES):
        failures = _attempt()
        if not failures:
            print("the slice of the gateway's benchmark passed")
            return 0
        print(f"try {attempt + 1} of {TRIES}:", *failures, sep="\n  ", flush=True)
    return 1


def _attempt() -> list[str]:
    measured = Measured()
    with (
        tempfile.TemporaryDirectory() as name,
        staged((PEER,), new_key(), INTERVAL_MS, Path(name)) as stage,
    ):
        uvloop.run(_measure(stage, measured))
    print("\n".join(report.costs(measured)))
    if not any(measured.has(ceiling.load, PEER) for ceiling in CEILINGS):
        return [f"{PEER} is left out: {measured.absent.get(PEER)}"]
    return [*_void(measured), *above(measured)]


async def _measure(stage: Stage, measured: Measured) -> None:
    measured.absent.update(stage.absent)
    loads = tuple(ceiling.load for ceiling in CEILINGS)
    await measure_costs(stage, measured, loads, SLICE_ROUNDS, Watch(stage))


def _void(measured: Measured) -> list[str]:
    return [fault for rounds in measured.rounds.values() for fault in rounds.faults()]


def above(measured: Measured) -> list[str]:
    """Return which ratios are above their ceilings, and what to do."""
    found = []
    for ceiling in CEILINGS:
        rounds = measured.rounds[ceiling.load]
        figure = paired_ratio(rounds.per_unit(OURS), rounds.per_unit(PEER), SEED)
        if figure.value > ceiling.limit:
            found.append(
                f"{ceiling.load}: our CPU is {report.told(figure)} of {PEER}'s, above {ceiling.limit:.2f}: "
                "`make bench-profile` shows where it goes"
            )
    return found
