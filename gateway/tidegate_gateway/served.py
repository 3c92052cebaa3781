"""One LLMService as this gateway serves it: its queue, its workers, what is learned of its requests.

Owns what outlives a directory: each new one is worked in here, so that nothing that waits or runs is lost.
"""

import random
from collections.abc import Callable, Iterable

from tidegate_api.names import PRIORITY_BY_CLASS
from tidegate_gateway.directory import Model, Worker
from tidegate_gateway.estimate import Estimate
from tidegate_gateway.metrics import Metrics
from tidegate_gateway.output import Output
from tidegate_gateway.qos.credits import START_TOKENS
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.router import Router

# Runs something once what runs now has returned, as the event loop's does.
CallSoon = Callable[[Callable[[], None]], object]


class Served:
    """A service that has a name among its namespace's models."""

    def __init__(self, model: Model, metrics: Metrics, rng: random.Random, call_soon: CallSoon) -> None:
        self.model = model
        self.estimate = Estimate()
        self.router = Router(rng, model.strategy)
        self.fleet = Fleet(self.router, START_TOKENS)
        self.dispatcher = Dispatcher(self.router, call_soon)
        self.timings = {c: metrics.timings(model.namespace, model.service, c) for c in PRIORITY_BY_CLASS}
        self.output = Output()

    @property
    def compares_prompts(self) -> bool:
        """Tell whether it matters which prompts a worker has seen."""
        return self.router.wants_blocks and len(self.fleet.by_uid) > 1

    @property
    def adapters(self) -> frozenset[str]:
        """Names of the LoRA adapters that a worker serves."""
        return frozenset().union(*(endpoint.adapters for endpoint in self.fleet.by_uid.values()))

    @property
    def context_tokens(self) -> int:
        """The most tokens of a prompt and its answer; 0 while no worker has said."""
        return max((endpoint.context_tokens for endpoint in self.fleet.by_uid.values()), default=0)

    def update(self, model: Model, workers: Iterable[Worker], now: float) -> None:
        """Take how the service is now."""
        self.model = model
        self.router.set_strategy(model.strategy)
        pools = self.fleet.update(workers)
        self.dispatcher.update(model.classes, pools, now)
