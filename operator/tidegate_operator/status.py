"""The status of an LLMService, and the events that its changes deserve.

Owns the whole status object. Must not read the cluster or the clock: `Observed.now` is the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tidegate_api.settings import Settings
from tidegate_operator.desired import Plan
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed


@dataclass(frozen=True, slots=True)
class Announcement:
    """A Kubernetes event to post."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def summarize(
    observed: Observed, plan: Plan | None, stalled: Stalled | None, settings: Settings
) -> dict[str, Any]:
    """Return the whole status; `stalled` is why there is no plan."""
    raise NotImplementedError


def transitions(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Announcement]:
    """Return what is worth an event between two statuses."""
    raise NotImplementedError
