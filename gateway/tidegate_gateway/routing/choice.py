"""Which of several endpoints: of equal costs, of crowded holders, of very many.

Owns these rules. Must not weigh an endpoint or count anything.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Final

from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.prefix import PrefixIndex

# Costs this close are equal: by share, and by time.
TIE: Final = 1.05
TIE_SECONDS: Final = 0.001
# Requests up to which those that hold a prompt are never crowded: few are uneven by chance.
SLACK: Final = 3
# Of more endpoints than this, only some are weighed: those with most of the prompt, and others at random.
MANY: Final = 64
HOLDERS: Final = 16
OTHERS: Final = 8


def equals(candidates: Sequence[Endpoint], costs: Sequence[float], held: Mapping[int, int]) -> list[Endpoint]:
    """Return the cheapest, and of them those that hold most of the prompt: that is less to compute for all.

    `held` has the blocks of the prompt by slot.
    """
    most = min(costs) * TIE + TIE_SECONDS
    if not held:
        return [e for e, cost in zip(candidates, costs, strict=True) if cost <= most]
    deepest = 0
    found: list[Endpoint] = []
    for endpoint, cost in zip(candidates, costs, strict=True):
        if cost <= most:
            depth = held.get(endpoint.slot, 0)
            if depth == deepest:
                found.append(endpoint)
            elif depth > deepest:
                deepest, found = depth, [endpoint]
    return found


def better_of_two(endpoints: Sequence[Endpoint], index: PrefixIndex, rng: random.Random) -> Endpoint:
    """Return the better of two at random, out of at least two (Mitzenmacher 2001).

    That is nearly as even as the best of all, and other gateways, which see the same, do not all choose the same. Where
    less is held, less must be forgotten for a new prompt.
    """
    count = len(endpoints)
    first = int(rng.random() * count)
    one, other = endpoints[first], endpoints[first - 1 - int(rng.random() * (count - 1))]
    if one.requests != other.requests:
        return one if one.requests < other.requests else other
    return one if index.size(one.slot) <= index.size(other.slot) else other


def is_crowded(best: Endpoint, candidates: Sequence[Endpoint], held: Mapping[int, int]) -> bool:
    """Tell whether all that hold as much of a prompt as the best have too many requests.

    Then another should have it as well. Too many is twice the mean and some for one holder, and ever closer to the mean
    the more hold it: what several hold is asked for often, and to compute it once more pays.
    """
    mean = sum([e.requests for e in candidates]) / len(candidates)
    if best.requests <= mean:
        return False
    depth = held[best.slot]
    holders = [e.requests for e in candidates if held.get(e.slot, 0) >= depth]
    return min(holders) > mean + (mean + SLACK) / len(holders)


def some(candidates: Sequence[Endpoint], held: Mapping[int, int], rng: random.Random) -> list[Endpoint]:
    """Return those with most of the prompt, and others at random."""
    holders = [e for e in candidates if e.slot in held]
    if len(holders) > HOLDERS:
        # Sorting keeps the order of equals: shuffled, so that not always the same sixteen are asked.
        rng.shuffle(holders)
        holders = sorted(holders, key=lambda e: held[e.slot], reverse=True)[:HOLDERS]
    chosen = {e.slot: e for e in holders + rng.sample(candidates, OTHERS)}
    return list(chosen.values())
