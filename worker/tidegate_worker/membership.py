"""Which member of a group of Pods this one is, and what its engine is told of it.

Pure: what the operator said in, words out. A group is one engine: its leader (rank 0) answers, the others compute.
"""

from dataclasses import dataclass
from typing import Final, Literal

Executor = Literal["processes", "ray"]

# Inside a Pod nobody else takes ports.
ENGINE_PORT: Final = 29501
RAY_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class Membership:
    """One of `size` members; `leader` is the address of rank 0, `address` this member's own."""

    size: int
    rank: int
    leader: str
    address: str
    executor: Executor = "processes"

    @property
    def is_leader(self) -> bool:
        return self.rank == 0


def engine_words(member: Membership) -> tuple[str, ...]:
    """Return the flags by which the engines of a group find each other; Ray finds them without."""
    if member.executor == "ray":
        return ()
    return (
        *("--nnodes", str(member.size)),
        *("--node-rank", str(member.rank)),
        *("--master-addr", member.leader),
        *("--master-port", str(ENGINE_PORT)),
        *(() if member.is_leader else ("--headless",)),
    )


def ray_words(member: Membership) -> tuple[str, ...]:
    """Return what starts this member's part of the Ray cluster: the leader's in the background, others' to stay."""
    own = ("ray", "start", f"--node-ip-address={member.address}", "--disable-usage-stats")
    if member.is_leader:
        return (*own, "--head", f"--port={RAY_PORT}", "--include-dashboard=false")
    host = f"[{member.leader}]" if ":" in member.leader else member.leader
    return (*own, f"--address={host}:{RAY_PORT}", "--block")
