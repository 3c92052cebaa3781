"""What the API answers when it cannot do what was asked: what was wrong, why in one word, and what to do.

Owns status codes and the form of errors, from whatever raised them. Must not hold a token, a key or a traceback.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate_models.errors import (
    ClusterDown,
    Conflict,
    Denied,
    HubDown,
    InUse,
    Invalid,
    Missing,
    ModelsError,
)

# What the API server answers with, as the console's API does; any other is a 502.
_PASSED_ON: Final = frozenset({400, 401, 403, 404, 409, 422, 429})
_STATUS: Final[Mapping[type[ModelsError], int]] = {
    Invalid: 422,
    Missing: 404,
    InUse: 409,
    Conflict: 409,
    ClusterDown: 503,
    HubDown: 502,
}
_UNTYPED: Final = "failed to create typed patch object"
_TYPED_FIELD: Final = re.compile(r"\.(spec[^\s:]*):")
_UNKNOWN_FIELD: Final = re.compile(r'unknown field \\?"([^"\\]+)')
SIGN_IN: Final = "sign in with a Kubernetes token, such as `kubectl create token ACCOUNT -n NAMESPACE` prints"
_FIXES: Final[Mapping[int, str]] = {
    401: f"the token is wrong or has expired: {SIGN_IN}",
    403: "ask for the cluster's role `edit` in this namespace, or `view` to read",
    404: "was it deleted meanwhile?",
    409: "look at what is there now, and try again",
    422: "correct the fields that are named, and try again",
    429: "wait a moment and try again",
}


class Problem(Exception):
    """An answer that is not the one that was asked for."""

    def __init__(
        self, status: int, reason: str, message: str, fix: str = "", fields: Sequence[str] = ()
    ) -> None:
        self.status, self.reason, self.fix, self.fields = status, reason, fix, tuple(fields)
        super().__init__(message)

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        named = {"fields": list(self.fields)} if self.fields else {}
        return {"error": {"message": str(self), "reason": self.reason, "fix": self.fix, **named}}


def not_signed_in() -> Problem:
    """Return the refusal of who has shown no token."""
    return Problem(401, "NotSignedIn", "This needs a user, and nobody is signed in.", SIGN_IN)


def expired() -> Problem:
    """Return the refusal of a token that the API server does not know."""
    return Problem(401, "Unauthorized", "The API server does not accept this token.", _FIXES[401])


def cluster_down(why: str) -> Problem:
    """Return what is said while the API server does not answer."""
    return Problem(503, "ClusterDown", f"The API server does not answer: {why}.", "try again in a moment")


def busy(message: str) -> Problem:
    """Return the refusal of what would be more than this process may hold."""
    return Problem(503, "TooMany", message, "close some tabs, or give the console more replicas")


def of_cluster(status: int, body: object, where: str = "") -> Problem:
    """Return what the API server's refusal is here, in its own words, with the fields that it names."""
    said = _status_of(body)
    passed = status if status in _PASSED_ON else 502
    message = str(said.get("message") or "it gave no reason")
    wrong = _wrong_fields(message)
    if wrong:
        passed, said = 422, {**said, "reason": "Invalid"}
    reason = str(said.get("reason") or ("Unauthorized" if status == 401 else "ClusterError"))
    causes = ((said.get("details") or {}).get("causes")) or ()
    fields = [str(cause["field"]) for cause in causes if cause.get("field")] or wrong
    text = f"The API server refused ({status}){f' in {where}' if where else ''}: {message}"
    return Problem(passed, reason, text, _FIXES.get(passed, "try again in a moment"), fields)


def of_models(error: ModelsError) -> Problem:
    """Return what an error of `tidegate_models` is here."""
    message = f"{error.what} ({error.where})" if error.where else error.what
    message = f"{message[:1].upper()}{message[1:]}."
    if isinstance(error, InUse):
        message = f"{message.removesuffix('.')}: {', '.join(error.users)}."
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 502)
    if isinstance(error, Denied):
        cause = getattr(error.__cause__, "status", None)
        status = cause if cause in _PASSED_ON else 502
    return Problem(status, type(error).__name__, message, error.fix or _FIXES.get(status, ""))


def _status_of(body: object) -> Mapping[str, Any]:
    """Return a `Status` of the API server, empty where the body is none."""
    if isinstance(body, bytes | str):
        try:
            body = json.loads(body)
        except ValueError:
            return {}
    return body if isinstance(body, dict) else {}


def _wrong_fields(message: str) -> list[str]:
    """Return the fields that server-side apply, or strict decoding, finds in no schema or of another type.

    The API server answers them with 500 or 400, as `…typed patch object (NS/NAME; KIND): .spec.qos: expected map…`.
    """
    if _UNTYPED in message:
        return _TYPED_FIELD.findall(message.partition(_UNTYPED)[2])
    return _UNKNOWN_FIELD.findall(message)
