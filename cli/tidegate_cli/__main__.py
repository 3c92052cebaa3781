"""The entry of `tidegate` and `kubectl tidegate`: one app with all commands.

Owns the last word about errors. Must not hold a command.
"""

import os
import sys
import threading
import traceback
from importlib import import_module
from typing import Annotated

import typer

from tidegate_cli.commands import COMMANDS
from tidegate_cli.shell.failing import BROKEN
from tidegate_cli.shell.group import MARKUP, LazyGroup


class Commands(LazyGroup):
    """All commands of the command line."""

    entries = COMMANDS


app = typer.Typer(
    name="tidegate",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
    epilog="`tidegate COMMAND --help` has examples of each command; `kubectl tidegate` is the same.",
)


def _say_version(wanted: bool) -> None:
    if wanted:
        # Every other start goes without the settings' models.
        typer.echo(f"tidegate {import_module('tidegate_api.settings').VERSION}")
        raise typer.Exit


@app.callback()
def about(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """LLM serving on Kubernetes."""


def main() -> None:
    """Run the command line; a fault of ours is one sentence, and a traceback only for who asks for it."""
    is_debugged = bool(os.environ.get("TIDEGATE_DEBUG"))
    if not is_debugged:
        # What breaks in a thread of a library shows in what the command says of it.
        threading.excepthook = lambda _: None
    try:
        app(prog_name=_name())
    except BrokenPipeError:
        # Who read our output has seen enough, as `head` does; Python must not flush into it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if is_debugged:
            traceback.print_exc()
        words = " ".join(str(error).split())
        typer.echo(
            f"Error: unexpected {type(error).__name__}: {words} (TIDEGATE_DEBUG=1 shows where)", err=True
        )
        sys.exit(BROKEN)


def _name() -> str:
    """Return what this was called as."""
    return "kubectl tidegate" if sys.argv[0].endswith("kubectl-tidegate") else "tidegate"


if __name__ == "__main__":
    main()
