"""Who wrote what, from the API server's audit log, read once for all trials.

Owns the place up to which it was read. Must not judge.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_READS = (b'"verb":"get"', b'"verb":"list"', b'"verb":"watch"')
# The tests, and what plays the kubelet.
_OURSELVES = "tidegate-admin"


@dataclass(frozen=True, slots=True)
class Written:
    """One write of anybody but the tests: `target` without its namespace, `code` as answered."""

    user: str
    verb: str
    target: str
    code: int


class Audit:
    """The writes of each namespace, in their order."""

    def __init__(self, log: Path) -> None:
        self._path, self._lock = log, threading.Lock()
        self._log: BinaryIO = log.open("rb")
        self._writes: dict[str, list[Written]] = defaultdict(list)
        self._rest = b""

    def close(self) -> None:
        """Read no more."""
        self._log.close()

    def of(self, namespace: str) -> Sequence[Written]:
        """Return all writes in a namespace until now: the log is written before a request is answered."""
        with self._lock:
            self._read()
            if self._path.stat().st_ino != Path(f"/proc/self/fd/{self._log.fileno()}").stat().st_ino:
                self._read()
                self._log.close()
                self._log, self._rest = self._path.open("rb"), b""
                self._read()
            return tuple(self._writes[namespace])

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._log.read()).split(b"\n")
        for line in lines:
            if not any(read in line for read in _READS):
                self._note(json.loads(line))

    def _note(self, event: dict) -> None:  # type: ignore[type-arg]
        about, user = event.get("objectRef") or {}, (event.get("user") or {}).get("username", "")
        namespace = about.get("namespace")
        if not namespace or user == _OURSELVES:
            return
        # A name that the API server makes up is not in the request's URL.
        target = "/".join(filter(None, (about["resource"], about.get("name"), about.get("subresource"))))
        code = int(event.get("responseStatus", {}).get("code", 0))
        self._writes[namespace].append(Written(user, event["verb"], target, code))
