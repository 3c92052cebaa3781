"""What a vLLM worker says of itself, out of its metrics page.

Owns which metrics are read and what they mean. Pure. Metrics that are not among these are not looked at: a page has
about a thousand lines, and is read once a second for each worker.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tidegate_gateway.routing.endpoint import Report

# Names as in vLLM 0.32 (vllm/v1/metrics/loggers.py), and prometheus_client's for the process.
RUNNING: Final = "vllm:num_requests_running"
WAITING: Final = "vllm:num_requests_waiting"
KV_USED: Final = "vllm:kv_cache_usage_perc"
PREEMPTIONS: Final = "vllm:num_preemptions_total"
CACHE: Final = "vllm:cache_config_info"
ADAPTERS: Final = "vllm:lora_requests_info"
STARTED: Final = "process_start_time_seconds"
NAMES: Final = (RUNNING, WAITING, KV_USED, PREEMPTIONS, CACHE, ADAPTERS, STARTED)

# Begins with a line feed, not with "^": a search for a letter is four times as fast as one for a place.
_LINE: Final = re.compile(rf"\n({'|'.join(NAMES)})(?:\{{(.*)\}})? (\S+)(?: \d+)?$".encode(), re.MULTILINE)
_LABEL: Final = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')
# Of any value: sums of some of them are still whole numbers.
MOST: Final = 2.0**53
MOST_DIGITS: Final = 18
# Labels and values of one metric: a worker with several engines has a line for each.
Samples = list[tuple[dict[bytes, bytes], float]]


def read_report(page: bytes, now: float) -> Report | None:
    """Return what a page in the Prometheus text format says, or None if it is not a page of vLLM.

    Several engines behind one address are taken together. `now` is when the page was asked for.
    """
    found: defaultdict[str, Samples] = defaultdict(list)
    for name, labels, value in _LINE.findall(b"\n" + page):
        try:
            number = float(value)
        except ValueError:
            return None
        if not -MOST <= number <= MOST:
            return None
        found[name.decode()].append((dict(_LABEL.findall(labels)), number))
    if not found[RUNNING] or not found[WAITING] or not found[KV_USED]:
        return None
    running, most = _adapters(found[ADAPTERS])
    used = [value for _, value in found[KV_USED]]
    return Report(
        now,
        int(_sum(found[RUNNING])),
        int(_sum(found[WAITING])),
        min(1.0, max(0.0, sum(used) / len(used))),
        int(_sum(found[PREEMPTIONS])),
        sum(_cache_tokens(labels) for labels, _ in found[CACHE]),
        running,
        most,
        max((value for _, value in found[STARTED]), default=0.0),
    )


def _sum(samples: Samples) -> float:
    return sum(value for _, value in samples)


def _cache_tokens(labels: dict[bytes, bytes]) -> int:
    """Return how many tokens the cache holds; hybrid models say so, for others it is blocks times their size."""
    size = labels.get(b"kv_cache_size_tokens", b"")
    if size.isdigit():
        return _whole(size)
    return _whole(labels.get(b"num_gpu_blocks", b"")) * _whole(labels.get(b"block_size", b""))


def _whole(digits: bytes) -> int:
    """Return a number of as many digits as anything here can have; 0 for anything else."""
    return int(digits) if digits.isdigit() and len(digits) <= MOST_DIGITS else 0


def _adapters(samples: Samples) -> tuple[frozenset[str], int]:
    """Return which adapters are running and how many can be; the value is the time at which that was so."""
    if not samples:
        return frozenset(), 0
    labels, _ = max(samples, key=lambda sample: sample[1])
    names = labels.get(b"running_lora_adapters", b"").split(b",")
    return _names(names), _whole(labels.get(b"max_lora", b""))


def _names(words: Iterable[bytes]) -> frozenset[str]:
    return frozenset(word.decode("utf-8", "replace") for word in words if word)
