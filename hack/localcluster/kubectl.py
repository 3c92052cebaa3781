"""kubectl against one kubeconfig. Knows no object of the cluster by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.shell import run, succeeds
from localcluster.tools import tool


@dataclass(frozen=True, slots=True)
class Kubectl:
    kubeconfig: Path

    def _words(self, arguments: Sequence[str]) -> list[str]:
        return [str(tool("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]

    def __call__(self, *arguments: str) -> str:
        return run(self._words(arguments))

    def succeeds(self, *arguments: str) -> bool:
        return succeeds(self._words(arguments))

    def apply(self, objects: Sequence[object]) -> None:
        """Server-side, so that a second apply of the same changes nothing."""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        run(self._words(["apply", "--server-side", "--force-conflicts", "-f", "-"]), stdin=listed)
