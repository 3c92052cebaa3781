"""Pieces of PromQL that dashboards and alerts share, and the check that they ask for nothing that nobody exposes.

Owns under which names the pinned vLLM and the one before its last renames tell a number. Must not know panels or
alerts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

# As the pinned vLLM has it → as it was called before: a query asks for the new one, or else for the old one.
RENAMED: Final[Mapping[str, str]] = {
    "vllm:kv_cache_usage_perc": "vllm:gpu_cache_usage_perc",
    "vllm:inter_token_latency_seconds": "vllm:time_per_output_token_seconds",
    "vllm:prefix_cache_queries": "vllm:gpu_prefix_cache_queries",
    "vllm:prefix_cache_hits": "vllm:gpu_prefix_cache_hits",
}
# Of NVIDIA's DCGM exporter, and what our rule records from it; of every process that tells metrics.
FOREIGN: Final = frozenset(
    {"DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_UTIL", "llm_gpu_memory_usage_bytes", "process_cpu_seconds_total"}
)
_NAME: Final = re.compile(r"\b(?:tidegate_|llm_|vllm:|process_|DCGM_)[a-zA-Z0-9_:]+")
_SUFFIXES: Final = ("_bucket", "_count", "_sum", "_total")


def names(query: str) -> set[str]:
    """Return the metrics that a query asks for, as they are written."""
    return set(_NAME.findall(query))


def family(name: str) -> str:
    """Return the metric that a name is a part of: without what Prometheus adds to counters and histograms."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def unknown(queries: Iterable[str], exposed: Iterable[str]) -> set[str]:
    """Return the names that queries ask for and that are neither exposed, nor foreign, nor old names of vLLM."""
    known = {family(name) for name in (*exposed, *FOREIGN, *RENAMED.values())}
    asked = set().union(*(names(query) for query in queries))
    return {name for name in asked if family(name) not in known}


def either(query: str) -> str:
    """Return a query that asks for what vLLM calls otherwise in other versions under the other name, too.

    The whole query is repeated: a rate of `new or old` could not be taken.
    """
    older = query
    for new, old in RENAMED.items():
        older = re.sub(rf"{new}(?=\b|_(?:total|bucket|sum|count)\b)", old, older)
    return query if older == query else f"({query}) or ({older})"
