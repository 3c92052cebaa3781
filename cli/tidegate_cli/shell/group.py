"""The list of commands, each of which is imported when it is run, and the last word about errors.

Owns how a wrong command line is told. Must not know what a command does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from tidegate_cli.shell.failing import MISUSED

# Of all help texts: paragraphs, and code in backticks.
MARKUP: Final = "markdown"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, and what the list says of it: the first sentence of its own help."""

    module: str
    attribute: str
    help: str
    panel: str
    epilog: str = ""


class LazyGroup(TyperGroup):
    """A group that lists its commands without importing them."""

    entries: Mapping[str, Entry]
    _is_listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """See TyperGroup."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """See TyperGroup; what is only listed is not imported."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        if self._is_listing:
            return TyperCommand(cmd_name, help=entry.help, rich_help_panel=entry.panel)
        return loaded(cmd_name, entry)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """See TyperGroup."""
        with self._listing():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """See TyperGroup."""
        with self._listing():
            return super().shell_complete(ctx, incomplete)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See TyperGroup; its search for what was meant looks at `commands`."""
        self.commands = {name: TyperCommand(name) for name in self.entries}
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        """See TyperGroup; a command line that makes no sense is told in a sentence, not in a frame."""
        is_whole = extra.get("standalone_mode", True)
        extra["standalone_mode"] = False
        if not is_whole:
            return super().main(*args, **extra)
        try:
            status = super().main(*args, **extra)
        except typer.Abort:
            status = 1
        except Exception as error:
            status = misuse(error)
        raise SystemExit(status if isinstance(status, int) else 0)

    @contextmanager
    def _listing(self) -> Iterator[None]:
        self._is_listing = True
        try:
            yield
        finally:
            self._is_listing = False


def loaded(name: str, entry: Entry) -> Any:
    """Return the command, imported."""
    found = getattr(import_module(entry.module), entry.attribute)
    if not isinstance(found, typer.Typer):
        one = typer.Typer(add_completion=False)
        one.command(name, epilog=entry.epilog or None)(found)
        found = one
    found.rich_markup_mode = MARKUP
    made = get_command(found)
    made.name = name
    return made


def misuse(error: Exception) -> int:
    """Say what is wrong with a command line and return the exit code; raises what is no such error."""
    # Typer carries its own copy of click, or none: what such errors are is known by what they can do.
    told, show = getattr(error, "format_message", None), getattr(error, "show", None)
    if told is None or show is None:
        raise error
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        show()
        return MISUSED
    where = f" (`{context.command_path} --help`)" if context is not None else ""
    typer.echo(f"Error: {told().strip().rstrip('.')}{where}", err=True)
    return int(getattr(error, "exit_code", MISUSED))
