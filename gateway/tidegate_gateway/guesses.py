"""Wrong keys, by the address that they came from: who sends many within a minute is told to wait.

Owns the counts, of so many addresses that memory stays bounded. Pure: the time is an argument. Must not see a key, or
stand in the way of a right one: behind a proxy all clients have one address, and whoever could lock that out could
lock out everybody. What keeps a key from being guessed are its 256 random bits.
"""

import ipaddress
from collections.abc import Callable
from typing import Final

from tidegate_gateway import errors
from tidegate_gateway.errors import Problem

MOST_WRONG: Final = 20
WINDOW_SECONDS: Final = 60.0
# Whoever has more addresses than these pushes out those that began first; 1 MB in all.
MOST_ADDRESSES: Final = 8192
# Of IPv6, the part that a provider gives to one customer.
NETWORK_BITS: Final = 64


class Guesses:
    """The addresses that sent a wrong key in the last minute."""

    def __init__(self, on_lock: Callable[[str], None]) -> None:
        # When the minute began, and how many since; in the order in which they began.
        self._counts: dict[str, tuple[float, int]] = {}
        self._on_lock = on_lock

    def __len__(self) -> int:
        """Return how many addresses are known."""
        return len(self._counts)

    def refuse(self, address: str, now: float) -> Problem:
        """Count a wrong key of an address at the time `now`, in seconds, and return what its sender is told."""
        who = network(address)
        began, count = self._counts.get(who, (now, 0))
        if now - began >= WINDOW_SECONDS:
            del self._counts[who]
            began, count = now, 0
        if who not in self._counts:
            self._make_room(now)
        count += 1
        self._counts[who] = (began, count)
        if count <= MOST_WRONG:
            return errors.INVALID_KEY
        if count == MOST_WRONG + 1:
            self._on_lock(who)
        return errors.too_many_wrong_keys(MOST_WRONG, max(1, round(began + WINDOW_SECONDS - now)))

    def _make_room(self, now: float) -> None:
        """Drop those whose minute is over, and one more if all places are taken."""
        while self._counts:
            first = next(iter(self._counts))
            if len(self._counts) < MOST_ADDRESSES and now - self._counts[first][0] < WINDOW_SECONDS:
                return
            del self._counts[first]


def network(address: str) -> str:
    """Return what of an address tells one client from another: all of IPv4, 64 bits of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, NETWORK_BITS), strict=False))
