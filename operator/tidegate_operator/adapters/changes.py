"""What is worth an event between two `status.adapters`: an adapter that a first worker has now, and one that failed.

Owns the sentences. Must not look at anything but the two. A worker more that gets what others have is no event: there
would be one for each adapter whenever workers are added.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield reason and message of each event."""
    before = {one["name"]: one for one in (old or {}).get("adapters") or ()}
    for entry in new.get("adapters") or ():
        was = before.get(entry["name"], {})
        if entry["phase"] == "Failed" and was.get("phase") != "Failed":
            yield "AdapterFailed", str(entry.get("message", ""))
        elif _loaded(entry) > 0 == _loaded(was):
            yield "AdapterLoaded", f"adapter {entry['name']!r} is loaded, on {entry['loaded']} workers"


def _loaded(entry: Mapping[str, Any]) -> int:
    """Return how many workers have an adapter as it is declared."""
    return int(str(entry.get("loaded", "0/0")).partition("/")[0])
