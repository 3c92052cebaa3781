"""One gateway's page of metrics, read into the figures that are of use here.

Owns which metrics are read, and what of their labels is kept. Must not compare pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

# A figure's name, then the labels that are kept of it.
Key = tuple[str, ...]

_SERVICE: Final = ("namespace", "service")
_POOL: Final = (*_SERVICE, "pool")
# What may rise and fall: the name of the metric, that of the figure, and the labels kept; others are summed over.
_GAUGES: Final[Mapping[str, Key]] = {
    "tidegate_gateway_queued_requests": ("queued", *_SERVICE, "qos_class"),
    "tidegate_gateway_in_flight_requests": ("running", *_SERVICE),
    "llm_batch_size": ("batch", *_SERVICE),
    "tidegate_gateway_ready_workers": ("ready", *_POOL),
    "tidegate_gateway_kv_cache_used_ratio": ("kv", *_POOL),
    "tidegate_gateway_credits_used_tokens": ("used", *_POOL),
    "tidegate_gateway_credits_limit_tokens": ("limit", *_POOL),
}
# What only grows, until its process ends.
_COUNTERS: Final[Mapping[str, Key]] = {
    "tidegate_gateway_requests_total": ("requests", *_SERVICE),
    "tidegate_gateway_completion_tokens_total": ("tokens", *_SERVICE),
    "tidegate_gateway_time_to_first_token_seconds_bucket": ("ttft", *_SERVICE, "le"),
    "tidegate_gateway_tenant_requests_total": ("tenant_requests", "namespace", "tenant"),
    "tidegate_gateway_tenant_tokens_total": ("tenant_tokens", "namespace", "tenant"),
}
_READ: Final = (*_GAUGES, *_COUNTERS)


@dataclass(frozen=True, slots=True)
class Page:
    """What one gateway has told at one moment."""

    gauges: Mapping[Key, float]
    counters: Mapping[Key, float]


def read(text: str) -> Page:
    """Return the figures of a page in the Prometheus text format; raises ValueError for what is none."""
    # Only these lines are parsed: a page has some ten times as many.
    wanted = "\n".join(line for line in text.splitlines() if line.startswith(_READ))
    if not wanted and not text.lstrip().startswith("#"):
        raise ValueError("this is no page of metrics")
    gauges: dict[Key, float] = {}
    counters: dict[Key, float] = {}
    for family in text_string_to_metric_families(wanted + "\n"):
        for sample in family.samples:
            if not isfinite(sample.value):
                continue
            if sample.name in _GAUGES:
                _add(gauges, _GAUGES[sample.name], sample.labels, sample.value)
            elif sample.name in _COUNTERS:
                _add(counters, _COUNTERS[sample.name], sample.labels, sample.value)
                if (
                    sample.name == "tidegate_gateway_requests_total"
                    and sample.labels.get("code", "") >= "500"
                ):
                    _add(counters, ("errors", *_SERVICE), sample.labels, sample.value)
    return Page(gauges, counters)


def _add(figures: dict[Key, float], kept: Key, labels: Mapping[str, str], value: float) -> None:
    figure, *names = kept
    key = (figure, *(labels.get(name, "") for name in names))
    figures[key] = figures.get(key, 0.0) + value
