"""What is remembered of a pool from one decision to the next, and what of it outlives the operator.

Owns the value and its short form. Must not decide; what cannot be read back is not known.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any

from tidegate_operator.scaling.bins import Bin
from tidegate_operator.scaling.capacity import ENOUGH_FULL, Costs, Learned
from tidegate_operator.scaling.idle import Idleness
from tidegate_operator.scaling.limits import Change
from tidegate_operator.scaling.trim import Trim
from tidegate_operator.scaling.tuning import DEFAULT
from tidegate_operator.scaling.window import Want


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that the law knows besides what it is given; times are Unix times.

    `highs` and `lows` are what was asked for; `staying` is the supply's; `sampled_at` is the newest sample that counts
    already, `completed_at` the newest of which nothing was missing.
    """

    bins: tuple[Bin, ...] = ()
    highs: tuple[Want, ...] = ()
    lows: tuple[Want, ...] = ()
    changes: tuple[Change, ...] = ()
    learned: Learned = field(default_factory=Learned)
    trim: Trim = field(default_factory=Trim)
    idle: Idleness = field(default_factory=Idleness)
    staying: int | None = None
    decided_at: float = 0.0
    sampled_at: float | None = None
    completed_at: float | None = None
    # Samples in a row of which nothing could be used.
    failures: int = 0


EMPTY = Memory()

# Sums that are ratios of each other keep the ratio only: after a restart new observations soon outweigh it.
_RATIOS = (
    ("finished_tokens", "finished_requests"),
    ("arrived_tokens", "arrived_requests"),
    ("cached_tokens", "prompt_tokens"),
    ("kv_used", "kv_requests"),
)


def remember(memory: Memory) -> dict[str, float]:
    """Return what outlives the operator, in numbers by name: what replicas can do, and what is kept in reserve."""
    learned = memory.learned
    kept: dict[str, float] = {}
    if learned.costs is not None:
        kept |= {f"{name}_seconds": value for name, value in asdict(learned.costs).items()}
    for above, below in _RATIOS:
        if getattr(learned, below) > 0:
            kept[f"{above}_per_{below}"] = getattr(learned, above) / getattr(learned, below)
    if learned.kv_capacity_tokens > 0:
        kept["kv_capacity_tokens"] = learned.kv_capacity_tokens
    if learned.full_weight >= ENOUGH_FULL:
        kept["full_requests"] = learned.full
    if memory.trim.utilization is not None:
        kept["utilization"] = memory.trim.utilization
    return {name: float(f"{value:.4g}") for name, value in kept.items()}


def recall(kept: Mapping[str, object]) -> Memory:
    """Return the memory of what was kept; what is not a positive number is as if it had not been kept."""
    known = {
        name: float(value)
        for name, value in kept.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and value >= 0
    }
    learned = Learned(kv_capacity_tokens=known.get("kv_capacity_tokens", 0.0))
    for above, below in _RATIOS:
        if (ratio := known.get(f"{above}_per_{below}")) is not None:
            changes: dict[str, Any] = {above: ratio, below: 1.0}
            learned = replace(learned, **changes)
    if full := known.get("full_requests"):
        learned = replace(learned, peak=full, full=full, full_weight=ENOUGH_FULL)
    return Memory(learned=_with_costs(learned, known), trim=_trim(known.get("utilization")))


def _trim(utilization: float | None) -> Trim:
    if utilization is None:
        return Trim()
    return Trim(min(max(utilization, DEFAULT.utilization_min), DEFAULT.utilization_max))


def _with_costs(learned: Learned, known: Mapping[str, float]) -> Learned:
    values = [known.get(f"{one.name}_seconds", 0.0) for one in fields(Costs)]
    if not all(values):
        return learned
    costs = Costs(*values)
    return replace(learned, costs=costs, prior=costs)


def thaw(told: Mapping[str, Any]) -> Memory:
    """Return the memory of the dictionary that `dataclasses.asdict` makes of one, also by way of JSON.

    Raises KeyError or TypeError for anything else.
    """
    learned = dict(told["learned"])
    for name in ("costs", "prior"):
        learned[name] = None if learned[name] is None else Costs(**learned[name])
    for name in ("squares", "sums"):
        learned[name] = tuple(learned[name])
    parts = {
        "bins": tuple(Bin(**one) for one in told["bins"]),
        "learned": Learned(**learned),
        "trim": Trim(**told["trim"]),
        "idle": Idleness(**told["idle"]),
    }
    pairs = {name: tuple(tuple(one) for one in told[name]) for name in ("highs", "lows", "changes")}
    return Memory(**{**told, **parts, **pairs})
