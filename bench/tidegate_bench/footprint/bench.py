"""`python -m tidegate_bench footprint`: size of the environment, time of the import, memory at rest, by component.

Owns the measuring and the report. Each process runs beside a real control plane on which nobody has asked for anything.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tidegate_bench import results
from tidegate_bench.cost import rss_bytes
from tidegate_bench.footprint.components import COMPONENTS, Component, environment_of, variables
from tidegate_bench.operator import plane
from tidegate_bench.operator.goals import MEMORY
from tidegate_bench.processes import launched
from tidegate_bench.results import Goal
from tidegate_bench.statistics import Figure, quantile

# Long enough to have read everything and to have opened every watch.
SETTLE_SECONDS: Final = 15.0
IMPORT_SECONDS: Final = 1.5
IDLE_MIB: Final = {"operator": dict(MEMORY)[0], "gateway": 60.0}
_MIB: Final = 2**20
_TIMED: Final = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


@dataclass(frozen=True, slots=True)
class Measured:
    """One component; sizes in MiB, times in seconds."""

    name: str
    environment_mib: float
    import_seconds: list[float]
    idle_mib: float


def main(rounds: int) -> int:
    """Run the benchmark; return 0 once all was measured."""
    with plane.started() as made:
        found = [measure(one, made.operator, rounds) for one in COMPONENTS]
    goals = judged(found)
    results.write("footprint", {"rounds": rounds, "components": [asdict(one) for one in found]}, goals)
    results.conclude(goals)
    return 0


def measure(component: Component, kubeconfig: Path, rounds: int) -> Measured:
    """Measure one component."""
    home = environment_of(component)
    python, around = str(home / "bin" / "python"), variables(kubeconfig)
    timed = [python, "-c", _TIMED.format(component.module)]
    # The first one writes the bytecode of our own code, as an image has it.
    times = [
        float(subprocess.run(timed, env=around, check=True, capture_output=True, text=True).stdout)
        for _ in range(rounds + 1)
    ]
    idle = idle_bytes([python, "-c", component.script], around) / _MIB
    print(f"{component.name}: measured", file=sys.stderr, flush=True)
    return Measured(component.name, size_of(home / "lib") / _MIB, times[1:], idle)


def idle_bytes(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Return the resident memory of a process that has nothing to do; raises RuntimeError if it has ended."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with launched(argv, os.sched_getaffinity(0), log, env) as process:
            time.sleep(SETTLE_SECONDS)
            if process.poll() is not None:
                raise RuntimeError(f"it has ended: {log.read_text(errors='replace')[-2000:]}")
            return rss_bytes(process.pid)


def size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder have."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def judged(found: Sequence[Measured]) -> list[Goal]:
    """Return the goals: how long each import takes, and how much a process has at rest."""
    goals = []
    for one in found:
        middle, worst = quantile(one.import_seconds, 0.5), max(one.import_seconds)
        figure = Figure(middle, min(one.import_seconds), worst)
        goals.append(Goal(f"footprint-{one.name}-import", figure, "s", IMPORT_SECONDS))
        if one.name in IDLE_MIB:
            idle = Figure(one.idle_mib, one.idle_mib, one.idle_mib)
            goals.append(Goal(f"footprint-{one.name}-idle", idle, "MiB", IDLE_MIB[one.name]))
    return goals
