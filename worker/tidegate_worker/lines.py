"""Lines of the log, in the form of all parts: `time`, `level`, `logger`, `message`, and what the line is about.

Owns that form for what runs before vLLM, or beside it; vLLM writes its own. Standard library only.
"""

import json
import sys
from datetime import UTC, datetime


def line(message: str, at: datetime, **fields: object) -> str:
    """Return a line of the log."""
    written = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    told = {"time": written, "level": "info", "logger": "tidegate_worker", "message": message, **fields}
    return json.dumps(told, ensure_ascii=False)


def say(message: str, **fields: object) -> None:
    """Write a line of the log."""
    print(line(message, datetime.now(UTC), **fields), file=sys.stderr, flush=True)
