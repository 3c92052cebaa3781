"""The KV cache: blocks that requests hold, and blocks of a prefix that stay until their room is needed.

Owns counts, references and eviction, as vLLM's block pool: a full block may be shared by its chained hash; a freed
one stays cached, and the least recently freed goes first, a request's last block before its first.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence


def chain(parent: int, data: bytes, size: int) -> list[int]:
    """Return the chained hashes of all whole blocks of `size` bytes, the first with `parent` before it."""
    hashes = []
    for start in range(0, len(data) - size + 1, size):
        parent = hash((parent, data[start : start + size]))
        hashes.append(parent)
    return hashes


class BlockPool:
    """The blocks of one engine."""

    __slots__ = ("_held", "_idle", "_private", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        # Shared blocks by hash: how many requests hold each.
        self._held: dict[int, int] = {}
        # Cached blocks that nobody holds, the next to be evicted first.
        self._idle: OrderedDict[int, None] = OrderedDict()
        # Held blocks that nobody else can share.
        self._private = 0

    @property
    def free(self) -> int:
        """How many blocks can be had, cached ones included."""
        return self.total - len(self._held) - self._private

    @property
    def used(self) -> float:
        """Share of the cache that requests hold, 0 to 1."""
        return (len(self._held) + self._private) / self.total

    @property
    def cached(self) -> int:
        """How many blocks a later request could find."""
        return len(self._held) + len(self._idle)

    def match(self, hashes: Sequence[int], limit: int) -> int:
        """Return how many of the first `limit` blocks are cached, without a gap."""
        held, idle = self._held, self._idle
        for index in range(min(limit, len(hashes))):
            block = hashes[index]
            if block not in held and block not in idle:
                return index
        return min(limit, len(hashes))

    def idle_among(self, hashes: Iterable[int]) -> int:
        """Return how many of these count as free now and would not once they are shared."""
        return sum(block in self._idle for block in hashes)

    def share(self, hashes: Iterable[int]) -> None:
        """Hold cached blocks."""
        held, idle = self._held, self._idle
        for block in hashes:
            held[block] = held.get(block, 0) + 1
            idle.pop(block, None)

    def allocate(self, count: int) -> bool:
        """Hold this many new blocks if so many can be had; cached ones make room."""
        lacking = count - (self.total - len(self._held) - self._private - len(self._idle))
        if lacking > len(self._idle):
            return False
        for _ in range(lacking):
            self._idle.popitem(last=False)
        self._private += count
        return True

    def publish(self, block: int) -> bool:
        """Let others share a private block under its hash; False if another block has it."""
        if block in self._held or block in self._idle:
            return False
        self._private -= 1
        self._held[block] = 1
        return True

    def release(self, shared: Sequence[int], private: int) -> None:
        """Let go of a request's blocks."""
        self._private -= private
        held = self._held
        for block in reversed(shared):
            count = held[block] - 1
            if count:
                held[block] = count
            else:
                del held[block]
                self._idle[block] = None

    def forget(self) -> None:
        """Empty the cache of what nobody holds."""
        self._idle.clear()
