"""A download as a bar that moves, on a terminal.

Owns what rich draws. Must not compute: bytes, speed and time left are what the operator says.
"""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from tidegate_cli.modelwords import amount, reason
from tidegate_models import Progress

# Shows a state, after the one before it.
Show = Callable[[Progress | None, Progress], None]


@contextlib.contextmanager
def drawn(console: Console) -> Iterator[Show]:
    """Yield what moves the bar while the block runs; the bar is gone afterwards, what was written above it stays."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        # As it is: what is told may hold brackets, which are markup elsewhere.
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        # Without a total the bar swings: nobody knows yet how much there is.
        task = bar.add_task("Pending", total=None, told="")

        def show(before: Progress | None, progress: Progress) -> None:
            if _is_held_up(progress) and (before is None or before.reason != progress.reason):
                console.print(reason(progress), markup=False, highlight=False)
            bar.update(
                task,
                description=progress.phase,
                total=progress.bytes_total,
                completed=progress.bytes_done or 0,
                told=amount(progress),
            )

        yield show


def _is_held_up(progress: Progress) -> bool:
    """Tell whether nothing comes for a reason that the bar does not show; how it ends is told after the bar."""
    return progress.phase in {"Pending", "Failed"} and bool(progress.reason) and not progress.is_over
