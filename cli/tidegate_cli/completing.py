"""`tidegate completion`: the script by which a shell completes.

Owns the command. Must not know what is completed.
"""

import os
import subprocess
import sys
from enum import StrEnum
from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

VARIABLE = "_TIDEGATE_COMPLETE"


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell.")]) -> None:
    """Print the script by which a shell completes commands and names.

    Names of services, models, tenants, namespaces and contexts come from your cluster. kubectl's own completion needs
    no script: for `kubectl tidegate` it asks `kubectl_complete-tidegate`, which comes with this command.
    """
    typer.echo(get_completion_script(prog_name="tidegate", complete_var=VARIABLE, shell=shell.value))


def for_kubectl() -> None:
    """Answer kubectl, which completes `kubectl tidegate WORDS`: names, a line each, then its directive."""
    words = sys.argv[1:]
    asked = {
        VARIABLE: "complete_bash",
        "COMP_WORDS": " ".join(["tidegate", *words]),
        "COMP_CWORD": str(max(len(words), 1)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tidegate_cli"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    # 4: kubectl's "no file names".
    typer.echo(f"{done.stdout.strip()}\n:4")
