"""How much of a tenant's limit a gateway aims for, seeing what it and the others use and lack.

Owns the policy: who should give up what they do not use, and to whom. Pure. Must not care whether what it wishes is
safe: `Shares` takes no more than the others have left.

- Where nobody lacks anything, each keeps what it has, and at least its dealt part; who is idle keeps that part only.
- Who lacks nothing while others do gives up half of what it does not use, again and again; who is idle, all of it.
- Who alone lacks something wants everything.
- Those who lack something share what the others do not hold. If the parts would be too small for the requests that
  were refused (limits of 1 or 2, or requests of half a minute's tokens), some get enough and the others nothing; who
  goes first changes every few seconds.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

import msgspec

# Does not divide a window: else the use that a turn began would end in the same gateway's turn, for ever.
TURN_SECONDS: Final = 7


class Party(msgspec.Struct, frozen=True, gc=False):
    """One gateway with regard to one limit of one tenant."""

    rank: int
    cap: int
    used: int
    # The smallest request that was just refused for want of a larger cap; 0 if none was.
    need: int = 0

    @property
    def committed(self) -> int:
        """What nobody else may use."""
        return max(self.cap, self.used)


def aim(available: int, me: Party, others: Sequence[Party], part: int, turn: int, *, idle: bool) -> int:
    """Return the cap that this gateway should have.

    `available` is the limit without what is held for gateways that are gone, `part` what is dealt to this gateway
    when all have the same. `turn` counts every `TURN_SECONDS`, alike at all gateways.
    """
    lacking = [other for other in others if other.need]
    if not lacking:
        if me.need:
            return available
        return part if idle else max(me.cap, part)
    if not me.need:
        unused = max(0, me.cap - me.used)
        return me.cap - (unused if idle else unused - unused // 2)
    content = [other for other in others if not other.need]
    amount = max(0, available - sum(other.committed for other in content))
    spare = sum(max(0, other.cap - other.used) for other in content)
    return _among(amount, spare, me, [me, *lacking], turn)


def _among(amount: int, spare: int, me: Party, parties: list[Party], turn: int) -> int:
    parties.sort(key=lambda party: party.rank, reverse=True)
    count = len(parties)
    if max(party.need for party in parties) > amount // count:
        return _in_turn(amount, me, parties, turn % count)
    free = spare + amount - sum(party.committed for party in parties)
    if free >= count:
        return me.cap + free // count
    part = -((parties.index(me) - amount) // count)
    return part if me.cap <= part else me.cap - ceil((me.cap - part) / 4)


def _in_turn(amount: int, me: Party, parties: list[Party], first: int) -> int:
    served = []
    for party in parties[first:] + parties[:first]:
        if party.need <= amount:
            amount -= party.need
            served.append(party)
    return me.need + amount // len(served) if me in served else 0
