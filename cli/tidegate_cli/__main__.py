"""The entry of `tidegate` and `kubectl tidegate`: one app with all commands.

Owns the list of commands and the last word about errors. Must not hold a command.
"""

import os
import sys
import traceback

import typer

from tidegate_cli import keys, loading, models, rollouts, scaling
from tidegate_cli.plan import plan

app = typer.Typer(
    name="tidegate",
    help="LLM serving on Kubernetes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(plan)
app.add_typer(keys.app, name="keys")
app.add_typer(models.app, name="models")
app.add_typer(loading.app, name="services")
app.add_typer(rollouts.app, name="rollouts")
app.add_typer(scaling.app, name="scaling")


def main() -> None:
    """Run the command line; a fault of ours is one sentence, and a traceback only for who asks for it."""
    try:
        app()
    except BrokenPipeError:
        # Who read our output has seen enough, as `head` does; Python must not flush into it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("TIDEGATE_DEBUG"):
            traceback.print_exc()
        typer.echo(
            f"Error: unexpected {type(error).__name__}: {error} (TIDEGATE_DEBUG=1 shows where)", err=True
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
