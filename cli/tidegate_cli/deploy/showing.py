"""A service that is on its way, shown: a line that changes on a terminal, lines that stay elsewhere.

Must not compute: what is shown is what the status says.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import typer
from rich.console import Console

from tidegate_cli.deploy.words import headline, progress

Json = dict[str, Any]


@contextlib.contextmanager
def shown() -> Iterator[Callable[[Json], None]]:
    """Yield what shows a state of a service while the block runs."""
    if sys.stderr.isatty():
        console = Console(stderr=True)
        with console.status("") as line:
            yield lambda service: line.update(_plain(progress(service), console.width))
        return
    last: list[object] = []

    def tell(service: Json) -> None:
        if last != [headline(service)]:
            last[:] = [headline(service)]
            typer.echo(progress(service), err=True)

    yield tell


def _plain(words: str, width: int) -> str:
    """Return words as one line in which brackets are no markup."""
    cut = words if len(words) < width - 6 else f"{words[: width - 7]}…"
    return cut.replace("[", r"\[")
