"""What laws do while something is broken: an hour with a burst, and a fault in the middle of it.

Owns the named faults. The burst is there from minute 20 to 35; most faults hold for five minutes within it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_bench.autoscaling.arms import Setting, by_name
from tidegate_bench.autoscaling.faults import Faults, Span
from tidegate_bench.autoscaling.outcome import Outcome, outcome
from tidegate_bench.autoscaling.traces import step
from tidegate_bench.autoscaling.world import Change, Lane, lane, run

BURST: Final = 1200.0
SEED: Final = 21
MIDDLE: Final = Span(1320, 1620)
# Its end falls into the fault: who takes silence for idleness, or what it saw last for what is, is seen here.
AROUND_THE_END: Final = Span(1980, 2400)
FAULTS: Final = {
    "nothing": Faults(),
    "Prometheus down 5 min": Faults(prometheus_down=MIDDLE),
    "Prometheus answers with nothing 5 min": Faults(series_lost=MIDDLE, engines_unreachable=MIDDLE),
    "Prometheus and engines down 5 min": Faults(prometheus_down=MIDDLE, engines_unreachable=MIDDLE),
    "nothing can be read 5 min": Faults(
        prometheus_down=MIDDLE, engines_unreachable=MIDDLE, gateways_unreachable=MIDDLE
    ),
    "nothing can be read as the burst ends": Faults(
        prometheus_down=AROUND_THE_END,
        engines_unreachable=AROUND_THE_END,
        gateways_unreachable=AROUND_THE_END,
    ),
    "gateways cannot be read 5 min": Faults(gateways_unreachable=MIDDLE),
    "one Pod is not scraped": Faults(one_unscraped=Span(1320, 3600)),
    "Pods stuck pending 5 min": Faults(stuck_pending=Span(1200, 1500)),
    "operator starts anew": Faults(operator_restart=1320),
}
# The settings that the laws' own documents have, or the nearest.
COMPARED: Final = (
    ("hpa kv", "0.5"),
    ("keda", "5"),
    ("kpa", "36"),
    ("wva v2", "0.85/0.7"),
    ("ours", "medium"),
)


@dataclass(frozen=True, slots=True)
class Broken:
    """One law under one fault."""

    fault: str
    arm: str
    outcome: Outcome
    changes: Sequence[Change]


def play(fault: str, setting: Setting, seed: int = SEED) -> Lane:
    """Run one law through one fault."""
    trace = step(seed, begin=BURST)
    one = lane(trace, setting.make(trace), seed, replicas=setting.replicas, faults=FAULTS[fault])
    run([one])
    return one


def all_of(compared: Sequence[tuple[str, str]] = COMPARED) -> list[Broken]:
    """Run the laws through all faults."""
    found = []
    for fault in FAULTS:
        for name, knob in compared:
            setting = next(s for s in by_name(name).settings if s.knob == knob)
            one = play(fault, setting)
            found.append(Broken(fault, name, outcome(one), one.changes))
    return found
