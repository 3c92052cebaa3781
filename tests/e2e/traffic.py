"""Callers that go on asking while something happens, and what became of each of their streams.

Owns the load. Must not judge it.
"""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import openai


@dataclass(slots=True)
class Streams:
    """What the callers have got so far: streams that ended as they should, and why others did not."""

    whole: int = 0
    broken: list[str] = field(default_factory=list)


@contextlib.contextmanager
def traffic(client: openai.OpenAI, model: str, callers: int, tokens: int = 48) -> Iterator[Streams]:
    """Keep so many streams going while the block runs, each a conversation of its own; all have ended after it."""
    seen, ended, lock, numbers = Streams(), threading.Event(), threading.Lock(), itertools.count()

    def ask() -> None:
        while not ended.is_set():
            broken = _broken(client, model, f"Tell of lighthouse {next(numbers)}, at length.", tokens)
            with lock:
                if broken is None:
                    seen.whole += 1
                else:
                    seen.broken.append(broken)
            if broken is not None:
                ended.wait(0.5)

    with ThreadPoolExecutor(callers) as pool:
        asked = [pool.submit(ask) for _ in range(callers)]
        try:
            yield seen
        finally:
            ended.set()
    for one in asked:
        one.result()


def _broken(client: openai.OpenAI, model: str, prompt: str, tokens: int) -> str | None:
    """Return what went wrong with one stream, None if it has all of its tokens and its end."""
    reason, chunks = None, 0
    try:
        for chunk in client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            max_tokens=tokens,
            stream=True,
            extra_body={"ignore_eos": True},
        ):
            chunks += 1
            if chunk.choices:
                reason = chunk.choices[0].finish_reason or reason
    except openai.OpenAIError as error:
        return f"{type(error).__name__} after {chunks} chunks: {error}"
    return None if reason == "length" else f"it ended with {reason!r} after {chunks} chunks"
