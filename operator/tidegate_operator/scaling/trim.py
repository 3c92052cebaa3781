"""The slow correction by what users see: objectives that are missed lower what is planned of a replica's time.

Owns the reserve. Must not react within seconds: a cold start takes longer, and what is missed meanwhile says nothing.
"""

from dataclasses import dataclass, replace

from tidegate_operator.scaling.case import Case
from tidegate_operator.scaling.facts import Demand
from tidegate_operator.scaling.tuning import Tuning

# The late share is of about so many of the last seconds.
_MEMORY_SECONDS = 120.0
# Fewer answers than this are an accident, not a share.
_ENOUGH_ANSWERS = 10.0
# An objective that is missed although replicas are less busy than this is not missed for want of replicas.
_LEAST_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Trim:
    """How much of a replica's time is planned for, and since when the objective is missed or exceeded."""

    utilization: float | None = None
    answers: float = 0.0
    late: float = 0.0
    missed_since: float | None = None
    exceeded_since: float | None = None

    @property
    def attainment(self) -> float | None:
        """Return the share of answers that began in time; None of too few."""
        return 1.0 - self.late / self.answers if self.answers >= _ENOUGH_ANSWERS else None

    def planned(self, tuning: Tuning) -> float:
        """Return the share of a replica's time that is planned for."""
        return tuning.utilization if self.utilization is None else self.utilization


def step(trim: Trim, demand: Demand, case: Case, load: float) -> tuple[Trim, bool]:
    """Return the correction after one more sample, and whether one more replica is asked for because of it.

    `load` is what the terms ask for.
    """
    supply, now, tuning = case.supply, case.now, case.tuning
    keep = 0.5 ** (case.seen.interval_seconds / _MEMORY_SECONDS)
    trim = replace(
        trim,
        answers=trim.answers * keep + demand.first_tokens,
        late=trim.late * keep + min(demand.late_first_tokens, demand.first_tokens),
    )
    attainment = trim.attainment
    is_settled = not supply.pending and not supply.stuck and supply.ready >= supply.desired
    if attainment is None or not is_settled or load < _LEAST_LOAD * supply.ready:
        return replace(trim, missed_since=None, exceeded_since=None), False
    if attainment < tuning.goal:
        return _missed(trim, now, tuning)
    if attainment > tuning.goal + tuning.relief_margin:
        return _exceeded(trim, now, tuning), False
    return replace(trim, missed_since=None, exceeded_since=None), False


def _missed(trim: Trim, now: float, tuning: Tuning) -> tuple[Trim, bool]:
    since = now if trim.missed_since is None else trim.missed_since
    if now - since < tuning.burn_seconds:
        return replace(trim, missed_since=since, exceeded_since=None), False
    planned = max(trim.planned(tuning) * tuning.burn_factor, tuning.utilization_min)
    return replace(trim, utilization=planned, missed_since=now, exceeded_since=None), True


def _exceeded(trim: Trim, now: float, tuning: Tuning) -> Trim:
    since = now if trim.exceeded_since is None else trim.exceeded_since
    if now - since < tuning.relief_seconds:
        return replace(trim, missed_since=None, exceeded_since=since)
    planned = min(trim.planned(tuning) * tuning.relief_factor, tuning.utilization_max)
    return replace(trim, utilization=planned, missed_since=None, exceeded_since=now)
