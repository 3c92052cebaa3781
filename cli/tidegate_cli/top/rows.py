"""A sample as a table, as JSON, and the sentences about one service. Pure.

Owns columns and order. A figure that nobody has told is a dash, never a zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tidegate_cli.shell.output import columns
from tidegate_cli.status.lines import age
from tidegate_cli.status.report import condition, phase
from tidegate_cli.top.sampling import Sample
from tidegate_live import Service
from tidegate_live import as_json as live_json

Json = Mapping[str, Any]
HEAD: Final = (
    "SERVICE",
    "PHASE",
    "READY",
    "HIGH",
    "MEDIUM",
    "LOW",
    "RUNNING",
    "BATCH",
    "KV",
    "TTFT P50",
    "TTFT P90",
    "TOK/S",
    "REQ/S",
    "LAST DECISION",
)
# By what rows can be ordered, with their keys on the keyboard; figures: the greatest first.
SORTS: Final = {"name": "n", "queued": "u", "running": "r", "kv": "k", "ttft": "t", "tokens": "o"}


def rows(sample: Sample, sort: str) -> list[tuple[str, ...]]:
    """Return a row for each service, in order."""
    return [_row(one, sample) for one in ordered(sample, sort)]


def ordered(sample: Sample, sort: str) -> list[Json]:
    """Return the services in order; those of which a figure is not known come last."""
    by_name = sorted(sample.services, key=key)
    if sort == "name":
        return list(by_name)
    return sorted(by_name, key=lambda one: -_figure(sample.live.services.get(key(one)), sort))


def key(service: Json) -> str:
    """Return `NAMESPACE/NAME`."""
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def table(sample: Sample, sort: str) -> Iterator[str]:
    """Yield the table, and what is missing in it."""
    yield from columns([HEAD, *rows(sample, sort)], gap="  ")
    yield footer(sample)


def footer(sample: Sample) -> str:
    """Return what the figures are from, and what is missing."""
    found = sample.live
    over = f"rates over {found.window_seconds:.0f} s" if found.window_seconds > 0 else "no rates yet"
    told = f"{found.gateways} gateway{'' if found.gateways == 1 else 's'}, {over}"
    return f"{told}; missing: {found.missing}" if found.missing else told


def as_json(sample: Sample) -> Json:
    """Return a sample as JSON: null is what nobody has told."""
    return {
        "gateways": sample.live.gateways,
        "missing": sample.live.missing,
        "windowSeconds": sample.live.window_seconds,
        "services": [
            {
                "namespace": one["metadata"]["namespace"],
                "name": one["metadata"]["name"],
                "phase": phase(one),
                "ready": (one.get("status") or {}).get("ready"),
                "decisions": [
                    {name: each.get(name) for name in ("pool", "wanted", "binding", "message", "decidedAt")}
                    for each in (one.get("status") or {}).get("scaling") or ()
                ],
                "live": live_json(found) if (found := sample.live.services.get(key(one))) else None,
            }
            for one in ordered(sample, "name")
        ],
    }


def details(service: Json, sample: Sample, now: datetime) -> Iterator[str]:
    """Yield what there is to say of one service below the table."""
    ready, status = condition(service, "Ready"), service.get("status") or {}
    yield f"{key(service)}: {phase(service)}: {ready.get('reason', '-')}: {ready.get('message', '-')}"
    found = sample.live.services.get(key(service))
    for pool in found.pools if found else ():
        used = "-" if pool.kv_used_ratio is None else f"{pool.kv_used_ratio:.0%}"
        yield (
            f"  pool {pool.name}: {pool.workers_ready} workers, KV {used}, credits {pool.credits_used_tokens}/"
            f"{pool.credits_limit_tokens} tokens"
        )
    for one in status.get("scaling") or ():
        since = age(one.get("decidedAt"), now)
        yield f"  scaling of {one['pool']}: {one['wanted']} wanted, {one['binding']}: {one['message']} ({since} ago)"


def _row(service: Json, sample: Sample) -> tuple[str, ...]:
    found, status = sample.live.services.get(key(service)), service.get("status") or {}
    start = (key(service), phase(service), status.get("ready") or "-")
    if found is None:
        return (*start, *("-",) * 10, _decision(status.get("scaling") or ()))
    has_rates = sample.live.window_seconds > 0
    return (
        *start,
        str(found.queued.high),
        str(found.queued.medium),
        str(found.queued.low),
        str(found.running),
        str(found.batch_size),
        "-" if found.kv_used_ratio is None else f"{found.kv_used_ratio:.0%}",
        _milliseconds(found.ttft_p50_seconds),
        _milliseconds(found.ttft_p90_seconds),
        f"{found.tokens_per_second:.1f}" if has_rates else "-",
        f"{found.requests_per_second:.2f}" if has_rates else "-",
        _decision(status.get("scaling") or ()),
    )


def _decision(scaling: Sequence[Json]) -> str:
    """Return the last decision of the pool that was decided about last."""
    if not scaling:
        return "-"
    last = max(scaling, key=lambda one: str(one.get("decidedAt", "")))
    return f"{last['pool']}: {last['wanted']} for {last['binding']}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _figure(found: Service | None, sort: str) -> float:
    if found is None:
        return -1.0
    figures = {
        "queued": float(found.queued.total),
        "running": float(found.running),
        "kv": found.kv_used_ratio,
        "ttft": found.ttft_p90_seconds,
        "tokens": found.tokens_per_second,
    }
    value = figures[sort]
    return -1.0 if value is None else value
