"""One worker for each beginning of a prompt, the same one as long as it is there and not overloaded.

Owns the choice of the PrefixHash strategy. Rendezvous hashing (Thaler, Ravishankar 1998) ranks workers by a hash of
worker and prompt: it needs no ring to be kept, spreads better than a ring of some hundred points, and moves only the
prompts of a worker that leaves. Bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): no worker takes more than 1.25
times the mean, then the next in rank does.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

from xxhash import xxh3_64_intdigest

from tidegate_gateway.routing.endpoint import Endpoint

# Blocks that tell beginnings apart: the first kilobyte.
FIRST_BLOCKS: Final = 4
BOUND: Final = 1.25


def key_of(blocks: Sequence[int]) -> int:
    """Return what stands for a prompt's beginning."""
    return blocks[min(len(blocks), FIRST_BLOCKS) - 1]


def choose(key: int, endpoints: Sequence[Endpoint]) -> Endpoint:
    """Return the first endpoint in the rank of `key` that has room below the bound."""
    most = ceil(BOUND * (sum([e.requests for e in endpoints]) + 1) / len(endpoints))
    # One is below the mean, so there is room somewhere.
    return max(
        [e for e in endpoints if e.requests < most], key=lambda endpoint: xxh3_64_intdigest(endpoint.key, key)
    )
