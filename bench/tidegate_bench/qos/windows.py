"""What each class gets in any minute of a long overload: our dispatcher and router in simulated time.

Owns that run. Engines have their real speed; only the clock is not real, so that minutes take seconds.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_api.names import QosClass
from tidegate_bench.qos.traffic import OVERLOAD, SIZES, in_one_class, make
from tidegate_bench.routing.policies import Ours
from tidegate_bench.routing.virtual import play
from tidegate_bench.sim.outcome import Outcome, quantile_ms, tokens_per_second
from tidegate_bench.sim.profile import Profile
from tidegate_gateway.directory import DEFAULT_CLASSES
from tidegate_gateway.qos.ticket import Ticket

WORKERS: Final = 2
WINDOW_SECONDS: Final = 60.0
# Windows are laid this far apart.
STEP_SECONDS: Final = 1.0
# Until credits have found their size and queues are full.
WARM_SECONDS: Final = 20.0
KNEE_SECONDS: Final = 60.0
# More than two engines of the benchmark's profile do.
FLOOD_PER_SECOND: Final = 200.0


@dataclass(frozen=True, slots=True)
class Admission:
    """One request sent on."""

    at: float
    qos_class: QosClass
    tokens: int


@dataclass(frozen=True, slots=True)
class Long:
    """A long overload."""

    # Least share of the admitted tokens that class low had in any window, and its share of the whole run.
    least_low_share: float
    low_share: float
    # Class high: milliseconds to the first token that 99 of 100 stay below, and those with nobody else there.
    high_p99_ms: float
    unloaded_p99_ms: float
    # Tokens of whole answers, over what first come, first served does at the load that just fits.
    goodput_ratio: float


class _Play:
    """One run of a load in simulated time."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._seed = seed
        self.admissions: list[Admission] = []

    def run(
        self, per_second: float, shares: Mapping[QosClass, float], seconds: float, one_class: bool = False
    ) -> dict[QosClass, list[Outcome]]:
        """Return what became of the requests that came once it was warm, by class."""
        rng = random.Random(self._seed)  # noqa: S311 - a load, not a secret
        asks = make(rng, per_second, shares, seconds)
        if one_class:
            asks = in_one_class(asks)
        self.admissions = []
        ours = Ours(rng, classes=DEFAULT_CLASSES, watch=self._note)
        outcomes = play(asks, self._profile, WORKERS, ours, seconds).outcomes
        found: dict[QosClass, list[Outcome]] = {"high": [], "medium": [], "low": []}
        for ask, outcome in zip(asks, outcomes, strict=True):
            found[ask.qos_class].append(outcome)
        return found

    def _note(self, ticket: Ticket, now: float) -> None:
        tokens = ticket.prompt_tokens + ticket.output_tokens
        self.admissions.append(Admission(now, ticket.qos_class, tokens))


def overload(profile: Profile, seconds: float, seed: int, flood: float = FLOOD_PER_SECOND) -> Long:
    """Play what just fits as one class, class high alone, and three times what fits.

    `flood` is requests per second that are more than the engines can do: so it is found out what they can.
    """
    made = _Play(profile, seed)
    most = _all(made.run(flood, {"medium": 1.0}, KNEE_SECONDS, one_class=True))
    fits = tokens_per_second(most, WARM_SECONDS, KNEE_SECONDS) / SIZES.mean_answer
    knee = _all(made.run(fits, {"medium": 1.0}, KNEE_SECONDS, one_class=True))
    alone = made.run(fits, {"high": OVERLOAD["high"]}, seconds)
    loaded = made.run(fits, OVERLOAD, seconds)
    return Long(
        least_low_share=least_share(made.admissions, "low", WARM_SECONDS, seconds),
        low_share=share(made.admissions, "low", WARM_SECONDS, seconds),
        high_p99_ms=_warm_p99(loaded["high"]),
        unloaded_p99_ms=_warm_p99(alone["high"]),
        goodput_ratio=tokens_per_second(_all(loaded), WARM_SECONDS, seconds)
        / tokens_per_second(knee, WARM_SECONDS, KNEE_SECONDS),
    )


def _all(by_class: Mapping[QosClass, list[Outcome]]) -> list[Outcome]:
    return [outcome for outcomes in by_class.values() for outcome in outcomes]


def _warm_p99(outcomes: Sequence[Outcome]) -> float:
    return quantile_ms([outcome for outcome in outcomes if outcome.due >= WARM_SECONDS], 0.99)


def share(admissions: Sequence[Admission], qos_class: QosClass, begin: float, end: float) -> float:
    """Return the share of the tokens admitted between two times that was a class's; 1 if none was admitted."""
    inside = [each for each in admissions if begin <= each.at < end]
    total = sum(each.tokens for each in inside)
    return sum(each.tokens for each in inside if each.qos_class == qos_class) / total if total else 1.0


def least_share(admissions: Sequence[Admission], qos_class: QosClass, begin: float, end: float) -> float:
    """Return the least share of a class in any window that lies between two times."""
    starts = int((end - begin - WINDOW_SECONDS) / STEP_SECONDS) + 1
    return min(
        share(admissions, qos_class, start, start + WINDOW_SECONDS)
        for start in (begin + number * STEP_SECONDS for number in range(starts))
    )
