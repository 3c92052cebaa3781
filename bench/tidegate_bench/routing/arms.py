"""The arms of the routing benchmark: ours with each strategy, others' cache-aware routers, and none.

Owns which gateways run before the engines. All run for the whole benchmark; one at a time is asked.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate_bench import peers
from tidegate_bench.processes import free_port
from tidegate_bench.routing.loads import PROFILE, WORKERS
from tidegate_bench.sim import stage
from tidegate_bench.sim.stage import Engines, Started
from tidegate_gateway.directory import Strategy

ROUND_ROBIN: Final = "round robin"
OURS: Final = "ours"
ALTERNATIVES: Final[dict[str, Strategy]] = {"ours LeastLoad": "LeastLoad", "ours PrefixHash": "PrefixHash"}
STRATEGIES: Final[dict[str, Strategy]] = {OURS: "Auto", **ALTERNATIVES}
PEERS: Final = ("vllm-router", "smg")


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to the engines: the ports to ask in turn."""

    name: str
    ports: tuple[int, ...]

    def port_of(self, number: int) -> int:
        """Return whom a request goes to."""
        return self.ports[number % len(self.ports)]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    engines: Engines
    arms: tuple[Arm, ...]
    pids: tuple[int, ...]
    # Peers that this machine cannot have, with the reason.
    absent: dict[str, str]
    _started: tuple[Started, ...]

    async def ready(self, key: str) -> None:
        """Wait until all answer."""
        for started in self._started:
            await started.ready(key)


@contextmanager
def staged(key: str, logs: Path) -> Iterator[Stage]:
    """Run engines and gateways."""
    with ExitStack() as stack, stage.cores() as (under_test, rest):
        engines = stack.enter_context(stage.engines(PROFILE, WORKERS, rest, logs))
        started = []
        absent = {}
        for name, strategy in STRATEGIES.items():
            callers = [stage.caller(key, "bench", "high")]
            words, port = stage.ours(engines.ports, callers, strategy, max_queue=100_000)
            started.append(stage.start(stack, name, words, port, where=under_test, logs=logs))
        for name in PEERS:
            peer = peers.by_name(name)
            home = logs / f"{name}.home"
            home.mkdir()
            place = peers.Place(free_port(), free_port(), engines.ports, key, home)
            try:
                words = peer.command(place)
            except peers.PeerAbsent as reason:
                absent[name] = str(reason)
                continue
            made = stage.start(
                stack, name, words, place.port, where=under_test, logs=logs, env=dict(peer.env)
            )
            started.append(made)
        arms = (Arm(ROUND_ROBIN, engines.ports), *(Arm(s.name, (s.port,)) for s in started))
        pids = (engines.pid, *(s.process.pid for s in started))
        yield Stage(engines, arms, pids, absent, tuple(started))
