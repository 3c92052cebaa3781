"""How results are printed: as text, in columns and with a few colours on a terminal, or as JSON.

Owns the look. Must not know what is printed.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]

_COLOURS: Final = {
    typer.colors.GREEN: ("ok", "True", "Ready", "Loaded"),
    typer.colors.YELLOW: ("warn", "Unknown", "Pending", "Loading", "Downloading", "Degraded", "Suspended"),
    typer.colors.RED: ("fail", "False", "Failed", "Warning"),
}
_COLOUR_OF: Final = {word: colour for colour, words in _COLOURS.items() for word in words}
# A word of its own in the first columns of a line, where states stand; never one inside a sentence.
_STATE: Final = re.compile(rf"(?:^|(?<=  ))({'|'.join(_COLOUR_OF)})(?=$|  )")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, their states in colour where standard output is a terminal that wants colours."""
    colourful = has_colours()
    for line in lines:
        typer.echo(coloured(line) if colourful else line)


def has_colours() -> bool:
    """Tell whether to colour: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(line: str) -> str:
    """Return a line with its states in their colours."""
    return _STATE.sub(lambda found: typer.style(found[1], fg=_COLOUR_OF[found[1]]), line)


def columns(rows: Sequence[Sequence[str]], gap: str = "   ") -> list[str]:
    """Return rows as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def print_done(output: Format, sentence: str, value: Any) -> None:
    """Tell what was done: a sentence beside the results, or a value as JSON."""
    if output is Format.JSON:
        print_json(value)
    else:
        typer.echo(sentence, err=True)


def example(*lines: str) -> str:
    """Return command lines as the end of a command's help."""
    return "\n\n".join(("Examples:" if len(lines) > 1 else "Example:", *(f"`{line}`" for line in lines)))
