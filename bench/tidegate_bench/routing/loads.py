"""The loads of the routing benchmark: which trace, how fast, how long.

Owns the numbers. Engines run at twice the speed of their profile, so that a round of seconds holds enough requests;
what a gateway adds weighs twice as much beside them.
"""

from dataclasses import dataclass
from typing import Final

from tidegate_bench.sim.profile import Profile

WORKERS: Final = 8
SPEED: Final = 2.0
# 64 Ki tokens of KV cache each: the documents of `prefix-heavy` need about 70 % of all eight.
PROFILE: Final = Profile(max_num_seqs=128, keep_alive_seconds=120.0).faster(SPEED)
SECONDS: Final = 8.0
# Requests of the first part of a round fill the caches and are not counted, unless all are sent as fast as may be.
WARM: Final = 0.25


@dataclass(frozen=True, slots=True)
class Load:
    """One trace at one rate."""

    trace: str
    # Requests that become due per second; with a limit, as fast as it lets them.
    per_second: float
    # How many are sent at most at a time; 0 is without limit.
    limit: int = 0


LOADS: Final[dict[str, Load]] = {
    "prefix-heavy": Load("prefix-heavy", 140),
    "no-reuse": Load("no-reuse", 140),
    "hot-prefix": Load("hot-prefix", 280),
    "chats": Load("chats", 240),
    # More than fits, for how much is done in a second.
    "prefix-heavy-full": Load("prefix-heavy", 200, limit=160),
    "no-reuse-full": Load("no-reuse", 200, limit=160),
}
