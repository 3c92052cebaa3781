"""What the gateway has to reach, as one table of figures and limits.

Pure: from what was measured to judged goals. A goal whose part was not measured is left out.
"""

from collections.abc import Iterator
from statistics import median
from typing import Final

from tidegate_bench.gateway.arms import DIRECT, OURS
from tidegate_bench.gateway.latency import Waits
from tidegate_bench.gateway.loads import SEED
from tidegate_bench.gateway.measured import Measured
from tidegate_bench.peers import RUST_ROUTERS
from tidegate_bench.results import Goal
from tidegate_bench.statistics import (
    Figure,
    delayed_ack_share,
    interval,
    paired_difference,
    paired_ratio,
    quantile,
)

# Load, whom our CPU per unit is compared with, the most that it may be of theirs.
RATIOS: Final = (
    ("json", "vllm-router", 0.5),
    ("json", "litellm", 0.01),
    ("sse", "best Rust router", 0.8),
    ("json", "nginx", 4.0),
    ("sse", "nginx", 2.0),
)
LARGE_PER_SECOND: Final = 2000
ADDED_P50_MS: Final = 0.5
ADDED_P99_MS: Final = 5.0
# Of first tokens on reused connections, as many as may by chance take 40 ms.
DELAYED_SHARE: Final = 0.001
HELD_CORES: Final = 0.5
HELD_MIB: Final = 150
MIB: Final = 2**20


def judged(measured: Measured) -> list[Goal]:
    """Return the goals that this run says something about."""
    return [*_ratios(measured), *_large(measured), *_first_tokens(measured), *_crowd(measured)]


def best_rust_router(measured: Measured, load: str) -> str | None:
    """Return the Rust router that uses the least CPU per unit."""
    there = [name for name in RUST_ROUTERS if measured.has(load, name)]
    return min(there, key=lambda name: median(measured.rounds[load].per_unit(name)), default=None)


def _ratios(measured: Measured) -> Iterator[Goal]:
    for load, peer, limit in RATIOS:
        name = best_rust_router(measured, load) if peer == "best Rust router" else peer
        if name is None or not measured.has(load, name):
            continue
        rounds = measured.rounds[load]
        figure = paired_ratio(rounds.per_unit(OURS), rounds.per_unit(name), SEED)
        unit = "chunk" if rounds.is_stream else "request"
        yield Goal(f"gateway-cpu-per-{load}-{unit}-to-{name}", figure, f"×{name}", limit)


def _large(measured: Measured) -> Iterator[Goal]:
    if measured.has("large", OURS):
        figure = interval(measured.rounds["large"].per_second(OURS), SEED)
        yield Goal("gateway-220kb-prompts-per-second", figure, "/s", LARGE_PER_SECOND, at_least=True)


def added(waits: Waits, arm: str, share: float) -> Figure:
    """Return how many milliseconds more than direct an arm's quantile is, in the same round."""
    pairs = [(r[arm], r[DIRECT]) for r in waits.rounds if arm in r]
    ours, theirs = ([quantile(pair[side], share) for pair in pairs] for side in (0, 1))
    return paired_difference(ours, theirs, SEED)


def delayed(waits: Waits, arm: str) -> Figure:
    """Return the share of first tokens near 40 ms."""
    return interval([delayed_ack_share(values) for values in waits.of(arm)], SEED)


def _first_tokens(measured: Measured) -> Iterator[Goal]:
    for waits in measured.waits:
        name = f"gateway-first-token-added-{{}}-{waits.kind}"
        yield Goal(name.format("p50"), added(waits, OURS, 0.50), "ms", ADDED_P50_MS)
        yield Goal(name.format("p99"), added(waits, OURS, 0.99), "ms", ADDED_P99_MS)
        if not waits.fresh:
            yield Goal("gateway-first-token-share-near-40-ms", delayed(waits, OURS), "of all", DELAYED_SHARE)


def _crowd(measured: Measured) -> Iterator[Goal]:
    held = measured.held.get(OURS)
    if held is not None:
        yield Goal("gateway-1000-streams-tokens-lost", _exactly(held.lost), "tokens", 0)
        yield Goal("gateway-1000-streams-cores", interval(held.cores, SEED), "cores", HELD_CORES)
        yield Goal("gateway-1000-streams-rss", _exactly(held.rss_bytes / MIB), "MiB", HELD_MIB)
    burst = measured.burst.get(OURS)
    if burst is not None:
        yield Goal("gateway-1000-at-once-errors", _exactly(sum(burst)), "errors", 0)


def _exactly(value: float) -> Figure:
    return Figure(value, value, value)
