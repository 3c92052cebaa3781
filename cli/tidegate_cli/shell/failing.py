"""How a command ends that could not do what it was asked for: one sentence, one exit code, never a traceback.

Owns the exit codes. Must not know any command, nor import what knows a cluster.
"""

from typing import Final

import typer

# It did not work: refused, not there, not reached, not in time; or a check has failed.
FAILED: Final = 1
# The command line makes no sense, or a file that it names cannot be read.
MISUSED: Final = 2
# A fault of ours (EX_SOFTWARE of sysexits).
BROKEN: Final = 70
# Ctrl-C, as shells have it: 128 and SIGINT.
INTERRUPTED: Final = 130

EXIT_CODES: Final = {
    0: "done; of `doctor`: nothing has failed",
    FAILED: "it did not work, and the sentence on standard error says why: refused, not there, no answer, not in time",
    MISUSED: "the command line makes no sense, or a file that it names cannot be read",
    BROKEN: "a fault of the command itself; `TIDEGATE_DEBUG=1` shows where",
    INTERRUPTED: "ended by Ctrl-C",
}


class Failed(typer.Exit):
    """A command that ends here; the reason is on standard error."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        typer.echo(f"Error: {message}", err=True)
        super().__init__(code=code)
