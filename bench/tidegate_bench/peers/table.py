"""The table of peers: versions, and what each does and leaves beside what we do.

Owns what a report says of them; `commands` knows how they are started.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate_bench.peers import commands
from tidegate_bench.peers.commands import VERSIONS, Place


@dataclass(frozen=True, slots=True)
class Peer:
    """One other gateway."""

    name: str
    version: str
    # What it does, and does not do, beside what we do: shown with every result.
    work: str
    command: Callable[[Place], list[str]]
    env: Mapping[str, str] = field(default_factory=dict)
    # Whether answers pass byte for byte, as opposed to being read and written anew.
    verbatim: bool = True
    # Milliseconds of CPU per request where others need microseconds: it is asked less.
    slow: bool = False


_ROUTER: Final = "forwards the client's headers, counts metrics; no tenants, limits or classes"
_HASHES: Final = f"compares one key, hashes prompts for its default policy, cache_aware; {_ROUTER}"
_BYTES: Final = "moves bytes: no key, no JSON, no metrics"

PEERS: Final = (
    Peer(
        "vllm-router",
        VERSIONS["vllm-router"],
        "its default policy, cache_aware: asks the engine for each prompt's tokens (/render) and hashes them; "
        f"checks no key (it has no way to); {_ROUTER}",
        commands.vllm_router,
    ),
    Peer(
        "vllm-router-rr",
        VERSIONS["vllm-router"],
        f"the same with round_robin, the least it can do: does not look at prompts, checks no key; {_ROUTER}",
        commands.vllm_router_round_robin,
    ),
    Peer(
        "sglang-router",
        VERSIONS["sglang-router"],
        _HASHES,
        commands.sglang_router,
    ),
    Peer(
        "smg",
        VERSIONS["smg"],
        _HASHES,
        commands.smg,
    ),
    Peer(
        "litellm",
        VERSIONS["litellm"],
        "checks a master key, reads and writes every answer and chunk anew, counts cost; no database",
        commands.litellm,
        env={
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
        verbatim=False,
        slow=True,
    ),
    Peer("nginx", VERSIONS["nginx"], _BYTES, commands.nginx),
    Peer("haproxy", VERSIONS["haproxy"], _BYTES, commands.haproxy),
)
RUST_ROUTERS: Final = ("vllm-router", "vllm-router-rr", "sglang-router", "smg")


def by_name(name: str) -> Peer:
    """Return a peer."""
    return next(peer for peer in PEERS if peer.name == name)
