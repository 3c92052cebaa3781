"""Whether the version that is tried is worse than the one in use, by what the gateways counted of both.

Owns the tests and their bounds. Pure arithmetic: must not know workers, steps or time.

Errors: an exact one-sided binomial test. The version has failed when, were its true share of errors the highest that is
allowed, so many or more would be seen in less than one of a hundred cases. First tokens: bounds of the 90th percentile
by order statistics, which ask nothing of the distribution (Conover, Practical Nonparametric Statistics, 3rd edition,
section 3.2): it has failed when the low bound of its own is above what is allowed over the high bound of the other's.
Both are looked at again every few seconds, so a bound of one in a hundred is meant to be a hard one. Between failed and
good lies what is not known yet: there more requests are awaited.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, exp, lgamma, log, log1p, sqrt
from typing import Final, Literal

from tidegate_api.firsttoken import quantile, upper
from tidegate_api.rollout import Analysis
from tidegate_operator.rollout.facts import Compared, Counts

# How seldom chance alone may take a good version back at one look.
ERROR_LEVEL: Final = 0.01
QUANTILE: Final = 0.9
# The 99th percentile of the normal distribution, for each of the two bounds.
_Z: Final = 2.326


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be thought of a version, and why."""

    is_: Literal["Failed", "Unknown", "Good"]
    words: str


def judge(compared: Compared, asked: Analysis, *, has_golden: bool) -> Judgement:
    """Return what the counts say; `has_golden`: the golden prompts were all answered as expected."""
    canary = compared.canary
    least = asked.min_requests if has_golden else max(asked.min_requests, 1)
    if canary.requests < least:
        return Judgement("Unknown", f"{canary.requests} of the {least} requests it takes to judge have ended")
    if not canary.requests:
        return Judgement("Good", "the golden prompts were answered as expected, and no request is asked for")
    errors = _errors(compared, asked)
    if errors.is_ == "Failed":
        return errors
    slower = _first_tokens(compared, asked, errors.words)
    return slower if slower.is_ == "Failed" or errors.is_ == "Good" else errors


def _errors(compared: Compared, asked: Analysis) -> Judgement:
    canary, stable = compared.canary, compared.stable
    there = stable.errors / stable.requests if stable.requests else 0.0
    allowed = max(asked.max_error_percent / 100, there)
    share = canary.errors / canary.requests
    words = f"{canary.errors} of its {canary.requests} requests failed ({share:.1%}; {allowed:.1%} may)"
    if share <= allowed:
        return Judgement("Good", words)
    if at_least(canary.errors, canary.requests, allowed) < ERROR_LEVEL:
        return Judgement("Failed", words)
    return Judgement("Unknown", f"{words}: that may be chance, and more requests will tell")


def _first_tokens(compared: Compared, asked: Analysis, errors: str) -> Judgement:
    canary, stable = compared.canary.first_tokens, compared.stable.first_tokens
    enough = max(asked.min_requests, 1)
    if sum(canary.values()) < enough or sum(stable.values()) < enough:
        return Judgement("Good", f"{errors}; too few first tokens at both to compare")
    limit = 1 + asked.max_ttft_regression_percent / 100
    mine, theirs = quantile(canary, QUANTILE), quantile(stable, QUANTILE)
    words = (
        f"its 90th percentile of the time to the first token is {_seconds(mine)} against {_seconds(theirs)} "
        f"({mine / theirs - 1:+.0%}; {asked.max_ttft_regression_percent:+g}% may)"
    )
    if mine <= limit * theirs:
        return Judgement("Good", f"{errors}; {words}")
    if _bound(canary, -_Z) > limit * _bound(stable, _Z):
        return Judgement("Failed", words)
    return Judgement("Unknown", f"{words}: that may be chance, and more requests will tell")


def at_least(found: int, of: int, share: float) -> float:
    """Return how likely at least `found` of `of` are where each is with the probability `share`."""
    if found <= 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    # Summed on the shorter side of the distribution, in logarithms: factorials leave the range of floats.
    if found > of * share:
        return min(
            sum(_exactly(number, of, share) for number in range(found, min(of, found + 5000) + 1)), 1.0
        )
    return max(1.0 - sum(_exactly(number, of, share) for number in range(found)), 0.0)


def _exactly(found: int, of: int, share: float) -> float:
    ways = lgamma(of + 1) - lgamma(found + 1) - lgamma(of - found + 1)
    return exp(ways + found * log(share) + (of - found) * log1p(-share))


def _bound(counts: Mapping[int, int], z: float) -> float:
    """Return the bound of the 90th percentile that lies `z` standard deviations of its rank away, in seconds."""
    total = sum(counts.values())
    rank = total * QUANTILE + z * sqrt(total * QUANTILE * (1 - QUANTILE))
    wanted, before = min(max(ceil(rank), 1), total), 0
    for index in sorted(counts):
        before += counts[index]
        if before >= wanted:
            return upper(index)
    return upper(max(counts))


def figures(counts: Counts) -> dict[str, int]:
    """Return the counts of a version as a status has them."""
    found = {"requests": counts.requests, "errors": counts.errors}
    if sum(counts.first_tokens.values()):
        found["ttftP50Milliseconds"] = round(1000 * quantile(counts.first_tokens, 0.5))
        found["ttftP90Milliseconds"] = round(1000 * quantile(counts.first_tokens, QUANTILE))
    return found


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms"
