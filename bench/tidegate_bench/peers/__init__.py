"""Other people's gateways: pinned, with the settings that their documentation gives for production."""

from tidegate_bench.peers.commands import Place, nginx_version
from tidegate_bench.peers.environments import PeerAbsent, cache, environment
from tidegate_bench.peers.table import PEERS, RUST_ROUTERS, Peer, by_name

__all__ = [
    "PEERS",
    "RUST_ROUTERS",
    "Peer",
    "PeerAbsent",
    "Place",
    "by_name",
    "cache",
    "environment",
    "nginx_version",
]
