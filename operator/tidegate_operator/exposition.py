"""The signals of one vLLM, read from its own /metrics page.

Owns the names of vLLM's metrics (0.32), and how the engines of one worker add up. Must not judge values.
"""

import re
from collections.abc import Mapping
from typing import Final

_LINE: Final = re.compile(r"^(vllm:[a-z_:]+)(?:\{(.*)\})?\s+(\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

# What is summed over the engines of a worker, by the name of its metric.
SUMMED: Final[Mapping[str, str]] = {
    "vllm:num_requests_running": "running",
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:prompt_tokens_cached_total": "cached_prompt_tokens",
    "vllm:generation_tokens_total": "output_tokens",
    "vllm:inter_token_latency_seconds_sum": "gap_seconds",
    "vllm:inter_token_latency_seconds_count": "gaps",
}
KV_USED: Final = "vllm:kv_cache_usage_perc"
CACHE_INFO: Final = "vllm:cache_config_info"
# Requests that wait for an adapter or for cached tokens ("deferred") do not wait for room.
WAITING_BY_REASON: Final = "vllm:num_requests_waiting_by_reason"
CAPACITY: Final = "capacity"
MOST_DIGITS: Final = 18
# Of an engine that does not tell the reasons apart.
WAITING: Final = "vllm:num_requests_waiting"


def read_page(text: str) -> dict[str, float]:
    """Return the signals of a worker by name; those that its page does not have are left out."""
    found: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        if not line.startswith("vllm:"):
            continue
        match = _LINE.match(line)
        if match is None:
            continue
        labels = dict(_LABEL.findall(match[2] or ""))
        signal, value = _signal(match[1], labels, _number(match[3]))
        if signal:
            # A series that is there twice is one.
            series = found.setdefault(signal, {})
            engine = labels.get("engine", "")
            series[engine] = _larger(series.get(engine), value)
    return _added_up(found)


def cache_tokens(labels: Mapping[str, str]) -> float:
    """Return how many tokens the KV cache of an engine holds, from the labels in which it says so; 0 if it does not."""
    blocks, size = labels.get("num_gpu_blocks", ""), labels.get("block_size", "")
    return float(_whole(blocks) * _whole(size))


def _whole(digits: str) -> int:
    """Return a number of as many digits as a cache can have blocks; 0 for anything else."""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS else 0


def _signal(name: str, labels: Mapping[str, str], value: float) -> tuple[str, float]:
    """Return which signal a line tells, empty for none, and its value."""
    if name in SUMMED:
        return SUMMED[name], value
    if name == WAITING_BY_REASON and labels.get("reason") == CAPACITY:
        return "waiting", value
    if name == WAITING:
        return "waiting_in_all", value
    if name == KV_USED:
        return "kv_used", value
    if name == CACHE_INFO:
        return "kv_capacity_tokens", cache_tokens(labels)
    return "", value


def _added_up(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    added = {name: sum(series.values()) for name, series in found.items()}
    if "kv_used" in found:
        # The fullest engine is the first that has no room.
        added["kv_used"] = max(found["kv_used"].values())
    in_all = added.pop("waiting_in_all", None)
    if in_all is not None:
        added.setdefault("waiting", in_all)
    return added


def _larger(before: float | None, value: float) -> float:
    # Not max(): of a number and NaN it returns either, by their order.
    return value if before is None or not before > value else before


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
