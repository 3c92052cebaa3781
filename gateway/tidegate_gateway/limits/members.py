"""Which gateways there are, and what each last said.

Owns who counts when a limit is divided. Pure: the moment is an argument. Must not know how it is divided.

A gateway is a process. One that starts anew in the same Pod is another, since it knows nothing of the former one's
use; and one that is gone may have used, until its end, all that was left to it, so it counts for a window longer.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from xxhash import xxh3_64_intdigest

from tidegate_gateway.limits.account import WINDOW_SECONDS
from tidegate_gateway.limits.tables import Answer, Departed, Row, Standing

Key = tuple[str, str]
NEVER: Final = -1
# How long a gateway counts that asks us and is not listed: our list may be behind.
ANNOUNCED_SECONDS: Final = 10.0


def pod_of(instance: str) -> str:
    """Return the uid of the Pod of a process, which is called `<uid of its Pod>-<something new at each start>`."""
    return instance.rpartition("-")[0]


@lru_cache(maxsize=65536)
def rank(name: str, key: Key) -> int:
    """Return how much a gateway is to be preferred for a tenant; every gateway finds the same (rendezvous hashing)."""
    return xxh3_64_intdigest(f"{name}/{key[0]}/{key[1]}".encode())


def deal(amount: int, place: int, count: int) -> int:
    """Return the part of the one in a place from 0 on, where an amount is dealt out to so many like cards.

    The parts sum to the amount. When somebody leaves, those behind move up and nobody's part gets smaller; when
    somebody joins, nobody's gets larger: so gateways that learn of it one after the other never have too much.
    """
    return max(0, -((place - amount) // count))


class Member:
    """Another gateway, as far as it is known here."""

    __slots__ = (
        "announced_until",
        "closing",
        "gone_at",
        "heard",
        "instance",
        "is_listed",
        "others",
        "pod",
        "restless",
        "rows",
        "version",
    )

    def __init__(self, pod: str, instance: str = "") -> None:
        self.pod = pod
        # Unknown until it has asked or answered.
        self.instance = instance
        self.is_listed = False
        self.announced_until = 0.0
        self.version = NEVER
        # The last of our answers that it had taken in when it gave this one.
        self.heard = NEVER
        self.closing = False
        self.gone_at = 0.0
        self.rows: dict[Key, Row] = {}
        # The tenants of whom it lacks or wishes something.
        self.restless: set[Key] = set()
        # The gateways that it knows.
        self.others: set[str] = set()

    @property
    def name(self) -> str:
        """What it is ranked by."""
        return self.instance or self.pod

    def take(self, said: Answer | Departed) -> None:
        """Take in what it says, or has said to another, unless it has said something newer."""
        if said.version > self.version:
            self.version = said.version
            self.closing = said.closing
            self.rows = {(row.namespace, row.tenant): row for row in said.rows}
            self.restless = {key for key, row in self.rows.items() if any(map(_wants, row.standings))}
            if isinstance(said, Answer):
                self.heard = said.heard
                self.others = set(said.live)


def _wants(standing: Standing | None) -> bool:
    return standing is not None and (standing.wishes or standing.need > 0)


class Members:
    """All gateways but this one."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self._own_pod = pod_of(instance)
        self.live: dict[str, Member] = {}
        self.gone: list[Member] = []

    def update(self, pods: Iterable[str], now: float) -> None:
        """Take the list of gateway Pods, by uid, as it is now."""
        self.gone = [member for member in self.gone if now < member.gone_at + WINDOW_SECONDS]
        closing = {member.pod for member in self.gone if member.closing}
        listed = {pod for pod in pods if pod != self._own_pod}
        for pod in sorted(listed - closing):
            self.live.setdefault(pod, Member(pod))
        for member in list(self.live.values()):
            was_listed, member.is_listed = member.is_listed, member.pod in listed
            if not member.is_listed and (was_listed or now >= member.announced_until):
                self._leave(member, now)

    def announce(self, instance: str, now: float) -> int:
        """Take note of a gateway that asks, and return the last answer of its that was taken in.

        It counts from now on, listed or not, unless it has said that it ends.
        """
        for member in self.gone:
            if member.instance == instance and member.closing:
                return member.version
        member = self._meet(instance, now)
        member.announced_until = now + ANNOUNCED_SECONDS
        return member.version

    def hear(self, answer: Answer, now: float) -> None:
        """Take in an answer."""
        if pod_of(answer.instance) in self.live:
            member = self._meet(answer.instance, now)
        else:
            last = [member for member in self.gone if member.instance == answer.instance]
            if not last:
                return
            member = last[0]
        member.take(answer)
        if member.closing and self.live.get(member.pod) is member:
            self._leave(member, now)
        for departed in answer.departed:
            self._learn(departed, now)

    def departed(self, now: float) -> tuple[Departed, ...]:
        """Return those that are gone, as others are told of them."""
        return tuple(
            Departed(
                member.instance,
                member.version,
                now - member.gone_at,
                member.closing,
                tuple(member.rows.values()),
            )
            for member in self.gone
        )

    def restless(self) -> set[Key]:
        """Return the tenants of whom some gateway lacks or wishes something."""
        return set().union(*(member.restless for member in self.live.values()))

    def lacking(self) -> Iterator[tuple[Key, Row]]:
        """Return the tenants of whom some gateway lacks something, with what it says of them."""
        for member in self.live.values():
            for key in member.restless:
                row = member.rows[key]
                if any(standing is not None and standing.need for standing in row.standings):
                    yield key, row

    def is_complete(self) -> bool:
        """Tell whether it is known what every gateway has said that is there or that one of them counts."""
        members = [*self.live.values(), *self.gone]
        known = {self.instance, *(member.instance for member in members if member.version != NEVER)}
        return all(member.version != NEVER and known >= member.others for member in self.live.values())

    def have_all_heard(self, version: int) -> bool:
        """Tell whether every gateway had taken in an answer of ours when it last said something."""
        return all(member.heard >= version for member in self.live.values())

    def present(self) -> list[str]:
        """Return the names of those that are there, this one included."""
        return [self.instance, *(member.name for member in self.live.values())]

    def counted(self) -> list[str]:
        """Return the names of those, and of those gone that may have been used to the last."""
        return self.present() + [member.name for member in self.gone if not member.closing]

    def _meet(self, instance: str, now: float) -> Member:
        """Return the member that a process is; its Pod's former process is gone, and it may be back itself."""
        pod = pod_of(instance)
        known = self.live.get(pod)
        if known is not None and known.instance in {"", instance}:
            known.instance = instance
        else:
            if known is not None:
                self._leave(known, now)
            self.live[pod] = known = Member(pod, instance)
        back = [member for member in self.gone if member.instance == instance and not member.closing]
        if back:
            self.gone.remove(back[0])
            back[0].is_listed = known.is_listed
            self.live[pod] = known = back[0]
        return known

    def _learn(self, departed: Departed, now: float) -> None:
        """Take in what another heard last from a gateway that it no longer finds."""
        if departed.instance == self.instance:
            return
        known = [m for m in (*self.live.values(), *self.gone) if m.instance == departed.instance]
        if not known:
            known = [Member(pod_of(departed.instance), departed.instance)]
            known[0].gone_at = now - departed.seconds
            self.gone += known
        known[0].take(departed)

    def _leave(self, member: Member, now: float) -> None:
        del self.live[member.pod]
        if member.instance:
            member.gone_at = now
            self.gone.append(member)
