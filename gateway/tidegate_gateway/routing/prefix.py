"""Which worker has seen the beginning of a prompt.

Owns how a prompt is cut into blocks, and the index of blocks by worker. Must not know what a cached block is worth.

A prompt's blocks are hashed in a chain, so that a block's hash says all that is before it. The index is a guess at
what the engines have cached: nobody tells it, it remembers what was sent where.
"""

from bisect import bisect_right
from collections.abc import Collection, Container, Sequence
from functools import lru_cache
from itertools import islice
from math import inf
from typing import Final

from xxhash import xxh3_64_intdigest

# (block size in bytes, up to this byte of the prompt). Small at the beginning, where the engine's own blocks of 16
# tokens (about 64 bytes) matter; larger behind, where an eighth more or less does not: a prompt of 220 KB is 54 blocks.
SCHEDULE: Final = ((256, 4096), (1024, 16384), (4096, 65536), (16384, 4 * 1024 * 1024))


def _sizes() -> tuple[int, ...]:
    sizes: list[int] = []
    begin = 0
    for size, end in SCHEDULE:
        sizes += [size] * ((end - begin) // size)
        begin = end
    return tuple(sizes)


# Of each block: its size, and where it begins; one begin more, for where the last ends.
SIZES: Final = _sizes()
BEGINS: Final = tuple(sum(SIZES[:i]) for i in range(len(SIZES) + 1))
_SLICES: Final = tuple(slice(begin, begin + size) for begin, size in zip(BEGINS, SIZES, strict=False))

# Entries (a block at a worker) that one index keeps at most: 32 MB.
ENTRIES: Final = 262_144
# What one worker may take of them: a million tokens of short prompts, more of long ones.
SLOT_ENTRIES: Final = 16_384
# At most this many are forgotten with one prompt, or twice as many as it has: the loop must not stop for long.
FORGOTTEN_AT_ONCE: Final = 64
_NOTHING: Final[dict[int, int]] = {}


@lru_cache(maxsize=4096)
def seed_of(model: str, adapter: str | None, salt: str) -> int:
    """Return where the chain of a prompt begins: prompts with different seeds have no block in common."""
    return xxh3_64_intdigest("\0".join((model, adapter or "", salt)).encode())


def blocks_of(data: bytes | memoryview, seed: int) -> tuple[int, ...]:
    """Return the chained 64-bit hashes of the whole blocks of a prompt; what is left at its end has none."""
    chain = seed
    return tuple(
        [
            chain := xxh3_64_intdigest(data[part], chain)
            for part in _SLICES[: bisect_right(BEGINS, len(data)) - 1]
        ]
    )


class _Slot:
    """What one worker was sent."""

    __slots__ = ("blocks", "most_bytes", "size")

    def __init__(self) -> None:
        # Blocks and their sizes in bytes, least recently used first.
        self.blocks: dict[int, int] = {}
        # All sizes together, and how much that may be.
        self.size = 0
        self.most_bytes: float = inf


class PrefixIndex:
    """Blocks by worker, the ones least recently used forgotten first.

    A worker is a slot, a small number. Whatever is kept of a slot is closed towards the beginning: with a block, all
    blocks before it, since they are used whenever it is. So a few looks tell how much of a prompt a slot holds.
    """

    __slots__ = ("_capacity", "_most_blocks", "_slots")

    def __init__(self, capacity: int = ENTRIES) -> None:
        self._capacity = capacity
        # How many blocks each slot may have.
        self._most_blocks = 0
        self._slots: dict[int, _Slot] = {}

    def __len__(self) -> int:
        """Return how many entries there are: a block at two workers is two."""
        return sum([len(slot.blocks) for slot in self._slots.values()])

    def match(self, blocks: Sequence[int]) -> dict[int, int]:
        """Return how many of the first blocks each slot holds; slots without the first are left out."""
        if not blocks:
            return _NOTHING
        first, whole, depth = blocks[0], len(blocks), 0
        found = {}
        for slot, one in self._slots.items():
            held = one.blocks
            if first in held:
                # Where many hold a prompt, they mostly hold the same part of it.
                if not (
                    depth and blocks[depth - 1] in held and (depth == whole or blocks[depth] not in held)
                ):
                    depth = _depth(blocks, held)
                found[slot] = depth
        return found

    def insert(self, blocks: Sequence[int], slot: int) -> int:
        """Note that a slot is given a prompt, and return how many of its first blocks the slot held before."""
        one = self._slots.get(slot) or self._add(slot)
        held = one.blocks
        known = _depth(blocks, held)
        one.size += BEGINS[len(blocks)] - BEGINS[known]
        # The last block becomes the oldest, so that it is forgotten before those it stands on.
        for depth in range(len(blocks) - 1, -1, -1):
            block = blocks[depth]
            if depth < known:
                del held[block]
            held[block] = SIZES[depth]
        if len(held) > self._most_blocks or one.size > one.most_bytes:
            self._shrink(one, max(FORGOTTEN_AT_ONCE, 2 * len(blocks)))
        return known

    def limit(self, slot: int, size: int) -> None:
        """Remember no more than `size` bytes of a slot: what its engine's cache can hold."""
        (self._slots.get(slot) or self._add(slot)).most_bytes = float(size)

    def resize(self, capacity: int) -> None:
        """Keep no more than this many entries; those beyond are forgotten as others come."""
        self._capacity = capacity
        self._share()

    def size(self, slot: int) -> int:
        """Return how many bytes of prompts a slot holds."""
        one = self._slots.get(slot)
        return one.size if one is not None else 0

    def forget(self, slot: int) -> None:
        """Forget all that was sent to a slot; then it may stand for another worker."""
        if self._slots.pop(slot, None) is not None:
            self._share()

    def _add(self, slot: int) -> _Slot:
        one = self._slots[slot] = _Slot()
        self._share()
        return one

    def _share(self) -> None:
        self._most_blocks = min(SLOT_ENTRIES, self._capacity // max(1, len(self._slots)))

    def _shrink(self, one: _Slot, most: int) -> None:
        held = one.blocks
        # A thirty-second more than is needed, so as not to walk with each prompt: to find the first item of a
        # dictionary whose first items were removed takes long.
        keep_blocks = self._most_blocks - (self._most_blocks >> 5)
        keep_bytes = one.most_bytes * 31 / 32
        left, gone = len(held), []
        for block, size in islice(held.items(), most):
            if left <= keep_blocks and one.size <= keep_bytes:
                break
            gone.append(block)
            left -= 1
            one.size -= size
        for block in gone:
            del held[block]


def share_entries(indexes: Collection[PrefixIndex]) -> None:
    """Let the indexes of all services together keep no more than one may."""
    for index in indexes:
        index.resize(ENTRIES // len(indexes))


def _depth(blocks: Sequence[int], held: Container[int]) -> int:
    """Return how many of the first blocks are held."""
    if not blocks or blocks[0] not in held:
        return 0
    least, most = 1, len(blocks)
    if blocks[-1] in held:
        return most
    while least + 1 < most:
        middle = (least + most) // 2
        if blocks[middle - 1] in held:
            least = middle
        else:
            most = middle
    return least
