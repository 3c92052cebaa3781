"""What a gateway adds to the wait for the first token, at half of what it can carry.

Owns the rates and the rounds. Requests come at random moments (an open loop), over connections in use and over
new ones, to us and to no gateway in turns; to others in fewer rounds, for comparison.
"""

import random
import time
from dataclasses import dataclass, field
from typing import Final

from tidegate_bench.arrivals import Arrivals, due_times, first_tokens
from tidegate_bench.cost import cpu_seconds
from tidegate_bench.gateway.arms import DIRECT, OURS, Arm, Stage
from tidegate_bench.gateway.loads import SEED

# Few: each costs load and engine, which share a core, more than it costs a gateway.
CHUNKS: Final = 2
SECONDS: Final = 1.0
# Rounds in which others are asked too.
OTHERS_ROUNDS: Final = 2
HALF: Final = 0.5
# Load and engine share a core: beyond this share of it, their own queue would be what is measured.
CLIENT_SHARE: Final = 0.6
FIRST_RATE: Final = 100.0
SLOW_RATE: Final = 5.0


@dataclass(slots=True)
class Waits:
    """First-token latencies in milliseconds, by round and arm, over connections of one kind."""

    fresh: bool
    rates: dict[str, float] = field(default_factory=dict)
    rounds: list[dict[str, list[float]]] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    # Share of its core that an arm used.
    used: dict[str, list[float]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name the connections."""
        return "new" if self.fresh else "reused"

    def of(self, arm: str) -> list[list[float]]:
        """Return the latencies of an arm, round by round."""
        return [r[arm] for r in self.rounds if arm in r]

    def faults(self) -> list[str]:
        """Return why these rounds prove nothing."""
        return [
            f"first token, {self.kind} connections: {arm} gave {count} wrong answers"
            for arm, count in self.wrong.items()
            if count
        ]


async def find_rates(stage: Stage, waits: Waits) -> None:
    """Set each arm's rate: half of what its core can carry, as far as load and engine can."""
    direct = stage.arm(DIRECT)
    for arm in stage.arms:
        if arm is direct:
            continue
        rate = SLOW_RATE if arm.slow else FIRST_RATE
        for _ in range(2):
            used, client = await _cost(stage, arm, Arrivals(rate, SECONDS, CHUNKS, waits.fresh))
            rate = min(HALF / used, CLIENT_SHARE / client)
        waits.rates[arm.name] = rate
    waits.rates[DIRECT] = waits.rates[OURS]


async def _cost(stage: Stage, arm: Arm, arrivals: Arrivals) -> tuple[float, float]:
    """Return the CPU seconds per request of an arm, and of load and engine together."""
    moments = due_times(arrivals, random.Random(SEED))  # noqa: S311 - arrivals, not a secret
    before = arm.cpu_seconds(), cpu_seconds(stage.engine_pid) + time.process_time()
    await first_tokens(arm.port, stage.key, arrivals, moments, arm.verbatim)
    after = arm.cpu_seconds(), cpu_seconds(stage.engine_pid) + time.process_time()
    return (after[0] - before[0]) / len(moments), (after[1] - before[1]) / len(moments)


async def run_round(stage: Stage, waits: Waits, number: int) -> None:
    """Ask no gateway, us, us, no gateway; in the first rounds the others between."""
    direct, ours = stage.arm(DIRECT), stage.arm(OURS)
    others = [arm for arm in stage.arms if arm not in {direct, ours}] if number < OTHERS_ROUNDS else []
    pair = [direct, ours] if number % 2 == 0 else [ours, direct]
    found: dict[str, list[float]] = {}
    for half, arm in enumerate((*pair, *others, *pair[::-1])):
        arrivals = Arrivals(waits.rates[arm.name], SECONDS, CHUNKS, waits.fresh)
        rng = random.Random(SEED + 100 * number + half)  # noqa: S311
        before, began = arm.cpu_seconds(), time.perf_counter()
        got = await first_tokens(arm.port, stage.key, arrivals, due_times(arrivals, rng), arm.verbatim)
        if arm.pid:
            used = (arm.cpu_seconds() - before) / (time.perf_counter() - began)
            waits.used.setdefault(arm.name, []).append(used)
        found.setdefault(arm.name, []).extend(got.milliseconds)
        waits.wrong[arm.name] = waits.wrong.get(arm.name, 0) + got.wrong
    waits.rounds.append(found)
