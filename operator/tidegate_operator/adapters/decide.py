"""What to do about the adapters of one worker now: load, unload, replace, or wait after a failure.

Owns the order and the back-off. Pure: what is wanted, what is there and what failed in, actions out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tidegate_operator.conditions.chain import Finding

FIRST_DELAY_SECONDS: Final = 10.0
LONGEST_DELAY_SECONDS: Final = 300.0
# Under it a new revision is tried while the old one still answers; no declared adapter can have such a name.
TRIAL_SUFFIX: Final = "~next"


@dataclass(frozen=True, slots=True)
class Failure:
    """How often in a row a directory could not be loaded under a name, when last, and why."""

    path: str
    count: int
    at: float
    finding: Finding

    @property
    def again_at(self) -> float:
        """Return when it is tried again."""
        delay = FIRST_DELAY_SECONDS * 2.0 ** min(self.count - 1, 16)
        return self.at + min(delay, LONGEST_DELAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a worker is to have: names with the directories in which it finds them.

    What is `kept` is declared, and its files are not there now or not for this worker: it stays as it is.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    kept: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Action:
    """One step on one worker. `path` is empty for an unload."""

    does: Literal["load", "unload", "replace"]
    name: str
    path: str = ""


def actions(
    wanted: Wanted, has: Mapping[str, str], failures: Mapping[str, Failure], now: float
) -> list[Action]:
    """Return the steps in their order: first what makes room. `now` is of the clock that the failures have."""
    gone = [name for name in has if name not in wanted.paths and name not in wanted.kept]
    found = [Action("unload", name) for name in sorted(gone)]
    for name, path in wanted.paths.items():
        if has.get(name) == path or _waits(failures.get(name), path, now):
            continue
        found.append(Action("replace" if name in has else "load", name, path))
    return found


def failed(before: Failure | None, path: str, finding: Finding, now: float) -> Failure:
    """Return the failure to remember after one more; another directory begins anew."""
    count = before.count if before is not None and before.path == path else 0
    return Failure(path, count + 1, now, finding)


def _waits(failure: Failure | None, path: str, now: float) -> bool:
    return failure is not None and failure.path == path and now < failure.again_at
