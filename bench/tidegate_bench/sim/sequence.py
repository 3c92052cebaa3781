"""One answer in the making: its prompt, how far it is, what it holds.

Owns the record that scheduler and server share, and the text that is generated. Must not decide anything.
"""

from typing import Final

from tidegate_bench.sim.blocks import chain
from tidegate_bench.sim.profile import BYTES_PER_TOKEN

# Token k of an answer is one of these, so that a reader can tell what was lost, repeated or swapped. Each has as many
# bytes as a token stands for: an answer that comes back in the next prompt then hits the cache, as with vLLM.
WORDS: Final = tuple(b"%03d " % number for number in range(1000))


def text(start: int, stop: int) -> bytes:
    """Return tokens `start` to `stop` of an answer."""
    return b"".join(WORDS[k % len(WORDS)] for k in range(start, stop))


class Prompt:
    """The bytes of a prompt, as tokens and blocks."""

    __slots__ = ("hashes", "root", "size", "tail", "tokens")

    def __init__(self, data: bytes, block_size: int, seed: object = "") -> None:
        width = block_size * BYTES_PER_TOKEN
        self.size = len(data)
        self.tokens = max(1, -(-len(data) // BYTES_PER_TOKEN))
        # What is cached under one seed (adapter, salt) is not found under another.
        self.root = hash(seed)
        self.hashes = chain(self.root, data, width)
        self.tail = data[len(data) // width * width :]


class Sequence:
    """One choice of one request."""

    __slots__ = (
        "adapter",
        "arrived",
        "blocks",
        "cached_tokens",
        "computed",
        "ended",
        "first_token_at",
        "generated",
        "hashes",
        "index",
        "last_token_at",
        "order",
        "output_tokens",
        "owner",
        "preemptions",
        "priority",
        "prompt",
        "queued",
        "reason",
        "shared",
        "total",
    )

    def __init__(
        self,
        prompt: Prompt,
        output_tokens: int,
        *,
        reason: str = "length",
        priority: int = 0,
        adapter: str | None = None,
        owner: object = None,
        index: int = 0,
    ) -> None:
        self.prompt = prompt
        # 0 for a request that wants no text, as an embedding.
        self.output_tokens = output_tokens
        # Why it will end, in vLLM's words.
        self.reason = reason
        self.priority = priority
        self.adapter = adapter
        self.owner = owner
        self.index = index
        # Hashes of its whole blocks, those of the answer as they fill.
        self.hashes = list(prompt.hashes)
        # Tokens: all, in the KV cache, made, found in the cache when it first ran.
        self.total = prompt.tokens
        self.computed = 0
        self.generated = 0
        self.cached_tokens = 0
        # Blocks it holds, and how many of them, from the first, others may share.
        self.blocks = 0
        self.shared: list[int] = []
        self.preemptions = 0
        self.queued = False
        self.ended = False
        # Written by the scheduler: the place among all that came, and its caller's seconds.
        self.order = 0
        self.arrived = 0.0
        self.first_token_at = 0.0
        self.last_token_at = 0.0

    def hash_up_to(self, count: int, block_size: int) -> None:
        """Hash the blocks that its answer has filled, until there are `count`."""
        width = block_size * BYTES_PER_TOKEN
        hashes = self.hashes
        whole = (self.prompt.size + self.generated * BYTES_PER_TOKEN) // width
        while len(hashes) < min(count, whole):
            start = len(hashes) * width
            parent = hashes[-1] if hashes else self.prompt.root
            hashes += chain(parent, self._data(start, start + width), width)

    def _data(self, start: int, stop: int) -> bytes:
        """Return bytes of prompt and answer, from within the prompt's tail on."""
        prompt = self.prompt
        head = prompt.tail[start - prompt.size :] if start < prompt.size else b""
        first, last = max(start - prompt.size, 0), stop - prompt.size
        skipped = first % BYTES_PER_TOKEN
        words = text(first // BYTES_PER_TOKEN, -(-last // BYTES_PER_TOKEN))
        return head + words[skipped : skipped + last - first]
