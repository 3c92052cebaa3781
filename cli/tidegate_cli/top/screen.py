"""The table of `tidegate top` as it moves, on a terminal.

Owns keys and layout. Must not ask the cluster but through what it is given, nor compute.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static

from tidegate_cli.top.rows import HEAD, SORTS, details, footer, key, ordered, rows
from tidegate_cli.top.sampling import Sample
from tidegate_models.errors import ModelsError


class Top(App[None]):
    """Services, again and again, until its user has seen enough."""

    TITLE = "tidegate top"
    ENABLE_COMMAND_PALETTE = False
    CSS = "DataTable { height: 1fr; } #details { height: auto; max-height: 12; padding: 1 1 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("p", "pause", "Pause"),
        *(Binding(letter, f"sort('{name}')", f"By {name}") for name, letter in SORTS.items()),
    ]

    def __init__(self, ask: Callable[[], Sample], seconds: float, sort: str) -> None:
        super().__init__()
        self._ask = ask
        self._seconds = seconds
        self._sort = sort
        self._is_paused = self._is_asking = False
        self._sample: Sample | None = None

    def compose(self) -> ComposeResult:
        """See App."""
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="details", markup=False)
        yield Static("asking the cluster…", id="told", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to ask."""
        self.query_one(DataTable).add_columns(*HEAD)
        self._look()
        self.set_interval(self._seconds, self._look)

    def action_sort(self, name: str) -> None:
        """Order by another figure."""
        self._sort = name
        self._draw()

    def action_pause(self) -> None:
        """Stop asking, or go on."""
        self._is_paused = not self._is_paused
        self._draw()

    def on_data_table_row_highlighted(self) -> None:
        """Say more of the service that is chosen."""
        self._draw_details()

    def _look(self) -> None:
        # A cluster that is slower than we ask is asked less often.
        if not self._is_paused and not self._is_asking:
            self._is_asking = True
            self.run_worker(self._take, thread=True)

    def _take(self) -> None:
        try:
            sample = self._ask()
        except ModelsError as error:
            self.call_from_thread(self._tell, f"Error: {error}")
        else:
            self.call_from_thread(self._show, sample)
        finally:
            self._is_asking = False

    def _show(self, sample: Sample) -> None:
        self._sample = sample
        self._draw()

    def _tell(self, words: str) -> None:
        self.query_one("#told", Static).update(words)

    def _draw(self) -> None:
        if self._sample is None:
            return
        table, chosen = self.query_one(DataTable), self._chosen()
        table.clear()
        for row in rows(self._sample, self._sort):
            table.add_row(*(Text(cell) for cell in row), key=row[0])
        names = [key(one) for one in ordered(self._sample, self._sort)]
        if chosen in names:
            table.move_cursor(row=names.index(chosen))
        paused = "paused; " if self._is_paused else ""
        self._tell(f"{paused}by {self._sort}; {footer(self._sample)}")
        self._draw_details()

    def _chosen(self) -> str | None:
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value

    def _draw_details(self) -> None:
        chosen, sample = self._chosen(), self._sample
        found = [one for one in sample.services if key(one) == chosen] if sample else []
        words = "\n".join(details(found[0], sample, datetime.now(UTC))) if found and sample else ""
        self.query_one("#details", Static).update(words)
