"""An ask as each sees it: bytes for a gateway, tokens and blocks for an engine, and what could be cached of it.

Pure.
"""

import json
from collections.abc import Sequence as Many

from tidegate_bench.routing.traces import Ask
from tidegate_bench.sim.ask import CHAT, prompts, read
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import Prompt, Sequence


def body_of(ask: Ask, model: str = "m") -> bytes:
    """Return the JSON that a client sends."""
    return json.dumps(
        {
            "model": model,
            "messages": [{"role": role, "content": content} for role, content in ask.messages],
            "max_tokens": ask.answer_tokens,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        separators=(",", ":"),
    ).encode()


def sequence_of(body: bytes, ask: Ask, profile: Profile) -> Sequence:
    """Return the sequence that an engine makes of it."""
    (data,) = prompts(CHAT, read(body))
    return Sequence(Prompt(data, profile.block_size, (None, None)), ask.answer_tokens)


def optimum(asks: Many[Ask], bodies: Many[bytes], profile: Profile) -> list[int]:
    """Return the prompt tokens of each request that one cache without limit, shared by all workers, would have had.

    Each finds what any before it has left, prompt and answer. As in an engine, the last token is never found.
    """
    size = profile.block_size
    seen: set[int] = set()
    cached = []
    for ask, body in zip(asks, bodies, strict=True):
        sequence = sequence_of(body, ask, profile)
        findable = sequence.hashes[: (sequence.total - 1) // size]
        missing = next((i for i, block in enumerate(findable) if block not in seen), len(findable))
        cached.append(missing * size)
        sequence.generated = ask.answer_tokens
        sequence.hash_up_to((sequence.prompt.tokens + ask.answer_tokens - 1) // size, size)
        seen.update(sequence.hashes)
    return cached
