"""The gateways of the QoS benchmark: one with classes, one in which all callers are of one class, and their engines.

Owns what runs. The engines are simulated ones, or a real endpoint that somebody else runs.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tidegate_api.keys import new_key
from tidegate_api.names import QosClass
from tidegate_bench.qos.traffic import SIZES, TENANTS, Sizes
from tidegate_bench.sim import stage
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.stage import Engines, Started

WORKERS: Final = 2
PROFILE: Final = Profile(max_num_seqs=32, keep_alive_seconds=120.0)
CLASSES: Final = "classes"
FIFO: Final = "fifo"
# A model on a CPU: shorter, so that a run has enough requests. A word here is two or three of its tokens.
SMALL: Final = Sizes(prompt=(20, 80), answer=(8, 24))


@dataclass(frozen=True, slots=True)
class Target:
    """What stands behind the gateways."""

    ports: tuple[int, ...]
    host: str = "127.0.0.1"
    model: str = "m"
    sizes: Sizes = SIZES
    # None for a real endpoint, which is neither reset nor asked for counts.
    engines: Engines | None = None

    async def reset(self) -> None:
        """Empty the caches and counts of simulated engines."""
        if self.engines is not None:
            await self.engines.reset()


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    target: Target
    gateways: dict[str, Started]
    # By tenant.
    keys: dict[str, str]

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the benchmark, this one aside."""
        made = tuple(started.process.pid for started in self.gateways.values())
        return made if self.target.engines is None else (self.target.engines.pid, *made)

    async def ready(self) -> None:
        """Wait until the gateways answer."""
        key = next(iter(self.keys.values()))
        for started in self.gateways.values():
            await started.ready(key, self.target.model)


def real_target(url: str, model: str) -> Target:
    """Return a real endpoint; raise ValueError for what is no URL with a port."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError(f"expected a URL such as http://127.0.0.1:8000, got {url!r}")
    return Target((parts.port,), parts.hostname, model, SMALL)


@contextmanager
def staged(logs: Path, target: Target | None) -> Iterator[Stage]:
    """Run the gateways before a target, or before simulated engines."""
    classes: tuple[QosClass, ...] = ("high", "medium", "low")
    tenants = [(f"{name}-{number}", name) for name in classes for number in range(TENANTS)]
    keys = {tenant: new_key() for tenant, _ in tenants}
    with ExitStack() as stack, stage.cores() as (under_test, rest):
        if target is None:
            engines = stack.enter_context(stage.engines(PROFILE, WORKERS, rest, logs))
            target = Target(engines.ports, engines=engines)
        gateways = {}
        for arm in (CLASSES, FIFO):
            callers = [
                stage.caller(
                    keys[tenant],
                    tenant if arm == CLASSES else "everyone",
                    name if arm == CLASSES else "medium",
                )
                for tenant, name in tenants
            ]
            words, port = stage.ours(target.ports, callers, host=target.host, model=target.model)
            gateways[arm] = stage.start(stack, arm, words, port, where=under_test, logs=logs)
        yield Stage(target, gateways, keys)
