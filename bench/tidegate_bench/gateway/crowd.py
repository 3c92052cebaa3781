"""Many at a time: a thousand streams held open, and a thousand requests at once.

Owns what is lost on the way and what it costs to hold. Absolute figures, so they are of this machine.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Final

from tidegate_bench.arrivals import Arrivals, FirstTokens, first_tokens
from tidegate_bench.client import Load, run_load
from tidegate_bench.cost import cpu_seconds, rss_bytes
from tidegate_bench.gateway.arms import Arm, Stage

STREAMS: Final = 1000
INTERVAL_MS: Final = 100.0
TOKENS_PER_SECOND: Final = 10
SECONDS: Final = 15
# All have begun by then, and none has ended before SECONDS.
RAMP_SECONDS: Final = 1.0
# Held before, uncounted: a gateway that learns what its engines can take has learned it then.
WARM_SECONDS: Final = 4
WAVES: Final = 3
AT_ONCE: Final = Load(stream=False, requests=1000, connections=1000)


@dataclass(slots=True)
class Held:
    """What holding streams cost an arm."""

    tokens: int = 0
    expected: int = 0
    wrong: int = 0
    # Cores in each second between the last beginning and the first end.
    cores: list[float] = field(default_factory=list)
    rss_bytes: int = 0
    rss_before: int = 0

    @property
    def lost(self) -> int:
        """Return how many tokens did not arrive."""
        return self.expected - self.tokens


async def hold(stage: Stage, arm: Arm) -> Held:
    """Hold STREAMS open through an arm and count what arrives."""
    await _stream(stage, arm, WARM_SECONDS)
    held = Held(
        expected=STREAMS * SECONDS * TOKENS_PER_SECOND, rss_before=rss_bytes(arm.pid) if arm.pid else 0
    )
    watching = asyncio.ensure_future(_watch(arm, held)) if arm.pid else None
    found = await _stream(stage, arm, SECONDS)
    if watching is not None:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    held.tokens, held.wrong = found.tokens, found.wrong
    return held


async def _stream(stage: Stage, arm: Arm, seconds: int) -> FirstTokens:
    moments = [number / STREAMS * RAMP_SECONDS for number in range(STREAMS)]
    arrivals = Arrivals(STREAMS / RAMP_SECONDS, RAMP_SECONDS, seconds * TOKENS_PER_SECOND, fresh=True)
    return await first_tokens(arm.port, stage.key, arrivals, moments, arm.verbatim)


async def _watch(arm: Arm, held: Held) -> None:
    pid = arm.pid or 0
    await asyncio.sleep(RAMP_SECONDS + 0.5)
    for _ in range(SECONDS - 2):
        used, began = cpu_seconds(pid), time.perf_counter()
        await asyncio.sleep(1)
        held.cores.append((cpu_seconds(pid) - used) / (time.perf_counter() - began))
        held.rss_bytes = max(held.rss_bytes, rss_bytes(pid))


async def at_once(stage: Stage, arm: Arm) -> list[int]:
    """Send a thousand requests at once over new connections, in waves; return how many failed in each."""
    return [(await run_load(arm.port, AT_ONCE, stage.key, arm.verbatim)).wrong for _ in range(WAVES)]
