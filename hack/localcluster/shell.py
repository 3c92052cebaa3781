"""Run one short command; its failure becomes a sentence with the command's own words in it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from localcluster.errors import ClusterError

WORDS_KEPT = 2000


def run(argv: Sequence[str | Path], *, stdin: str | None = None, remedy: str = "") -> str:
    """The standard output of a command that has to succeed."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ClusterError(f"the command {words[0]} is missing", remedy) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-WORDS_KEPT:]
        raise ClusterError(f"`{' '.join(words)}` failed: {said}", remedy)
    return done.stdout


def succeeds(argv: Sequence[str | Path]) -> bool:
    """Whether a command ends well; what it says does not matter."""
    try:
        return subprocess.run([str(w) for w in argv], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
