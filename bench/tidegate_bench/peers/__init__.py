"""Other people's gateways: pinned, with the settings that their documentation gives for production."""

from tidegate_bench.peers.environments import PeerAbsent, cache, environment
from tidegate_bench.peers.table import PEERS, RUST_ROUTERS, Peer, Place, by_name

__all__ = ["PEERS", "RUST_ROUTERS", "Peer", "PeerAbsent", "Place", "by_name", "cache", "environment"]
