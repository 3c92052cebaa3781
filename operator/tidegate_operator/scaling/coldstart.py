"""How long a replica takes until it answers: percentiles of the starts that were seen.

Owns the estimate and what stands for it before the first start. Must not read a clock or a Pod.
"""

from collections.abc import Sequence
from math import ceil, log
from statistics import fmean, pstdev

from tidegate_operator.scaling.facts import ColdStart

# Published starts of vLLM on GPUs lie between 98 and 139 s (llm-d's benchmarks); measured times replace it.
PRIOR = ColdStart(p50=120.0, p90=180.0, p99=300.0)
# The newest starts count: an image that is cached by now, or a new model, is soon all there is.
NEWEST = 20
# Of few starts the extremes are not known: a log-normal spread of at least this is assumed (measured there: 0.15).
LEAST_SPREAD = 0.15
_FEW = 10
_NORMAL_P90 = 1.2816
_NORMAL_P99 = 2.3263


def percentiles(starts: Sequence[float]) -> ColdStart:
    """Return the percentiles of starts in seconds, oldest first; the prior if there were none.

    Of less than ten, a log-normal distribution's with their mean and at least the least spread.
    """
    newest = sorted(one for one in starts[-NEWEST:] if one > 0)
    if not newest:
        return PRIOR
    if len(newest) >= _FEW:
        return ColdStart(*(newest[ceil(share * len(newest)) - 1] for share in (0.5, 0.9, 0.99)))
    logs = [log(one) for one in newest]
    middle, spread = fmean(logs), max(pstdev(logs), LEAST_SPREAD)
    return ColdStart(*(2.718281828459045 ** (middle + z * spread) for z in (0.0, _NORMAL_P90, _NORMAL_P99)))


def override(measured: ColdStart, seconds: float | None) -> ColdStart:
    """Return what the user says in place of what was measured, if something."""
    return measured if seconds is None else ColdStart(seconds, seconds, seconds)
