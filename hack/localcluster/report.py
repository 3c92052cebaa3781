"""One line per step, with the time it took. Prints to stderr, so that stdout stays for answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

ERASE_LINE = "\r\x1b[K"


def say(line: str) -> None:
    print(f"{_erased()}{line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step when it is done; a failed one says so and lets the error pass.

    A person at a terminal also sees what is under way: some steps take minutes.
    """
    begun = time.monotonic()
    if sys.stderr.isatty():
        print(f"{ERASE_LINE}… {what}", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        say(f"✗ {what} ({time.monotonic() - begun:.1f} s)")
        raise
    say(f"✓ {what} ({time.monotonic() - begun:.1f} s)")


def _erased() -> str:
    """What removes the line of the step under way, where there is one."""
    return ERASE_LINE if sys.stderr.isatty() else ""
