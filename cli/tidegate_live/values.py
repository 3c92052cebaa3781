"""What is happening at one moment, as frozen values.

Owns the fields, their units and their form as JSON. Must not know where they come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Queued:
    """Requests that wait for a worker, by class."""

    high: int = 0
    medium: int = 0
    low: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.high + self.medium + self.low


@dataclass(frozen=True, slots=True)
class Pool:
    """The workers of one pool."""

    name: str
    workers_ready: int
    # Share of their KV caches in use, 0 to 1; None where no engine has told it.
    kv_used_ratio: float | None
    # Tokens of requests at workers, and how many there may be; all gateways together.
    credits_used_tokens: int
    credits_limit_tokens: int


@dataclass(frozen=True, slots=True)
class Service:
    """One LLMService; rates and times are over the last minute."""

    queued: Queued
    # Requests that workers are answering.
    running: int
    # Requests in the batches of the engines, as these tell it.
    batch_size: int
    kv_used_ratio: float | None
    requests_per_second: float
    # Those that ended with a status of 500 or more.
    errors_per_second: float
    # Of answers.
    tokens_per_second: float
    # To the first byte of an answer, waiting included; None without a request.
    ttft_p50_seconds: float | None
    ttft_p90_seconds: float | None
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One LLMTenant; totals are since the gateways began."""

    requests_per_minute: float
    tokens_per_minute: float
    requests_total: int
    tokens_total: int


@dataclass(frozen=True, slots=True)
class Live:
    """Everything, by `NAMESPACE/NAME`."""

    # As the clock of the caller has it.
    at: float
    # How many gateways this is from.
    gateways: int
    # Why something is not in here; None where all is.
    missing: str | None
    # The seconds that rates are over: 0 after the first look, when there are none yet.
    window_seconds: float
    services: Mapping[str, Service]
    tenants: Mapping[str, Tenant]


def as_json(value: Any) -> Any:
    """Return a value of this module as JSON has it: names as in Kubernetes, null for what is not known."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(field.name): as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_json(one) for key, one in value.items()}
    return [as_json(one) for one in value] if isinstance(value, tuple) else value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
