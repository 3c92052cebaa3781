"""The address plan of one cluster: which private /16 it takes and how that is divided.

Pure except ``occupied``, which reads the host's routes and name servers. Creates no interface.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

# 10.64.0.0 to 10.127.255.255: away from the usual home, office and pod networks.
FIRST_BLOCK, BLOCKS = 64, 64


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """One /16: the link between host and node, the pods, the services."""

    block: IPv4Network

    def _part(self, third: int, prefix: int) -> IPv4Network:
        return IPv4Network((int(self.block.network_address) + (third << 8), prefix))

    @property
    def link(self) -> IPv4Network:
        return self._part(0, 30)

    @property
    def host(self) -> IPv4Address:
        return self.link[1]

    @property
    def node(self) -> IPv4Address:
        return self.link[2]

    @property
    def pods(self) -> IPv4Network:
        return self._part(64, 20)

    @property
    def services(self) -> IPv4Network:
        return self._part(128, 20)

    @property
    def apiserver(self) -> IPv4Address:
        return self.services[1]

    @property
    def dns(self) -> IPv4Address:
        return self.services[10]


def choose(seed: str, taken: Iterable[IPv4Network]) -> AddressPlan:
    """The block that the seed names, or the next one that touches nothing already in use."""
    used = list(taken)
    start = int(seed, 16)
    for offset in range(BLOCKS):
        block = IPv4Network(f"10.{FIRST_BLOCK + (start + offset) % BLOCKS}.0.0/16")
        if not any(block.overlaps(other) for other in used):
            return AddressPlan(block)
    raise ValueError("every block from 10.64.0.0/16 to 10.127.0.0/16 is in use on this machine")


def parse_routes(text: str) -> list[IPv4Network]:
    """Destinations of ``ip -4 route show table all``; default routes overlap everything and are left out."""
    found = []
    for line in text.splitlines():
        words = [w for w in line.split() if w not in ("local", "broadcast", "unicast")]
        if words and words[0][0].isdigit():
            found.append(IPv4Network(words[0], strict=False))
    return found


def name_servers(text: str) -> list[str]:
    """The servers of a resolv.conf that are reachable from another network namespace."""
    words = [line.split() for line in text.splitlines()]
    servers = [w[1] for w in words if len(w) > 1 and w[0] == "nameserver"]
    return [s for s in servers if not s.startswith("127.") and s != "::1"]


def host_name_servers() -> list[str]:
    """Those of this machine; behind a local stub resolver, the ones that the stub itself asks."""
    for file in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        if file.exists() and (found := name_servers(file.read_text())):
            return found
    return []


def occupied() -> list[IPv4Network]:
    """Networks this machine already routes, and the addresses of its name servers."""
    routes = subprocess.run(
        ["ip", "-4", "route", "show", "table", "all"], capture_output=True, text=True, check=True
    )
    servers = [IPv4Network(s) for s in host_name_servers() if ":" not in s]
    return parse_routes(routes.stdout) + servers
