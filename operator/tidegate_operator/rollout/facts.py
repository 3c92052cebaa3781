"""What a rollout is decided from, and what is decided: the shapes between reading, deciding and building.

Owns the shapes. Must not decide.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tidegate_api.rollout import CanarySettings, Phase, Verdict


@dataclass(frozen=True, slots=True)
class State:
    """How far a service is, as its status keeps it: all that a restart of the operator has to find again.

    `revision` is the version in use. `other` is the one that is tried, promoted or taken back, or that has failed.
    `step` counts from 1; while `weight` is not the step's yet, its workers are awaited.
    """

    revision: str
    phase: Phase = "Stable"
    other: str | None = None
    step: int = 0
    weight: int = 0
    started_at: datetime | None = None
    step_started_at: datetime | None = None
    verdict: Verdict | None = None
    message: str = ""
    golden: str | None = None

    @property
    def is_checked(self) -> bool:
        """Return whether the other version has gone through all steps, or a person has answered for it."""
        return self.verdict in ("Passed", "Promoted")

    @property
    def goal(self) -> str:
        """Return the version that the workers in use are to be of."""
        return self.other if self.phase == "Promoting" and self.other is not None else self.revision


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one version: requests that ended, those that failed, first tokens by their bucket."""

    requests: int = 0
    errors: int = 0
    first_tokens: Mapping[int, int] = field(default_factory=dict)

    def plus(self, other: "Counts") -> "Counts":
        """Return both together."""
        times = Counter(self.first_tokens)
        times.update(other.first_tokens)
        return Counts(self.requests + other.requests, self.errors + other.errors, dict(times))


@dataclass(frozen=True, slots=True)
class Compared:
    """The counts of both versions over the same time."""

    stable: Counts = field(default_factory=Counts)
    canary: Counts = field(default_factory=Counts)

    def plus(self, other: "Compared") -> "Compared":
        """Return both together."""
        return Compared(self.stable.plus(other.stable), self.canary.plus(other.canary))


@dataclass(frozen=True, slots=True)
class Examined:
    """What a worker of a version answered to the golden prompts: `problem` is why they could not be asked."""

    revision: str
    passed: int = 0
    total: int = 0
    failures: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def tally(self) -> str:
        """Return how many were answered as expected, as `5/5`."""
        return f"{self.passed}/{self.total}"


@dataclass(frozen=True, slots=True)
class Tried:
    """The workers of the version that is tried: wanted for the step that begins, ready, still there.

    `problem` is why one of them will never serve.
    """

    wanted: int = 0
    ready: int = 0
    there: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that a rollout depends on, at one moment.

    `target` is the version that the spec asks for; `is_alike`: the workers of the version in use would not change by
    it. `is_at_rest`: no worker is wanted. `has_moved`: no worker of another version than the one that was to be built
    is left; `is_settled`: and all of them answer.
    """

    target: str
    is_alike: bool
    canary: CanarySettings | None
    is_at_rest: bool
    tried: Tried
    has_moved: bool
    is_settled: bool
    compared: Compared
    examined: Examined | None
    command: Literal["promote", "abort"] | None
    now: datetime
