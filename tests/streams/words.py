"""What a simulated worker says: a text that is a function of the prompt, so that any other text is seen.

Owns the text, and the judgement of what a client read against it, token by token. Pure.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

# What a client can say of an answer. Only `whole`, `told` and `refused` are right, each where it is due:
# whole: every token, in order, once, and the end of it. told: a part of the tokens, then an error and no end.
# refused: an error instead of an answer. cut: the connection ended within the answer, so that no client takes it for
# complete. silent: a clean end of less than was to come. wrong: a token that is doubled, missing or another's.
Verdict = Literal["whole", "told", "refused", "cut", "silent", "wrong"]


def token(prompt: str, number: int) -> str:
    """Return one token of the answer to a prompt, with the space before it."""
    return " " + blake2b(f"{number} {prompt}".encode(), digest_size=4).hexdigest()


def answer(prompt: str, tokens: int) -> list[str]:
    """Return the whole answer, token by token."""
    return [token(prompt, number) for number in range(tokens)]


@dataclass
class Read:
    """What a client has read of one answer."""

    status: int = 0
    tokens: list[str] = field(default_factory=list)
    # Ends of a stream (`[DONE]`), and the error it was told, if it was.
    ends: int = 0
    error: dict[str, Any] | None = None
    # Whether the message ended as HTTP says that one ends.
    is_complete: bool = False
    # Not one event after another: what was read beyond that.
    garbage: str = ""


def judge(read: Read, expected: Sequence[str]) -> Verdict:
    """Return what became of an answer that should have been `expected`."""
    if read.status != 200:
        return "refused" if read.is_complete and read.error is not None else "cut"
    return _judge_begun(read, expected)


def _judge_begun(read: Read, expected: Sequence[str]) -> Verdict:
    if read.garbage or read.tokens != list(expected[: len(read.tokens)]):
        return "wrong"
    if read.error is not None:
        return "told" if read.is_complete and not read.ends else "wrong"
    if not read.is_complete:
        return "cut"
    if read.ends == 1 and len(read.tokens) == len(expected):
        return "whole"
    return "silent" if len(read.tokens) < len(expected) or not read.ends else "wrong"


def take_event(read: Read, event: bytes) -> None:
    """Add one event of a stream, without the empty line that ends it."""
    if event.startswith(b":"):
        return
    if not event.startswith(b"data: ") or b"\n" in event:
        read.garbage = event.decode(errors="replace")
        return
    data = event[6:]
    if data == b"[DONE]":
        read.ends += 1
        return
    content = json.loads(data)
    if "error" in content:
        read.error = content["error"]
        return
    if read.ends:
        read.garbage = "an event after the end"
    for choice in content["choices"]:
        text = choice["delta"].get("content")
        if text:
            read.tokens += [" " + word for word in text.split()]


def take_body(read: Read, body: bytes) -> None:
    """Take the whole body of an answer that is not a stream."""
    try:
        content = json.loads(body)
    except ValueError:
        # Half an answer: whatever of it a client can read is less than all.
        return
    if "error" in content:
        read.error = content["error"]
        return
    text = content["choices"][0]["message"]["content"]
    read.tokens = [" " + word for word in text.split()]
    read.ends = 1
