"""From the window to what is happening now: sums over gateways, rates and quantiles over the minute.

Owns how gateways are taken together. Their own requests are summed; of workers, each gateway tells the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import inf

from tidegate_live.page import Key
from tidegate_live.values import Live, Pool, Queued, Service, Tenant
from tidegate_live.window import Track, Window


def live(window: Window, at: float, missing: str | None = None) -> Live:
    """Return what is happening at a moment of the clock that the window's pages were read by.

    `missing` says what the caller could not ask, and why. Without any gateway it is said here.
    """
    tracks = list(window.fresh(at))
    if not tracks and missing is None:
        missing = "no gateway has told anything yet"
    pools, bounds = _parts(tracks, "ready"), _parts(tracks, "ttft")
    return Live(
        at=at,
        gateways=len(tracks),
        missing=missing,
        window_seconds=max((track.seconds for track in tracks), default=0.0),
        services={
            "/".join(where): _service(tracks, where, pools.get(where, ()), bounds.get(where, ()))
            for where in _named(tracks, "running")
        },
        tenants={"/".join(where): _tenant(tracks, where) for where in _named(tracks, "tenant_requests")},
    )


def quantile(wanted: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """Return the value below which a share of what was observed is; None where nothing was.

    `buckets` are upper bounds in ascending order, the last infinite, with how many were at most that. Between two
    bounds values are taken as evenly spread, as Prometheus' `histogram_quantile` does; above the last finite bound it
    is that bound.
    """
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank = wanted * buckets[-1][1]
    below, counted = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > counted:
            if bound == inf:
                return below
            return below + (bound - below) * max(rank - counted, 0.0) / (count - counted)
        below, counted = (below if bound == inf else bound), max(count, counted)
    return below


def _service(tracks: Sequence[Track], where: Key, names: Iterable[str], bounds: Iterable[str]) -> Service:
    pools = tuple(_pool(tracks, (*where, name)) for name in sorted(names))
    buckets = sorted((float(one), _increase(tracks, ("ttft", *where, one))) for one in bounds)
    return Service(
        queued=Queued(*(round(_sum(tracks, ("queued", *where, one))) for one in ("high", "medium", "low"))),
        running=round(_sum(tracks, ("running", *where))),
        batch_size=round(_most(tracks, ("batch", *where))),
        kv_used_ratio=_kv_of(pools),
        requests_per_second=_rate(tracks, ("requests", *where)),
        errors_per_second=_rate(tracks, ("errors", *where)),
        tokens_per_second=_rate(tracks, ("tokens", *where)),
        ttft_p50_seconds=quantile(0.5, buckets),
        ttft_p90_seconds=quantile(0.9, buckets),
        pools=pools,
    )


def _pool(tracks: Sequence[Track], where: Key) -> Pool:
    told = [
        track.last.page.gauges[key] for track in tracks if (key := ("kv", *where)) in track.last.page.gauges
    ]
    return Pool(
        name=where[-1],
        workers_ready=round(_most(tracks, ("ready", *where))),
        kv_used_ratio=sum(told) / len(told) if told else None,
        credits_used_tokens=round(_sum(tracks, ("used", *where))),
        credits_limit_tokens=round(_sum(tracks, ("limit", *where))),
    )


def _tenant(tracks: Sequence[Track], where: Key) -> Tenant:
    return Tenant(
        requests_per_minute=60 * _rate(tracks, ("tenant_requests", *where)),
        tokens_per_minute=60 * _rate(tracks, ("tenant_tokens", *where)),
        requests_total=round(_total(tracks, ("tenant_requests", *where))),
        tokens_total=round(_total(tracks, ("tenant_tokens", *where))),
    )


def _kv_of(pools: Iterable[Pool]) -> float | None:
    """Return the share of all workers' KV caches in use."""
    told = [(pool.kv_used_ratio, pool.workers_ready) for pool in pools if pool.kv_used_ratio is not None]
    workers = sum(count for _, count in told)
    return sum(ratio * count for ratio, count in told) / workers if workers else None


def _named(tracks: Sequence[Track], figure: str) -> list[Key]:
    """Return the namespaces and names of which a figure is told."""
    return sorted({key[1:3] for key in _keys(tracks) if key[0] == figure})


def _parts(tracks: Sequence[Track], figure: str) -> dict[Key, set[str]]:
    """Return, by namespace and name, the third label of a figure."""
    found: dict[Key, set[str]] = {}
    for key in _keys(tracks):
        if key[0] == figure:
            found.setdefault(key[1:3], set()).add(key[3])
    return found


def _keys(tracks: Sequence[Track]) -> Iterator[Key]:
    for track in tracks:
        yield from track.last.page.gauges
        yield from track.last.page.counters


def _sum(tracks: Sequence[Track], key: Key) -> float:
    return sum(track.last.page.gauges.get(key, 0.0) for track in tracks)


def _most(tracks: Sequence[Track], key: Key) -> float:
    return max((track.last.page.gauges.get(key, 0.0) for track in tracks), default=0.0)


def _total(tracks: Sequence[Track], key: Key) -> float:
    return sum(track.last.page.counters.get(key, 0.0) for track in tracks)


def _increase(tracks: Sequence[Track], key: Key) -> float:
    return sum(track.increase(key) for track in tracks)


def _rate(tracks: Sequence[Track], key: Key) -> float:
    return sum(track.rate(key) for track in tracks)
