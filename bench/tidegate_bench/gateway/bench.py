"""`python -m tidegate_bench gateway`: what our gateway costs beside its peers, in one run.

Owns the order: CPU per request and chunk, first tokens, a thousand requests at once, a thousand streams. A run
in which an answer was wrong, a gateway was faster than none, or others used the machine is void.
"""

import gc
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from tidegate_api.keys import new_key
from tidegate_bench import peers, results
from tidegate_bench.cost import load_average, rss_bytes
from tidegate_bench.gateway import crowd, latency, report, rounds
from tidegate_bench.gateway.arms import DIRECT, OURS, Stage, staged
from tidegate_bench.gateway.goals import judged
from tidegate_bench.gateway.latency import Waits
from tidegate_bench.gateway.loads import INTERVAL_MS, LOADS, ROUNDS
from tidegate_bench.gateway.measured import Measured
from tidegate_bench.gateway.rounds import Rounds, Watch

PARTS: Final = ("cost", "first-token", "at-once", "streams")
MOST_LOAD: Final = 2.5
# Cores that others may use, in the median round.
MOST_FOREIGN: Final = 0.25
# Who holds a thousand streams beside us; a slow one could not.
STREAM_PEERS: Final = ("vllm-router", "nginx")


def main(count: int = ROUNDS, parts: Sequence[str] = PARTS, force: bool = False) -> int:
    """Run the benchmark; return 1 if it is void."""
    load = load_average()
    if load > MOST_LOAD and not force:
        print(
            f"void: the load is {load:.1f}, above {MOST_LOAD}: what is measured would be of others (--force)"
        )
        return 1
    gc.disable()
    measured = Measured()
    key = new_key()
    with tempfile.TemporaryDirectory() as name:
        if {"cost", "first-token", "at-once"} & set(parts):
            everyone = [peer.name for peer in peers.PEERS]
            with staged(everyone, key, INTERVAL_MS, _below(name, "fast")) as stage:
                uvloop.run(_paced_fast(stage, measured, count, parts))
        if "streams" in parts:
            with staged(STREAM_PEERS, key, crowd.INTERVAL_MS, _below(name, "steady")) as stage:
                uvloop.run(_paced_slowly(stage, measured))
    return conclude(measured, force)


def conclude(measured: Measured, force: bool) -> int:
    """Tell and keep what was measured; return 1 if it is void."""
    print("\n".join(report.tables(measured)))
    faults = found_faults(measured)
    goals = judged(measured)
    results.write("gateway", report.content(measured, faults, force), goals)
    if faults:
        print("void:", *faults, sep="\n  ")
        if not force:
            return 1
    results.conclude(goals)
    return 0


def found_faults(measured: Measured) -> list[str]:
    """Return why a run proves nothing."""
    found = [fault for rounds_ in measured.rounds.values() for fault in rounds_.faults()]
    found += [fault for waits in measured.waits for fault in waits.faults()]
    direct = measured.held.get(DIRECT)
    if direct is not None and direct.lost:
        found.append(f"1,000 streams: {direct.lost} tokens were lost without any gateway")
    if measured.foreign and median(measured.foreign) > MOST_FOREIGN:
        found.append(f"others used {median(measured.foreign):.2f} cores in the median round")
    return found


async def _paced_fast(stage: Stage, measured: Measured, count: int, parts: Sequence[str]) -> None:
    measured.absent.update(stage.absent)
    watch = Watch(stage)
    if "cost" in parts:
        await measure_costs(stage, measured, tuple(LOADS), count, watch)
        measured.memory = {arm.name: rss_bytes(arm.pid) for arm in stage.arms if arm.pid}
    if "first-token" in parts:
        await _measure_first_tokens(stage, measured, count, watch)
    if "at-once" in parts:
        for arm in stage.arms:
            if not arm.slow:
                measured.burst[arm.name] = await crowd.at_once(stage, arm)
        _say("a thousand at once: done")


async def measure_costs(
    stage: Stage, measured: Measured, names: tuple[str, ...], count: int, watch: Watch
) -> None:
    """Run all rounds of these loads."""
    await rounds.warm(stage, names)
    slow = frozenset(arm.name for arm in stage.arms if arm.slow)
    measured.rounds = {name: Rounds(name, slow) for name in names}
    watch.lap()
    for number in range(count):
        for name in names:
            measured.rounds[name].rounds.append(await rounds.run_round(stage, name, number))
            gc.collect()
        measured.foreign.append(watch.lap())
        _say(f"round {number + 1} of {count}: others used {measured.foreign[-1]:.2f} cores")


async def _measure_first_tokens(stage: Stage, measured: Measured, count: int, watch: Watch) -> None:
    measured.waits = [Waits(fresh=False), Waits(fresh=True)]
    for waits in measured.waits:
        await latency.find_rates(stage, waits)
    watch.lap()
    for number in range(count):
        for waits in measured.waits:
            await latency.run_round(stage, waits, number)
            gc.collect()
        measured.foreign.append(watch.lap())
        _say(f"first tokens, round {number + 1} of {count}: others used {measured.foreign[-1]:.2f} cores")


async def _paced_slowly(stage: Stage, measured: Measured) -> None:
    measured.absent.update(stage.absent)
    for name in (DIRECT, OURS, *STREAM_PEERS):
        if name not in measured.absent:
            measured.held[name] = await crowd.hold(stage, stage.arm(name))
            gc.collect()
            _say(f"1,000 streams, {name}: {measured.held[name].lost} tokens lost")


def _below(parent: str, name: str) -> Path:
    made = Path(parent) / name
    made.mkdir()
    return made


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
