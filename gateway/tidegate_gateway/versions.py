"""Two versions of a service side by side: which conversations the new one is given, and how either does.

Owns the draw, which is the same in every gateway, and the counts that the operator compares. Must not decide whether
a version is good.
"""

from functools import lru_cache
from typing import Final

from xxhash import xxh3_64_intdigest

from tidegate_api.firsttoken import bucket
from tidegate_gateway import conversation
from tidegate_gateway.directory import Canary
from tidegate_gateway.routing.endpoint import Endpoint

DRAWS: Final = 2.0**64
PERCENT: Final = 100.0


def is_drawn(canary: Canary, tenant: str, prompt: memoryview) -> bool:
    """Tell whether a conversation is given to the canary.

    As its weight grows, conversations only come to it, and as it falls they only leave: each has a place of its own
    between 0 and 100, another one for each canary, and is the canary's while that is below the weight.
    """
    if canary.weight >= PERCENT:
        return True
    if canary.weight <= 0:
        return False
    return conversation.digest(prompt, _seed(canary.revision, tenant)) < canary.weight / PERCENT * DRAWS


@lru_cache(maxsize=4096)
def _seed(revision: str, tenant: str) -> int:
    return xxh3_64_intdigest(f"{revision}\0{tenant}".encode())


class Tally:
    """What became of requests at the workers of one version."""

    __slots__ = ("errors", "first_tokens", "requests")

    def __init__(self) -> None:
        # All that ended at a worker, those that failed there included, also if another one answered them then.
        self.requests = 0
        self.errors = 0
        # Streams, by the bucket of the time from being sent to a worker to its first byte.
        self.first_tokens: dict[int, int] = {}

    def answered(self) -> None:
        """Count a request whose whole answer came."""
        self.requests += 1

    def failed(self) -> None:
        """Count a request that the worker failed on."""
        self.requests += 1
        self.errors += 1

    def first_token(self, seconds: float) -> None:
        """Count the first byte of a stream."""
        index = bucket(seconds)
        self.first_tokens[index] = self.first_tokens.get(index, 0) + 1


class Versions:
    """The version in use and the one that is tried, since this process first knew of that one."""

    __slots__ = ("canary", "revision", "stable")

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self.stable = Tally()
        self.canary = Tally()

    def of(self, endpoint: Endpoint) -> Tally:
        """Return the counts of the version that a worker runs."""
        return self.canary if endpoint.is_canary else self.stable
