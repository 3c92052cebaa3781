"""What a process of ours says on its admin port, asked as a person would with curl."""

from __future__ import annotations

import urllib.error
import urllib.request


def ask(url: str) -> tuple[int, str]:
    """Return status and text of a page; status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
    except OSError:
        return 0, ""


def value_of(line: str, page: str) -> float | None:
    """Return the value of one line of /metrics; None where there is none."""
    found = [one for one in page.splitlines() if one.startswith(f"{line} ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else None
