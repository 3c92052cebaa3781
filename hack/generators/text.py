"""YAML and wrapped text as the generated files have them.

Owns the look: no aliases, no surprises between runs. Must not know what is written.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import yaml

COMMAND = "make generate"
WIDTH = 110


class _Plain(yaml.SafeDumper):
    """Writes a value that stands in two places twice: aliases are for no one's eyes."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def yaml_text(value: Any, *, sort: bool = True) -> str:
    """Return a value as YAML."""
    text: str = yaml.dump(
        value, Dumper=_Plain, sort_keys=sort, allow_unicode=True, width=WIDTH, default_flow_style=False
    )
    return text


def yaml_documents(values: Iterable[Any]) -> str:
    """Return several values as one YAML file."""
    return "---\n".join(map(yaml_text, values))


def comment(text: str, indent: int = 0) -> str:
    """Return a text as comment lines."""
    start = " " * indent + "# "
    return (
        "\n".join(
            textwrap.wrap(
                text,
                WIDTH,
                initial_indent=start,
                subsequent_indent=start,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
        + "\n"
    )


def cell(value: object) -> str:
    """Return a value as the text of one Markdown table cell."""
    return str(value).replace("|", "\\|").replace("\n", " ")
