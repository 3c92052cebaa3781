"""What leaves the Pod: lines of its log, and its last words for the kubelet, none with a token in it.

Owns their form and length. Must not decide anything.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tidegate_loader.failure import LoadFailed

# The kubelet keeps 4096 bytes of a message; what is cut there would no longer be JSON.
MAX_BYTES: Final = 4096
MAX_MESSAGE: Final = 2000
TOKENS: Final = ("HF_TOKEN", "MODELSCOPE_API_TOKEN")


@dataclass(frozen=True, slots=True)
class Report:
    """Where to tell, and what never to tell."""

    termination: Path
    secrets: tuple[str, ...] = ()

    def say(self, event: str, **fields: Any) -> None:
        """Write a line of the log."""
        told = {
            "time": written(datetime.now(UTC)),
            "level": "info",
            "logger": "tidegate_loader",
            "message": event,
        }
        line = json.dumps({**told, **fields}, ensure_ascii=False)
        print(self.clean(line), file=sys.stderr, flush=True)

    def result(self, content: Mapping[str, Any]) -> None:
        """Leave a result."""
        self._last(encode_result(content))

    def failure(self, failed: LoadFailed, evicted: Sequence[str] = ()) -> None:
        """Leave why there is none."""
        self._last(encode_failure(failed, evicted))

    def clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def _last(self, line: str) -> None:
        """Write last words to the log and for the kubelet; a missing file there is no second error."""
        line = self.clean(line)
        print(line, file=sys.stderr, flush=True)
        try:
            self.termination.write_text(line + "\n", encoding="utf-8")
        except OSError as error:
            print(f"cannot write {self.termination}: {error.strerror}", file=sys.stderr, flush=True)


def written(at: datetime) -> str:
    """Return a moment as the logs of all parts have it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def secrets_of(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tokens of an environment, also as they are sent."""
    values = (env.get(name, "") for name in TOKENS)
    return tuple(
        sorted({form for value in values for form in (value, value.strip()) if form}, key=len, reverse=True)
    )


def encode_result(content: Mapping[str, Any]) -> str:
    """Return a result as one line that the kubelet keeps whole; of many models that went, it names the first."""
    line = json.dumps(content, ensure_ascii=False)
    while len(line.encode()) >= MAX_BYTES and content.get("evicted"):
        content = {**content, "evicted": content["evicted"][:-1]}
        line = json.dumps(content, ensure_ascii=False)
    return line


def encode_failure(failed: LoadFailed, evicted: Sequence[str]) -> str:
    """Return a failure as one line that the kubelet keeps whole."""
    message = failed.message
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    words = {"reason": failed.reason, "message": message}
    line = json.dumps({**words, **({"evicted": list(evicted)} if evicted else {})}, ensure_ascii=False)
    if len(line.encode()) < MAX_BYTES:
        return line
    line = json.dumps(words, ensure_ascii=False)
    return line if len(line.encode()) < MAX_BYTES else json.dumps({"reason": failed.reason, "message": ""})
