"""What is known about a model directory, as plain values.

Owns the shape of those facts. Must not read files or judge.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Presence = Literal["present", "absent", "not a directory", "unreadable"]


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON file of the model: its object, or why there is none; neither where there is no such file."""

    content: Mapping[str, Any] | None = None
    problem: str | None = None

    @property
    def there(self) -> bool:
        return self.content is not None or self.problem is not None


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A safetensors file that vLLM would load, and what is wrong with it, if anything."""

    name: str
    size: int
    problem: str | None = None
    # Why it cannot be read at all, which says nothing about its content.
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model directory as it was found; names are relative to it."""

    path: str
    presence: Presence
    detail: str = ""
    # Every file, also those in folders below; cut where there are absurdly many.
    files: tuple[str, ...] = ()
    config: Document = Document()
    # JSON files that name Python code to load.
    code_references: tuple[str, ...] = ()
    index: Document = Document()
    missing_shards: tuple[str, ...] = ()
    weights: tuple[WeightFile, ...] = ()

    @property
    def weight_bytes(self) -> int:
        return sum(weight.size for weight in self.weights)


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine in this image is and what it was asked to do."""

    args: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    on_cpu: bool = False
    # None where the image's vLLM says no version.
    version: str | None = None

    def value_of(self, flag: str) -> str | None:
        """Return the value that the engine takes for this flag: the last one given."""
        value = None
        for position, word in enumerate(self.args):
            name, equals, inline = word.partition("=")
            if name.replace("_", "-") != flag:
                continue
            value = inline if equals else next(iter(self.args[position + 1 : position + 2]), None)
        return value

    @property
    def draft_path(self) -> str | None:
        """Return the directory of the model that guesses tokens, None where there is none."""
        try:
            config = json.loads(self.value_of("--speculative-config") or "{}")
        except ValueError:
            return None
        found = config.get("model") if isinstance(config, dict) else None
        return found if isinstance(found, str) and found.startswith("/") else None
