"""The report of a service as one screen, and many services as a table. Pure.

Owns words and layout. Must not ask a cluster or read the clock: ages are told from a moment that is an argument.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate_cli.shell.output import columns
from tidegate_cli.status.report import condition, phase

Json = Mapping[str, Any]


def screen(report: Json, now: datetime) -> Iterator[str]:
    """Yield a service's report, line by line."""
    model = report["model"]
    yield f"{report['namespace']}/{report['name']}  {report['phase']}  {report['ready'] or '-'} workers"
    yield f"  model     {model['name']} from {model['uri']}{_at(model)}"
    yield f"  url       {report['url'] or '- (none yet)'}"
    if report["estimate"]:
        yield f"  memory    {report['estimate']}"
    if report["engine"]:
        flags = " ".join(one["flag"] for one in report["engine"].get("flags") or ())
        yield f"  engine    preset {report['engine'].get('preset', '-')}{f': {flags}' if flags else ''}"
    yield from _section("CONDITIONS", _conditions(report["conditions"], now))
    yield from _section("POOLS", _pools(report["pools"]))
    yield from _section("WORKERS", _workers(report["workers"], report["missing"]))
    yield from _section("ADAPTERS", _adapters(report["adapters"]))
    yield from _section("ROLLOUT", report["rolloutSays"])
    yield from _section("SCALING", _scaling(report["scaling"], now))
    yield from _section("EVENTS", _events(report["events"], report["missing"], now))


def table(services: Sequence[Json], now: datetime, *, everywhere: bool) -> list[str]:
    """Return services, a line each."""
    head = (
        *(("NAMESPACE",) if everywhere else ()),
        *("NAME", "MODEL", "PHASE", "READY", "QUEUED", "REASON", "AGE"),
    )
    return columns([head, *(_row(one, now, everywhere) for one in services)])


def age(at: str | None, now: datetime) -> str:
    """Return how long ago a moment (RFC 3339) was, in its greatest unit; a dash for none."""
    try:
        then = datetime.fromisoformat(at or "")
    except ValueError:
        return "-"
    seconds = max(0, int((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _row(service: Json, now: datetime, everywhere: bool) -> tuple[str, ...]:
    metadata, status = service["metadata"], service.get("status") or {}
    queued = [one["queued"] for one in status.get("pools") or () if "queued" in one]
    return (
        *((metadata["namespace"],) if everywhere else ()),
        metadata["name"],
        status.get("modelName") or "-",
        phase(service),
        status.get("ready") or "-",
        str(sum(queued)) if queued else "-",
        condition(service, "Ready").get("reason") or "-",
        age(metadata.get("creationTimestamp"), now),
    )


def _section(title: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0:
            yield ""
            yield title
        yield f"  {line}"


def _at(model: Json) -> str:
    told = [f"at {model['revision'][:12]}" if model.get("revision") else ""]
    if model.get("percent") is not None and model["percent"] < 100:
        told.append(f"{model['percent']} % is there")
    return "".join(f", {one}" for one in told if one)


def _conditions(conditions: Sequence[Json], now: datetime) -> Iterator[str]:
    width = max((len(one["type"]) for one in conditions), default=0)
    for one in conditions:
        since = age(one.get("lastTransitionTime"), now)
        yield f"{one['type']:<{width}}  {one['status']:<7}  {one['reason']} ({since}): {one['message']}"
        if one.get("fix"):
            yield f"{'':<{width}}  {'':<7}  fix: {one['fix']}"


def _pools(pools: Sequence[Json]) -> list[str]:
    head = ("POOL", "READY", "QUEUED", "RUNNING", "CREDITS")
    rows = [
        (
            one["name"],
            f"{one['ready']}/{one['desired']}",
            _shown(one.get("queued")),
            _shown(one.get("running")),
            f"{one['creditsUsed']}/{one['creditsLimit']}" if one.get("creditsLimit") else "-",
        )
        for one in pools
    ]
    return columns([head, *rows]) if rows else []


def _workers(workers: Sequence[Json], missing: Json) -> Iterator[str]:
    for one in workers:
        restarts = f", {one['restarts']} restarts" if one["restarts"] else ""
        yield f"{one['pod']}  {one['state']}  pool {one['pool']}, node {one['node'] or '-'}{restarts}"
        yield f"  {_how(one)}, {_kv(one)}"
    for what, words in (
        ("workers", "the workers"),
        ("engines", "what the engines say"),
        ("logs", "how the engines say they run"),
    ):
        if what in missing:
            yield f"{words} could not be asked: {missing[what]}"


def _how(worker: Json) -> str:
    """Return what a worker was asked to compute on and with, or where its engine says so, what it does."""
    told = worker["engine"]
    if told["device"] is None:
        dtype, quantization = worker["dtype"], worker["quantization"]
        other = "as the model says"
        return f"{worker['device']}, dtype {dtype or other}, quantization {quantization or other}"
    runs = (
        f"runs on {told['device']}, dtype {told['dtype'] or '-'}, quantization {told['quantization'] or '-'}"
    )
    return f"{worker['device']}; the engine {runs}"


def _kv(worker: Json) -> str:
    if worker["kvBlocks"] is None:
        return "KV cache not told"
    tokens = worker["kvBlocks"] * (worker["kvBlockTokens"] or 0)
    used = f", {worker['kvUsedRatio']:.0%} used" if worker["kvUsedRatio"] is not None else ""
    return f"KV cache of {worker['kvBlocks']} blocks, {tokens} tokens ({worker['kvCacheDtype'] or '-'}){used}"


def _adapters(adapters: Sequence[Json]) -> Iterator[str]:
    for one in adapters:
        why = f": {one['message']}" if one.get("message") else ""
        yield f"{one['name']}  {one['phase']}  {one['loaded']} workers{why}"


def _scaling(decisions: Sequence[Json], now: datetime) -> Iterator[str]:
    for one in decisions:
        since = age(one.get("decidedAt"), now)
        yield f"{one['pool']} ({one['mode']}): {one['wanted']} wanted, {one['binding']}: {one['message']} ({since} ago)"


def _events(events: Sequence[Json], missing: Json, now: datetime) -> Iterator[str]:
    for one in events:
        often = f" (×{one['count']})" if one["count"] > 1 else ""
        yield f"{age(one['at'], now):>4}  {one['type']:<7}  {one['reason']}  {one['about']}: {one['message']}{often}"
    if "events" in missing:
        yield f"events could not be asked: {missing['events']}"


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
