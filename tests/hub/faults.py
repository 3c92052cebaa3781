"""What goes wrong on purpose, for which requests and how often.

Owns the list of faults and the journal of requests. Must not know a protocol.

A fault is a JSON object: `path` (a regular expression for the URL's path and query), `times` (how often; without it,
always), and one of
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "message": "…"}
    {"kind": "cut", "after": 1000}        the connection ends after so many bytes of the body
    {"kind": "corrupt", "at": 10}         one byte of the file is another; without `at`, the one in the middle
    {"kind": "slow", "rate": 100000}      bytes per second
    {"kind": "stall", "after": 1000, "seconds": 60}
    {"kind": "whole"}                     a Range is ignored: 200 and everything
    {"kind": "chunked"}                   the length is not told, as by a proxy that compresses
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("status", "cut", "corrupt", "slow", "stall", "whole", "chunked")


@dataclass
class Faults:
    """The faults that are switched on, and every request that came."""

    _active: list[dict[str, Any]] = field(default_factory=list)
    _journal: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def switch(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Have these faults and no others."""
        for fault in faults:
            if fault.get("kind") not in KINDS:
                raise ValueError(f"{fault.get('kind')!r} is not one of {', '.join(KINDS)}")
        with self._lock:
            self._active = [dict(fault) for fault in faults]

    def take(self, path: str, *kinds: str) -> dict[str, Any]:
        """Return the first fault of these kinds for this path, once less to come; empty without one."""
        with self._lock:
            for fault in self._active:
                if (
                    fault["kind"] in kinds
                    and fault.get("times") != 0
                    and re.search(fault.get("path", ""), path)
                ):
                    if "times" in fault:
                        fault["times"] -= 1
                    return dict(fault)
        return {}

    def note(self, entry: dict[str, Any]) -> None:
        """Write down a request; its entry may still change while it is answered."""
        with self._lock:
            self._journal.append(entry)

    def journal(self) -> list[dict[str, Any]]:
        """Return the requests so far, the oldest first."""
        with self._lock:
            return [dict(entry) for entry in self._journal]

    def forget(self) -> None:
        """Begin a new journal."""
        with self._lock:
            self._journal.clear()
