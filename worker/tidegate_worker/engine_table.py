"""Which architectures the pinned vLLM runs, from the table generated for it.

Owns the reading of that table and the guess at what a name was meant to be. Must not judge a model.
"""

import difflib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

ENGINE_VERSION: Final = "0.32.0"


@dataclass(frozen=True, slots=True)
class EngineTable:
    """One version of vLLM and the architectures it can run."""

    version: str
    architectures: frozenset[str]

    def closest(self, name: str, count: int = 3) -> list[str]:
        """Return supported names that look most like this one."""
        return difflib.get_close_matches(name, sorted(self.architectures), n=count, cutoff=0.5)


def load() -> EngineTable:
    """Return the table of the pinned vLLM."""
    file = files("tidegate_api") / "engine" / f"vllm-{ENGINE_VERSION}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    return EngineTable(content["version"], frozenset(content["architectures"]))
