"""What can be told of manifests before the cluster sees them: nonsense, and what the operator would refuse. Pure.

Owns which refusals count without the operator's own settings. Must not decide what is refused.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tidegate_api.names import API_VERSION, MODEL_KIND, SERVICE_KIND, TENANT_KIND
from tidegate_api.settings import Settings
from tidegate_cli.preview import is_service, preview

Json = dict[str, Any]
KINDS: Final = (SERVICE_KIND, TENANT_KIND, MODEL_KIND)
# What the operator finds in any cluster: these do not depend on how it was set up.
_EVERYWHERE: Final = ("UnknownFlag", "ForbiddenFlag", "ForbiddenVariable", "InvalidValue")


def problems(documents: Sequence[Json], settings: Settings | None, namespace: str) -> Iterator[str]:
    """Yield why manifests make no sense; `settings` are the operator's, None where they are not known."""
    foreign = [
        one for one in documents if one.get("apiVersion") != API_VERSION or one.get("kind") not in KINDS
    ]
    for one in foreign:
        yield (
            f"{one.get('kind', 'an object')} of {one.get('apiVersion', 'no apiVersion')} is none of "
            f"{', '.join(KINDS)}: apply it with kubectl"
        )
    if not any(is_service(one) for one in documents):
        yield f"there is no {SERVICE_KIND} of {API_VERSION} in it"
    for one in documents:
        other = (
            (one.get("metadata") or {}).get("namespace") if isinstance(one.get("metadata"), dict) else None
        )
        if other is not None and other != namespace:
            yield f"{one.get('kind')} is of namespace {other}, not of {namespace}: say -n {other}"
    for result in preview(documents, settings or Settings(), namespace):
        if result.problem is not None and (settings is not None or _counts(result.problem)):
            yield f"{result.name}: {result.problem}"


def _counts(problem: str) -> bool:
    """Tell whether a problem is one whatever the operator's settings are: a reason, or of the schema without one."""
    reason, is_reason, _ = problem.partition(": ")
    return reason in _EVERYWHERE or not (is_reason and reason.isalpha() and reason[:1].isupper())
