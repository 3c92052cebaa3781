"""What the engines say, by whichever way it can be had: Prometheus if it is fresh, else their own pages.

Owns the order of the two. Must not know how either is asked.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tidegate_operator.engines import Engine, Engines, Read
from tidegate_operator.metrics import Metrics


@dataclass(frozen=True, slots=True)
class EngineReader:
    """`Engines` by two ways; `prometheus` is None where none is known."""

    prometheus: Engines | None
    direct: Engines
    metrics: Metrics

    async def read(self, engines: Collection[Engine]) -> Read:
        """See Engines."""
        if self.prometheus is None:
            first = Read({}, {})
        else:
            first = await self.prometheus.read(engines)
            self._count("prometheus", first)
        left = [engine for engine in engines if engine.uid not in first.figures]
        second = await self.direct.read(left) if left else Read({}, {})
        self._count("direct", second)
        missing = {
            engine.uid: "; ".join(
                one.missing[engine.uid] for one in (first, second) if engine.uid in one.missing
            )
            for engine in left
            if engine.uid not in second.figures
        }
        return Read({**first.figures, **second.figures}, missing)

    def _count(self, way: str, read: Read) -> None:
        self.metrics.engine_reads(way, "done", len(read.figures))
        self.metrics.engine_reads(way, "failed", len(read.missing))
