"""The questions that panels are made of.

Owns their labels: whose a number is, and the range of a rate. Must not know a panel.
"""

from __future__ import annotations

from typing import Final

from generators.queries import either

OURS: Final = 'namespace=~"$namespace",service=~"$service"'
BY_SERVICE: Final = "by (namespace, service)"
BY_CLASS: Final = "by (namespace, service, qos_class)"
BY_POOL: Final = "by (namespace, service, pool)"
BY_WORKER: Final = "by (namespace, service, pod)"
NAMED: Final = "{{namespace}}/{{service}}"
RANGE: Final = "[$__rate_interval]"
REQUESTS: Final = "tidegate_gateway_requests_total"
TTFT: Final = "tidegate_gateway_time_to_first_token_seconds"


def rate(metric: str, by: str) -> str:
    """Return the sum of a counter's rates."""
    return f"sum {by} (rate({metric}{{{OURS}}}{RANGE}))"


def quantile(share: float, metric: str, by: str = BY_SERVICE) -> str:
    """Return a quantile of a histogram."""
    inner = f"sum {by[:-1]}, le) (rate({metric}_bucket{{{OURS}}}{RANGE}))"
    return either(f"histogram_quantile({share}, {inner})")


def quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    """Return the usual three of a histogram, by service."""
    return tuple((quantile(share, metric), f"p{share * 100:.0f} {NAMED}") for share in (0.5, 0.9, 0.99))
