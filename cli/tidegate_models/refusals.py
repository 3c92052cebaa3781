"""What the API server refuses, or does not answer, as this package's errors.

Owns their words. Must not call anybody.
"""

import json
import re
from typing import Any, Final

from tidegate_models.errors import ClusterDown, Conflict, Denied, Missing, ModelsError

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT = 401, 403, 404, 409
_INSTALL: Final = "install or upgrade the chart, or choose another cluster with --context"
_FIXES: Final = {
    _UNAUTHORIZED: "log in to the cluster again",
    _FORBIDDEN: "ask for the cluster's role `edit` in this namespace",
}
# Around what the operating system said, urllib3 has its own words, with addresses of objects.
_OF_URLLIB3: Final = re.compile(
    r"^.*?(?:Failed to (?:establish a new connection|resolve [^:]*?)): ?", re.DOTALL
)


def refusal(error: Any, where: str, what: str) -> ModelsError:
    """Return what a `kubernetes.client.ApiException` means to a user.

    `where` is a namespace or a path, `what` the kind that was asked for, with its name if it had one.
    """
    words = said(error)
    if error.status == _NOT_FOUND and is_unknown_kind(error):
        return Missing(f"the cluster does not know {what.partition(' ')[0]}", where, _INSTALL)
    if error.status == _NOT_FOUND:
        # Without the namespace it is of no use to name what should be in it.
        return Missing(words if words.startswith("namespaces ") else f"there is no {what}", where)
    if error.status == _CONFLICT:
        return Conflict(words, where)
    answer = f"the API server refused ({error.status} {error.reason}): {words}"
    return Denied(answer, where, _FIXES.get(error.status, ""))


def said(error: Any) -> str:
    """Return the API server's own words."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return " ".join(str(error.body or error.reason).split())


def is_unknown_kind(error: Any) -> bool:
    """Tell a resource that the API server does not serve from an object that is not there."""
    return "page not found" in str(error.body) or "could not find the requested resource" in str(error.body)


def unreached(error: Exception, where: str) -> ClusterDown:
    """Return what it means that no answer came; `where` is the address, or the namespace."""
    reason: Any = error
    while getattr(reason, "reason", None) is not None and isinstance(reason.reason, BaseException):
        reason = reason.reason
    words = _OF_URLLIB3.sub("", " ".join(str(reason).split())) or type(reason).__name__
    return ClusterDown(
        f"the API server did not answer: {words}",
        where,
        "is the cluster up, and is it the one of this kubeconfig?",
    )
