"""Times to the first token in buckets that may be added up: gateways count them, the operator compares versions.

Owns the buckets and what is read out of counts. Must not import anything but the standard library, or read a clock.

Each bucket is a tenth wider than the one before it, so that a quantile is known to a few percent whatever its size,
in less than 170 small numbers for an hour. The counts of two gateways, of the same bucket, are added.
"""

from collections.abc import Mapping
from math import ceil, log
from typing import Final

# The first bucket is all up to a millisecond: no engine is faster.
LEAST_SECONDS: Final = 0.001
FACTOR: Final = 1.1
# The last one has all from an hour on: no client waits for longer.
LAST: Final = ceil(log(3600 / LEAST_SECONDS, FACTOR))
_PER_E: Final = 1 / log(FACTOR)


def bucket(seconds: float) -> int:
    """Return the index of the bucket that a time belongs to, from 0 to `LAST`."""
    if seconds <= LEAST_SECONDS:
        return 0
    return min(ceil(log(seconds / LEAST_SECONDS) * _PER_E), LAST)


def upper(index: int) -> float:
    """Return the longest time of a bucket, in seconds."""
    return LEAST_SECONDS * FACTOR**index


def quantile(counts: Mapping[int, int], q: float) -> float:
    """Return the time, in seconds, that a share `q` (0 to 1) of all counted times does not exceed.

    Within a bucket times are taken to lie evenly on its logarithmic scale. Raises ValueError where nothing was counted.
    """
    total = sum(counts.values())
    if not total:
        raise ValueError("no time was counted, so there is no quantile")
    wanted = q * total
    before = 0
    index = 0
    for index in sorted(counts):
        count = counts[index]
        if count and before + count >= wanted:
            within: float = FACTOR ** ((wanted - before) / count - 1)
            return upper(index) * within
        before += count
    return upper(index)
