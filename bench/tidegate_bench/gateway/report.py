"""What a run of the gateway benchmark tells: tables for people, JSON for machines.

Owns words and form. Must not measure or judge.
"""

from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from statistics import median
from typing import Any

from tidegate_bench import peers
from tidegate_bench.gateway.arms import DIRECT, OURS
from tidegate_bench.gateway.goals import MIB, added, delayed
from tidegate_bench.gateway.latency import Waits
from tidegate_bench.gateway.loads import LOADS, SEED, SLOW, UNITS
from tidegate_bench.gateway.measured import Measured
from tidegate_bench.results import short
from tidegate_bench.statistics import BUCKETS_MS, Figure, histogram, interval, paired_ratio, quantile


def told(figure: Figure) -> str:
    """Return a figure with its interval."""
    return f"{short(figure.value)} ({short(figure.low)}–{short(figure.high)})"


def tables(measured: Measured) -> Iterator[str]:
    """Yield the lines that people read."""
    yield from costs(measured)
    for waits in measured.waits:
        yield from _waits(waits)
    yield from _crowd(measured)
    if measured.foreign:
        yield f"\ncores used by others: {short(median(measured.foreign))} (at most {short(max(measured.foreign))})"
    yield "\nwhat the others do beside what we do (keys by digest, the body read, priority set, metrics counted)"
    yield from (f"  {peer.name} {peer.version}: {peer.work}" for peer in peers.PEERS)
    yield from (f"  {name} left out: {reason}" for name, reason in measured.absent.items())


def costs(measured: Measured) -> Iterator[str]:
    """Yield what requests and chunks cost."""
    for name, rounds in measured.rounds.items():
        yield f"\n{name}: µs of CPU per {UNITS[name]}, ours over theirs in the same round, answers per second"
        ours = rounds.per_unit(OURS)
        for arm in (arm for arm in rounds.rounds[0] if arm != DIRECT):
            theirs = rounds.per_unit(arm)
            ratio = "" if arm == OURS else told(paired_ratio(ours, theirs, SEED))
            rate = short(median(rounds.per_second(arm)))
            yield f"  {arm:14}{told(interval(theirs, SEED)):>24}{ratio:>26}{rate:>10}"
        engine = median(rounds.per_unit(DIRECT, "engine_cpu"))
        rate = short(median(rounds.per_second(DIRECT)))
        yield f"  {DIRECT:14}{f'engine: {short(engine)}':>24}{'':>26}{rate:>10}"
    if measured.memory:
        sizes = ", ".join(f"{arm} {size / MIB:.0f}" for arm, size in measured.memory.items())
        yield f"\nMiB of memory after these: {sizes}"


def _waits(waits: Waits) -> Iterator[str]:
    yield f"\nfirst token over {waits.kind} connections: ms p50, p99, what is added to p50, to p99, share near 40 ms"
    for arm in waits.rounds[0]:
        values = [value for found in waits.of(arm) for value in found]
        line = f"  {arm:14}{short(quantile(values, 0.5)):>8}{short(quantile(values, 0.99)):>8}"
        if arm == DIRECT:
            yield line
            continue
        used = median(waits.used[arm])
        yield (
            f"{line}{told(added(waits, arm, 0.5)):>24}{told(added(waits, arm, 0.99)):>24}"
            f"{delayed(waits, arm).value:>8.1%}  at {short(waits.rates[arm])}/s, {used:.0%} of its core"
        )
    yield from _histograms(waits)


def _histograms(waits: Waits) -> Iterator[str]:
    arms = [arm for arm in waits.rounds[0] if arm != DIRECT]
    counts = {arm: histogram([v for found in waits.of(arm) for v in found]) for arm in arms}
    yield f"  {'ms below':>10}" + "".join(f"{arm:>15}" for arm in arms)
    for row, bound in enumerate((*BUCKETS_MS, float("inf"))):
        if any(counts[arm][row] for arm in arms):
            shares = (counts[arm][row] / max(1, sum(counts[arm])) for arm in arms)
            yield f"  {bound:>10}" + "".join(f"{share:>15.2%}" for share in shares)


def _crowd(measured: Measured) -> Iterator[str]:
    if measured.held:
        yield "\n1,000 streams of 10 tokens a second: tokens lost, cores, MiB"
    for arm, held in measured.held.items():
        cores = told(interval(held.cores, SEED)) if held.cores else ""
        memory = f"{held.rss_before / MIB:.0f} → {held.rss_bytes / MIB:.0f}" if held.rss_bytes else ""
        yield f"  {arm:14}{held.lost:>8} of {held.expected}{cores:>24}{memory:>16}"
    if measured.burst:
        yield "\n1,000 requests at once, three times: errors"
    for arm, errors in measured.burst.items():
        yield f"  {arm:14}{', '.join(map(str, errors)):>16}"


def _added(waits: Waits, arm: str) -> dict[str, Any]:
    return {
        "p50_ms": asdict(added(waits, arm, 0.5)),
        "p99_ms": asdict(added(waits, arm, 0.99)),
        "share_near_40_ms": delayed(waits, arm).value,
    }


def content(measured: Measured, faults: list[str], forced: bool) -> dict[str, Any]:
    """Return what is kept of a run."""
    return {
        "versions": {
            "uvloop": version("uvloop"),
            "httptools": version("httptools"),
            "msgspec": version("msgspec"),
            **{peer.name: peer.version for peer in peers.PEERS},
            **({} if "nginx" in measured.absent else {"nginx": peers.nginx_version()}),
        },
        "seed": SEED,
        "forced": forced,
        "loads": {
            "fast": {name: asdict(load) for name, load in LOADS.items()},
            "slow": {name: asdict(load) for name, load in SLOW.items()},
        },
        "figures": {
            name: {
                arm: asdict(interval(rounds.per_unit(arm), SEED)) for arm in rounds.rounds[0] if arm != DIRECT
            }
            for name, rounds in measured.rounds.items()
        },
        "ratios": {
            name: {
                arm: asdict(paired_ratio(rounds.per_unit(OURS), rounds.per_unit(arm), SEED))
                for arm in rounds.rounds[0]
                if arm not in {DIRECT, OURS}
            }
            for name, rounds in measured.rounds.items()
        },
        "rounds": {
            name: [{arm: asdict(sample) for arm, sample in r.items()} for r in rounds.rounds]
            for name, rounds in measured.rounds.items()
        },
        "first_tokens": [
            {
                "connections": waits.kind,
                "rates": waits.rates,
                "used": waits.used,
                "added": {arm: _added(waits, arm) for arm in waits.rounds[0] if arm != DIRECT},
                "buckets_ms": BUCKETS_MS,
                "histograms": [{arm: histogram(v) for arm, v in r.items()} for r in waits.rounds],
                "quantiles_ms": [
                    {arm: [quantile(v, q) for q in (0.5, 0.9, 0.99, 0.999)] for arm, v in r.items() if v}
                    for r in waits.rounds
                ],
            }
            for waits in measured.waits
        ],
        "streams": {arm: asdict(held) for arm, held in measured.held.items()},
        "at_once": measured.burst,
        "memory_bytes": measured.memory,
        "foreign_cores": measured.foreign,
        "absent": measured.absent,
        "void": faults,
    }
