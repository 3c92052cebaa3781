"""One thing that was checked: how it is, why, and what to do. Owns the three words for it."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` is empty where all is well."""

    check: str
    verdict: Verdict
    message: str
    fix: str = ""


def asked_in_vain(check: str, why: str, right: str) -> Finding:
    """Return what is found where the user may not look."""
    return Finding(
        check, "warn", f"not known: {why}", f"ask an administrator to look, or for the right to {right}"
    )
