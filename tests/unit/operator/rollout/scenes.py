"""Facts of a rollout, for tests: everything goes well unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate_api.rollout import Analysis, CanarySettings, CanaryStep
from tidegate_operator.rollout.facts import Compared, Counts, Examined, Seen, State, Tried

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
OLD, NEW, THIRD = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"


def canary(*weights: int, pause: int = 60, **analysis: Any) -> CanarySettings:
    """Return a canary of these steps."""
    steps = [CanaryStep(weight=weight, pause_seconds=pause) for weight in weights or (10, 50)]
    return CanarySettings(steps=steps, analysis=Analysis(**analysis))


def seen(**more: Any) -> Seen:
    """Return a moment in which NEW is asked for, has a ready worker, and nothing was counted yet."""
    usual = Seen(
        target=NEW,
        is_alike=False,
        canary=canary(),
        is_at_rest=False,
        tried=Tried(wanted=1, ready=1, there=1),
        has_moved=True,
        is_settled=True,
        compared=Compared(),
        examined=None,
        command=None,
        now=NOW,
    )
    return replace(usual, **more)


def later(seconds: float) -> datetime:
    """Return a moment after NOW."""
    return NOW + timedelta(seconds=seconds)


def trying(step: int = 1, weight: int = 10, **more: Any) -> State:
    """Return a canary of NEW in the middle of a step."""
    usual = State(OLD, "Canary", NEW, step, weight, NOW, NOW, "Passing", "")
    return replace(usual, **more)


def counts(requests: int, errors: int = 0, times: Mapping[int, int] | None = None) -> Counts:
    """Return what was counted of a version; first tokens at one time for all, unless told."""
    return Counts(requests, errors, times if times is not None else {60: requests})


def compared(canary: Counts, stable: Counts | None = None) -> Compared:
    """Return the counts of both; the version in use does well."""
    return Compared(stable or counts(1000), canary)


def examined(passed: int = 5, total: int = 5, **more: Any) -> Examined:
    """Return what NEW answered to golden prompts."""
    failures = tuple(f"'{number}' was wrong" for number in range(total - passed))
    return replace(Examined(NEW, passed, total, failures), **more)
