"""What it means when a hub says no.

Owns the way from a status, a code and a few words to a reason and a sentence that says whom to ask. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate_loader.failure import LoadFailed

# Words of a hub are shown, but not at any length.
MAX_WORDS: Final = 300
TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is none: its status, the hub's code and words, and after how many seconds to come again."""

    status: int
    code: str = ""
    words: str = ""
    retry_after: float | None = None

    @property
    def passing(self) -> bool:
        return self.status in TRANSIENT


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, of whom, and with a token or without."""

    uri: str
    revision: str
    endpoint: str
    # Where people see the model, and where they make tokens.
    page: str
    token_page: str
    has_token: bool


def verdict(said: Said, asked: Asked) -> LoadFailed:
    """Return what an answer of the hub means, and what to do about it."""
    match said.status:
        case 401:
            return unauthorized(said, asked)
        case 403 | 451:
            return LoadFailed("AccessDenied", denied(said, asked))
        case 404:
            return not_found(said, asked)
        case 429:
            return LoadFailed("HubRateLimited", rate_limited(said, asked))
    if said.passing or said.status >= 500:
        return unreachable(asked, f"answered {said.status}{quoted(said)}")
    return LoadFailed(
        "LoaderFailed", f"{asked.endpoint} answered {said.status} about {asked.uri}{quoted(said)}."
    )


def unauthorized(said: Said, asked: Asked) -> LoadFailed:
    """Return what it means that the hub wants to know who asks."""
    if asked.has_token and said.code == "GatedRepo":
        return LoadFailed("AccessDenied", denied(said, asked))
    if asked.has_token and said.code != "RepoNotFound":
        message = f"{asked.endpoint} does not accept the token{quoted(said)}."
        return LoadFailed(
            "TokenInvalid", f"{message} Make a new one at {asked.token_page} and put it into the Secret."
        )
    if said.code in ("GatedRepo", "LoginNeeded"):
        message = (
            f"{asked.page} is gated or private, and there is no token. Visit it and accept its conditions"
        )
        return LoadFailed("TokenMissing", f"{message}, then name a Secret with a token in tokenSecretRef.")
    # To those without a token, huggingface.co says the same of what is private and of what is not there.
    return LoadFailed("ModelNotFound", missing(asked))


def not_found(said: Said, asked: Asked) -> LoadFailed:
    """Return what is not there: the model, the revision, or a file that was there a moment ago."""
    if said.code == "RevisionNotFound":
        message = f"{asked.page} has no revision {asked.revision!r:.140}."
        return LoadFailed("RevisionNotFound", f"{message} Name a branch, tag or commit that it has.")
    if said.code == "EntryNotFound":
        message = f"{asked.page} no longer has a file of revision {asked.revision!r:.140}{quoted(said)}."
        return LoadFailed("RevisionNotFound", f"{message} Name another revision.")
    return LoadFailed("ModelNotFound", missing(asked))


def unreachable(asked: Asked, what: str) -> LoadFailed:
    """Return the failure of a hub that cannot be asked."""
    message = f"{asked.endpoint} {what}, while {asked.uri} was asked for."
    check = "Check that the cluster reaches it (proxy, NetworkPolicy)"
    return LoadFailed("HubUnreachable", f"{message} {check}, or name a mirror in the chart's values.")


def denied(said: Said, asked: Asked) -> str:
    if not asked.has_token:
        return (
            f"{asked.endpoint} refuses {asked.uri}{quoted(said)}. Visit {asked.page} to see who may have it."
        )
    message = f"the token may not read {asked.uri}{quoted(said)}."
    return f"{message} Visit {asked.page} to accept its conditions or ask for access, with the account of the token."


def missing(asked: Asked) -> str:
    message = f"{asked.endpoint} has no model {asked.uri}"
    if asked.has_token:
        return f"{message} that the token may see. Check its name at {asked.page}, and the token's rights."
    private = "if it is private, name a Secret with a token in tokenSecretRef"
    return f"{message} that is public. Check its name at {asked.page}; {private}."


def rate_limited(said: Said, asked: Asked) -> str:
    when = f" for the next {said.retry_after:.0f} s" if said.retry_after else ""
    message = f"{asked.endpoint} takes no more requests{when}{quoted(said)}."
    return (
        message
        if asked.has_token
        else f"{message} With a token it takes more: name a Secret in tokenSecretRef."
    )


def quoted(said: Said) -> str:
    """Return the hub's own words as the end of a sentence."""
    words = " ".join(said.words.split())
    words = words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"
    return f" (“{words.rstrip('.')}”)" if words else ""


def said_by_huggingface(status: int, headers: Mapping[str, str]) -> Said:
    """Return what an answer of huggingface.co says; its reasons are in headers."""
    code, words = headers.get("X-Error-Code", ""), headers.get("X-Error-Message", "")
    return Said(status, code, words, retry_after(headers))


def said_by_modelscope(status: int, headers: Mapping[str, str], body: Any) -> Said:
    """Return what an answer of ModelScope says; its words are in the body, and its codes are not documented."""
    words = body.get("Message") if isinstance(body, dict) else None
    code = "LoginNeeded" if status == 401 else ""
    return Said(status, code, words if isinstance(words, str) else "", retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a hub asks for; a date there is not used by either."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
