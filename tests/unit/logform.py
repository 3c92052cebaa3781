"""The form of a log line that all parts share, and how each of them writes one.

Owns the one check. Must not know what a part has to say.
"""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

OWN = {"level", "logger", "message", "time"}


def read(line: str, logger: str) -> dict[str, Any]:
    """Return what a line has beyond the common form, after checking that form."""
    told: dict[str, Any] = json.loads(line)
    assert told.keys() >= OWN
    assert told["logger"] == logger
    assert datetime.fromisoformat(told["time"]).utcoffset() is not None
    return {name: value for name, value in told.items() if name not in OWN - {"level", "message"}}


@contextmanager
def configured(configure: Callable[[str, Any], None]) -> Iterator[io.StringIO]:
    """Let a part set up its logs for a while; yield where its lines go."""
    root = logging.getLogger()
    before, level, stream = root.handlers[:], root.level, io.StringIO()
    try:
        configure("info", stream)
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
