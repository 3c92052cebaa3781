"""One LLMService as this gateway serves it: its queue, its workers, what is learned of its requests.

Owns what outlives a directory: each new one is worked in here, so that nothing that waits or runs is lost.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from tidegate_api.names import PRIORITY_BY_CLASS, QosClass
from tidegate_gateway import errors
from tidegate_gateway.directory import Canary, Model, Worker
from tidegate_gateway.errors import Problem
from tidegate_gateway.estimate import Estimate
from tidegate_gateway.metrics import Metrics
from tidegate_gateway.output import Output
from tidegate_gateway.qos.credits import START_TOKENS
from tidegate_gateway.qos.dispatch import Dispatcher
from tidegate_gateway.routing import outliers
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.router import Router
from tidegate_gateway.versions import Versions

# Runs something once what runs now has returned, as the event loop's does.
CallSoon = Callable[[Callable[[], None]], object]


class Served:
    """A service that has a name among its namespace's models."""

    def __init__(
        self,
        model: Model,
        metrics: Metrics,
        rng: random.Random,
        call_soon: CallSoon,
        wake: Callable[[str], None],
    ) -> None:
        self.model = model
        self.estimate = Estimate()
        self.router = Router(rng, model.strategy)
        self.fleet = Fleet(self.router, START_TOKENS)
        self.dispatcher = Dispatcher(self.router, call_soon, wake)
        self.timings = {c: metrics.timings(model.namespace, model.service, c) for c in PRIORITY_BY_CLASS}
        self.output = Output()
        # How the version in use and one that is tried have done; and the same while that has a share of the requests.
        self.versions: Versions | None = None
        self.counted: Versions | None = None
        self._adapters: frozenset[str] = frozenset()
        self._context_tokens = 0

    @property
    def compares_prompts(self) -> bool:
        """Tell whether it matters which prompts a worker has seen."""
        return self.router.wants_blocks and len(self.fleet.by_uid) > 1

    @property
    def adapters(self) -> frozenset[str]:
        """Names of the LoRA adapters that a worker serves; while none has said, those that are to be, or were last."""
        told, model = self._told(), self.model
        if not told:
            return model.adapters if model.has_adapters else self._adapters
        loaded = frozenset[str]().union(*(endpoint.adapters for endpoint in told))
        # What is not declared any more is on its way out of the workers.
        return loaded & model.adapters if model.has_adapters else loaded

    @property
    def context_tokens(self) -> int:
        """The most tokens of a prompt and its answer; 0 if no worker has ever said."""
        told = self._told()
        return max(endpoint.context_tokens for endpoint in told) if told else self._context_tokens

    def _told(self) -> list[Endpoint]:
        return [
            endpoint
            for endpoint in self.fleet.by_uid.values()
            if endpoint.context_tokens or endpoint.adapters
        ]

    # What becomes of requests

    def answered(self, endpoint: Endpoint) -> None:
        """Note that a worker's whole answer came."""
        outliers.succeeded(endpoint)
        if self.counted is not None:
            self.counted.of(endpoint).answered()

    def failed(self, endpoint: Endpoint, now: float, *, is_stopping: bool = False) -> None:
        """Note that a worker failed on a request; if it is only being stopped, that tells nothing of its version."""
        outliers.failed(endpoint, now)
        if self.counted is not None and not is_stopping:
            self.counted.of(endpoint).failed()

    # Why a request is refused

    def no_worker(self, qos_class: QosClass) -> Problem:
        """Return the refusal where there is no worker."""
        if self.dispatcher.is_asleep(qos_class):
            return self._waking(qos_class, "Its LLMService does not hold requests meanwhile.")
        if self.model.stopped:
            return errors.no_worker_wanted(self.model.name, self.model.stopped)
        return errors.no_ready_worker(self.model.name)

    def overloaded(self, qos_class: QosClass, seconds: int) -> Problem:
        """Return the refusal where as many of a class wait as may; in so many seconds it should be another."""
        if self.dispatcher.is_asleep(qos_class):
            most = self.model.classes[qos_class].cold_start.max_queue
            why = f"{most} requests of class {qos_class}, as many as may, wait for that already."
            return errors.model_waking(self.model.name, why, seconds)
        return errors.overloaded(qos_class, seconds)

    def not_woken(self, qos_class: QosClass) -> Problem:
        """Return the refusal of a request that was held for as long as it may be."""
        seconds = self.model.classes[qos_class].cold_start.timeout_seconds
        return self._waking(
            qos_class,
            f"No worker was ready within {seconds:.0f} s; if that stays, its LLMService's conditions tell why.",
        )

    def _waking(self, qos_class: QosClass, why: str) -> Problem:
        return errors.model_waking(self.model.name, why, self.dispatcher.retry_after_seconds(qos_class))

    # What is known

    def update(self, model: Model, workers: Iterable[Worker], now: float, gateways: int = 1) -> None:
        """Take how the service is now, and how many gateways send requests to its workers."""
        # A model that sleeps keeps its names.
        self._adapters, self._context_tokens = self.adapters, self.context_tokens
        self.model = model
        self.router.set_strategy(model.strategy)
        self._count_for(model.canary)
        pools = self.fleet.update(workers, model.canary)
        for endpoint in self.fleet.by_uid.values():
            endpoint.has_adapters = model.has_adapters
        # Rounded up: a gateway without a slot could not send anything.
        self.dispatcher.update(model.classes, pools, now, -(-model.slots // gateways))

    def _count_for(self, canary: Canary | None) -> None:
        """Begin anew with each canary that is given a share; one that has none for a while goes on with its counts."""
        if self.versions is not None and (canary is None or canary.revision != self.versions.revision):
            self.versions = None
        if canary is not None and canary.weight > 0 and self.versions is None:
            self.versions = Versions(canary.revision)
        self.counted = self.versions if canary is not None and canary.weight > 0 else None

    def end(self, now: float) -> None:
        """Refuse what waits: the service is no more. What runs ends by itself."""
        stopped = {name: replace(policy, is_wanted=False) for name, policy in self.model.classes.items()}
        self.dispatcher.update(stopped, self.fleet.update(()), now)
