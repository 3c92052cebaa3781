"""How a finding leaves the Pod: one line of JSON where the kubelet looks for last words.

Must not decide anything.
"""

import json
import sys
from pathlib import Path
from typing import Final

from tidegate_worker.finding import Finding

# The kubelet keeps 4096 bytes of a message; what is cut there would no longer be JSON.
MAX_BYTES: Final = 4096
MAX_MESSAGE: Final = 2000


def encode(finding: Finding) -> str:
    """Return the finding as one line of JSON that the kubelet keeps whole."""
    message = finding.message
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    line = json.dumps({"reason": finding.reason, "message": message}, ensure_ascii=False)
    return line if len(line.encode()) <= MAX_BYTES else json.dumps({"reason": finding.reason, "message": ""})


def report(finding: Finding, path: Path) -> None:
    """Write the finding to the log and to the termination message; a missing file there is no second error."""
    line = encode(finding)
    print(line, file=sys.stderr, flush=True)
    try:
        path.write_text(line + "\n", encoding="utf-8")
    except OSError as error:
        print(f"cannot write {path}: {error}", file=sys.stderr, flush=True)
