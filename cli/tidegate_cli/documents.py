"""Files in, manifests out: YAML as users and Helm write it.

Owns reading and rendering. Must not know what an LLMService means.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tidegate_api.settings import Settings
from tidegate_operator.resolve import explain

Document = dict[str, Any]


class Output(StrEnum):
    """How manifests are printed."""

    YAML = "yaml"
    JSON = "json"


class Unreadable(Exception):
    """A file that is not there, is no YAML, or holds something else than was asked for."""


def read_documents(path: str) -> list[Document]:
    """Return the objects in a YAML file (`-` is standard input), Lists taken apart; raises Unreadable."""
    return list(_objects(path, [document for document in _load(path) if document is not None]))


def read_settings(path: str) -> Settings:
    """Return the operator's settings in a YAML file; raises Unreadable."""
    found = _load(path)
    if len(found) > 1:
        raise Unreadable(f"{path}: holds {len(found)} documents, where one with settings is expected")
    try:
        return Settings.model_validate((found[0] if found else None) or {})
    except ValidationError as error:
        raise Unreadable(f"{path}: {explain(error, 'settings')}") from error


def render(manifests: Sequence[Document], output: Output = Output.YAML) -> str:
    """Return manifests as text that `kubectl apply -f -` takes."""
    if output is Output.JSON:
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}, indent=2) + "\n"
    return yaml.dump_all(manifests, Dumper=_Plain, sort_keys=False, explicit_start=True, width=1000)


class _Plain(yaml.SafeDumper):
    """YAML without anchors: a manifest says what it says where it says it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _load(path: str) -> list[Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(f"{path}: {words}") from error


def _objects(path: str, documents: Sequence[Any]) -> Iterator[Document]:
    for document in documents:
        if not isinstance(document, dict):
            raise Unreadable(f"{path}: holds {document!r:.60}, where a Kubernetes object is expected")
        if document.get("kind") == "List" and isinstance(document.get("items"), list):
            yield from _objects(path, document["items"])
        else:
            yield document
