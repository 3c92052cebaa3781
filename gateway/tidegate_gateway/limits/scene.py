"""One limit of one tenant as a gateway sees it held by the others.

Owns what is made of the others' words, and of their silence: of a tenant whom a gateway does not mention it holds its
dealt part, at most. Pure. Must not decide what this gateway does about it.
"""

import msgspec

from tidegate_gateway.limits.division import Party
from tidegate_gateway.limits.members import Key, Member, Members, deal, rank
from tidegate_gateway.limits.tables import Standing


class Ranking:
    """The gateways in the order in which one tenant's limits are dealt out to them."""

    __slots__ = ("counted", "key", "own", "present", "ranks")

    def __init__(self, members: Members, key: Key) -> None:
        self.key = key
        self.ranks = {name: rank(name, key) for name in members.counted()}
        self.own = self.ranks[members.instance]
        # Those that are there, and also those that are gone and may have used what they had.
        self.present = sorted(members.present(), key=self.ranks.__getitem__, reverse=True)
        self.counted = sorted(self.ranks, key=self.ranks.__getitem__, reverse=True)


class Scene(msgspec.Struct, frozen=True):
    """How the others hold it."""

    others: list[Party]
    # What is kept for gateways that are gone.
    held: int
    # What all of them have used.
    used: int
    # This gateway's part if all get the same.
    part: int
    # False while others still go by another limit.
    is_agreed: bool
    # True if one that is gone wished for more, and may have taken all there was before anybody heard of it.
    is_doubtful: bool
    # The first in rank of the others that want more; -1 if none does.
    wisher: int

    def may_take(self, own: int) -> bool:
        """Tell whether a gateway of this rank is the one that takes."""
        return self.is_agreed and self.wisher < own

    def room(self, limit: int) -> int:
        """Return the largest cap that the others leave."""
        if self.is_doubtful:
            return 0
        return limit - self.held - sum(other.committed for other in self.others)


def look(members: Members, ranking: Ranking, index: int, limit: int) -> Scene:
    """Return how the others hold a tenant's limit, by its index."""
    others: list[Party] = []
    held = used = 0
    is_agreed, is_doubtful, wisher = True, False, -1
    present, counted = ranking.present, ranking.counted
    for member in members.live.values():
        place, standing = ranking.ranks[member.name], _standing(member, ranking.key, index)
        if standing is None:
            is_agreed = is_agreed and ranking.key not in member.rows
            # It may know of one less that is gone than this gateway, and hold a larger part.
            others.append(Party(place, deal(limit, present.index(member.name), len(present)), 0))
            continue
        used += standing.used
        is_agreed = is_agreed and standing.limit == limit
        others.append(Party(place, _scaled(standing, limit), standing.used, standing.need))
        if standing.wishes and place > wisher:
            wisher = place
    for member in members.gone:
        standing = _standing(member, ranking.key, index)
        if standing is not None:
            used += standing.used
            held += standing.used if member.closing else max(_scaled(standing, limit), standing.used)
            is_doubtful = is_doubtful or (standing.wishes and not member.closing)
        elif not member.closing:
            held += deal(limit, counted.index(member.name), len(counted))
    part = deal(limit, counted.index(members.instance), len(counted))
    return Scene(others, held, used, part, is_agreed, is_doubtful, wisher)


def _standing(member: Member, key: Key, index: int) -> Standing | None:
    row = member.rows.get(key)
    return None if row is None else row.standings[index]


def _scaled(standing: Standing, limit: int) -> int:
    """Return the cap that a gateway will have once it knows the limit that holds now."""
    return standing.cap if standing.limit == limit else standing.cap * limit // max(1, standing.limit)
