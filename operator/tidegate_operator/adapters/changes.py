"""What is worth an event between two `status.adapters`: an adapter that all workers have now, and one that failed.

Owns the sentences. Must not look at anything but the two.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield reason and message of each event."""
    before = {one["name"]: one for one in (old or {}).get("adapters") or ()}
    for entry in new.get("adapters") or ():
        was = before.get(entry["name"], {})
        if entry["phase"] == "Ready" and was.get("phase") != "Ready":
            yield "AdapterLoaded", f"adapter {entry['name']!r} is on all workers ({entry['loaded']})"
        elif entry["phase"] == "Ready" and was.get("revision") != entry.get("revision"):
            yield "AdapterLoaded", f"adapter {entry['name']!r} is at {entry.get('revision')} on all workers"
        elif entry["phase"] == "Failed" and was.get("phase") != "Failed":
            yield "AdapterFailed", str(entry.get("message", ""))
