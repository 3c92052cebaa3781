"""Whether all workers have all adapters: what AdaptersReady says, and what of it makes a service Degraded.

Must not look at how workers start: an adapter can only be loaded into one that answers.
"""

from tidegate_operator.adapters.declared import around, declared
from tidegate_operator.adapters.report import Report, reports
from tidegate_operator.conditions.chain import Finding, Verdict
from tidegate_operator.conditions.scene import Scene
from tidegate_operator.reasons import REASONS


def told(scene: Scene) -> list[Report]:
    """Return how each adapter stands, in the order of the spec."""
    seen = scene.observed
    return reports(
        declared(seen.service, around(seen), scene.settings),
        seen.pods,
        seen.adapters,
        seen.service.get("status"),
    )


def verdict(adapters: list[Report]) -> Verdict | None:
    """Return what AdaptersReady says, None where there are no adapters."""
    if not adapters:
        return None
    found = problem(adapters) or next((one.finding for one in adapters if one.finding is not None), None)
    if found is None:
        words = f"All workers have all {len(adapters)} adapters."
        return Verdict("AdaptersReady", "True", Finding("AdaptersLoaded", words))
    return Verdict("AdaptersReady", "False", _counted(found, adapters))


def problem(adapters: list[Report]) -> Finding | None:
    """Return the first that somebody must look at, None if all are there or on their way."""
    return next((one for one in _problems(adapters)), None)


def _problems(adapters: list[Report]) -> list[Finding]:
    found = (one.finding for one in adapters)
    return [one for one in found if one is not None and REASONS[one.reason].is_warning]


def _counted(finding: Finding, adapters: list[Report]) -> Finding:
    """Return the finding, with how many more there are."""
    more = sum(one.finding is not None for one in adapters) - 1
    return Finding(finding.reason, f"{finding.message} (and {more} more)") if more else finding
