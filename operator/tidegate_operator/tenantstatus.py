"""The status of an LLMTenant, and when it will change by itself.

Owns the whole status object. Must not read the cluster or the clock: `Enrolled.now` is the time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from tidegate_api.settings import Settings
from tidegate_api.tenant import LLMTenantSpec
from tidegate_api.windows import window_end
from tidegate_operator import accounting
from tidegate_operator.conditions.chain import Finding, Verdict
from tidegate_operator.conditions.record import conditions, generation
from tidegate_operator.conditions.tenant import Enrolment, verdict
from tidegate_operator.facts import Enrolled
from tidegate_operator.resolve import explain


def summarize(seen: Enrolled, settings: Settings) -> dict[str, Any]:
    """Return the whole status.

    The same facts give the same status to the byte, so that nothing new writes nothing. A spec that makes no sense,
    such as one with a field of a newer version, leaves what was used as it is until it does.
    """
    before = seen.tenant.get("status") or {}
    try:
        return {**_told(seen, _spec(seen), settings), "observedGeneration": generation(seen.tenant)}
    except ValidationError as error:
        wrong = Verdict("Ready", "False", Finding("InvalidValue", explain(error, "spec")))
        said = conditions(seen.tenant, [wrong], seen.now)
        return {**before, "observedGeneration": generation(seen.tenant), "conditions": said}


def seconds_until_news(seen: Enrolled) -> float | None:
    """Return after how long a key expires or the budget begins anew, None if nothing will happen by itself."""
    try:
        spec = _spec(seen)
    except ValidationError:
        return None
    moments = [end for end in _ends(spec) if end > seen.now]
    if spec.budget is not None:
        moments.append(window_end(spec.budget.window, seen.now))
    return min((moment - seen.now).total_seconds() for moment in moments) if moments else None


def _told(seen: Enrolled, spec: LLMTenantSpec, settings: Settings) -> dict[str, Any]:
    ends = tuple(end for end in _ends(spec) if end <= seen.now)
    tenant = Enrolment(
        key=seen.key,
        spec=spec,
        services=seen.services,
        active_keys=len(spec.keys) - len(ends),
        ends=ends,
        is_anonymous=settings.anonymous_tenant == "/".join(seen.key),
    )
    window = spec.budget.window if spec.budget is not None else None
    before = accounting.read(seen.tenant.get("status") or {}, seen.now)
    account = accounting.settle(before, seen.counted, seen.ended, window, seen.now)
    return {
        "activeKeys": tenant.active_keys,
        **accounting.write(account),
        "conditions": conditions(seen.tenant, [verdict(tenant)], seen.now),
    }


def _spec(seen: Enrolled) -> LLMTenantSpec:
    return LLMTenantSpec.model_validate(seen.tenant.get("spec") or {})


def _ends(spec: LLMTenantSpec) -> Iterator[datetime]:
    """Yield when keys expire; one whose end cannot be read has expired, as gateways have it."""
    for key in spec.keys:
        if key.not_after is None:
            continue
        try:
            end = datetime.fromisoformat(key.not_after)
        except ValueError:
            end = datetime.min
        yield end if end.tzinfo else end.replace(tzinfo=UTC)
