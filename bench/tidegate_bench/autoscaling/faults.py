"""What goes wrong in a run, and when.

Owns the kinds of faults and their times; the world does them.
"""

from dataclasses import dataclass
from math import inf
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` until before `end`, in seconds of the simulation."""

    begin: float = inf
    end: float = inf

    def holds(self, now: float) -> bool:
        """Tell whether it is then."""
        return self.begin <= now < self.end


NEVER: Final = Span()


@dataclass(frozen=True, slots=True)
class Faults:
    """What fails. Nothing, by default."""

    # Prometheus does not answer, and scrapes nothing.
    prometheus_down: Span = NEVER
    # Prometheus answers, but with nothing: its targets are lost to it.
    series_lost: Span = NEVER
    # Engines cannot be asked directly either.
    engines_unreachable: Span = NEVER
    gateways_unreachable: Span = NEVER
    # One ready Pod is not scraped, and cannot be asked.
    one_unscraped: Span = NEVER
    # Pods created then stay pending until its end, and start only after it.
    stuck_pending: Span = NEVER
    # The operator starts anew at this moment, and forgets what it did not write down.
    operator_restart: float = inf

    def scrapes_missing(self, now: float) -> bool:
        """Tell whether Prometheus lacks something now, which is all that most laws go by."""
        return any(span.holds(now) for span in (self.prometheus_down, self.series_lost, self.one_unscraped))


NOTHING: Final = Faults()
