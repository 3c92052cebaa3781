"""How long ago each watch gave a sign of life, seen from the HTTP requests themselves.

Owns the proof that watching works: kopf tells nobody when a watch has gone silent, but it must ask anew every
`WATCH_SECONDS`, so an age beyond `SILENT_SECONDS` means that it has stopped. Must not restart anything.
"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import aiohttp

from tidegate_operator.kinds import Kind
from tidegate_operator.metrics import Metrics

WATCH_SECONDS = 120
SILENT_SECONDS = 180.0

_Watch = tuple[str, str | None]


class Watches:
    """The watches that should be there, by plural and namespace, and when each was last (re)opened."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._opened: dict[_Watch, float] = {}

    def expect(self, kinds: Sequence[Kind], namespaces: Sequence[str | None]) -> None:
        """From now on these watches count."""
        self._opened |= {(kind.plural, namespace): self._now() for kind in kinds for namespace in namespaces}

    def opened(self, plural: str, namespace: str | None) -> None:
        """Note that the API server has accepted a watch."""
        if (plural, namespace) in self._opened:
            self._opened[plural, namespace] = self._now()

    def ages(self) -> dict[str, float]:
        """Return the age of the oldest watch of each kind."""
        ages: dict[str, float] = {}
        for (plural, _), opened in self._opened.items():
            ages[plural] = max(self._now() - opened, ages.get(plural, 0.0))
        return ages

    def silent(self) -> list[str]:
        """Return the kinds whose watch is overdue."""
        return sorted(plural for plural, age in self.ages().items() if age > SILENT_SECONDS)


def trace_requests(metrics: Metrics, watches: Watches) -> aiohttp.TraceConfig:
    """Return what counts every API request and notes every watch."""

    async def answered(
        _: aiohttp.ClientSession, __: SimpleNamespace, sent: aiohttp.TraceRequestEndParams
    ) -> None:
        plural, namespace = target_of(sent.url.path)
        watching = sent.url.query.get("watch") == "true"
        verb = "watch" if watching else _VERBS.get(sent.method, sent.method.lower())
        metrics.requested(verb, plural or "discovery")
        if watching and sent.response.status == 200:
            watches.opened(plural, namespace)

    config = aiohttp.TraceConfig()
    config.on_request_end.append(answered)
    return config


_VERBS = {"GET": "read", "POST": "create", "PUT": "update"}


def target_of(path: str) -> tuple[str, str | None]:
    """Return the plural and the namespace of a URL's path, the subresource with the plural."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] != ["namespaces"] or len(parts) < 3:
        return "/".join(parts[:1] + parts[2:3]), None
    return "/".join(parts[2:3] + parts[4:5]), parts[1]
