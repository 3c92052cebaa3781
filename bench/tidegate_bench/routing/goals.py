"""What routing has to achieve, judged on the rounds of one run.

Owns the goals and their limits. Pure.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.routing.arms import OURS, PEERS, ROUND_ROBIN
from tidegate_bench.routing.decision import Decisions
from tidegate_bench.routing.rounds import SEED, Rounds
from tidegate_bench.statistics import interval, paired_ratio

OTHERS: Final = (ROUND_ROBIN, *PEERS)
OPEN: Final = ("prefix-heavy", "no-reuse", "hot-prefix", "chats")
# Where nothing repeats, looking for prefixes may cost this much.
LOSS: Final = 1.02
SHARE: Final = "of what one endless cache would find"


def judged(measured: Mapping[str, Rounds], decisions: Sequence[Decisions]) -> list[Goal]:
    """Return the goals of what was measured."""
    goals = []
    for name in ("prefix-heavy", "chats"):
        if name in measured:
            figure = interval(measured[name].of(OURS, "hit_ratio"), SEED)
            goals.append(Goal(f"routing-cached-{name}", figure, SHARE, 0.95, at_least=True))
    for name in OPEN:
        if name in measured:
            goals.append(_first_token(name, measured[name], LOSS if name == "no-reuse" else 1.0))
    if "hot-prefix" in measured:
        figure = interval(measured["hot-prefix"].of(OURS, "request_unevenness"), SEED)
        goals.append(Goal("routing-hot-prefix-load", figure, "max/mean requests", 1.25))
    for name, limit in (("prefix-heavy-full", 1.2), ("no-reuse-full", 1 / LOSS)):
        if name in measured:
            goals.append(_throughput(name, measured[name], limit))
    if decisions:
        figure = interval([each.p99 for each in decisions], SEED)
        goals.append(Goal("routing-decision-p99", figure, "µs CPU", 200.0))
    return goals


def best(rounds: Rounds, what: str, highest: bool) -> str:
    """Return which of the others has the best median."""
    there = [arm for arm in OTHERS if arm in rounds.arms]
    return (max if highest else min)(there, key=lambda arm: median(rounds.of(arm, what)))


def _first_token(name: str, rounds: Rounds, limit: float) -> Goal:
    other = best(rounds, "first_token_p90", highest=False)
    figure = paired_ratio(rounds.of(OURS, "first_token_p90"), rounds.of(other, "first_token_p90"), SEED)
    return Goal(f"routing-first-token-p90-{name}", figure, f"×{other}".replace(" ", "-"), limit)


def _throughput(name: str, rounds: Rounds, limit: float) -> Goal:
    other = best(rounds, "tokens_per_second", highest=True)
    figure = paired_ratio(rounds.of(OURS, "tokens_per_second"), rounds.of(other, "tokens_per_second"), SEED)
    return Goal(
        f"routing-tokens-per-second-{name}", figure, f"×{other}".replace(" ", "-"), limit, at_least=True
    )
