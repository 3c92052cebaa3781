"""One line per step, with the time it took. Prints to stderr, so that stdout stays for answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step when it is done; a failed one says so and lets the error pass."""
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        say(f"✗ {what} ({time.monotonic() - begun:.1f} s)")
        raise
    say(f"✓ {what} ({time.monotonic() - begun:.1f} s)")
