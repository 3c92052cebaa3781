"""The signals of all workers, asked of Prometheus: every query that is sent, and how its answers are read.

Owns the queries. They take no label for granted but `namespace` and `pod`: a series that two jobs scrape counts once,
the engines of one worker add up. Must not do I/O, or judge values.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tidegate_operator.exposition import (
    CACHE_INFO,
    CAPACITY,
    KV_USED,
    SUMMED,
    WAITING,
    WAITING_BY_REASON,
    cache_tokens,
)


class Pod(NamedTuple):
    """Which Pod an answer is about."""

    namespace: str
    name: str


def _added_up(series: str) -> str:
    return f"sum by (namespace, pod) (max by (namespace, pod, engine) ({series}))"


# When a worker was last scraped. The older one, where two jobs scrape it: both are in the values.
SCRAPED_AT: Final = "min by (namespace, pod) (timestamp(vllm:num_requests_running))"
_WAITING_FOR_ROOM: Final = _added_up(f'{WAITING_BY_REASON}{{reason="{CAPACITY}"}}')
QUERIES: Final[Mapping[str, str]] = {
    "at": SCRAPED_AT,
    "waiting": f"{_WAITING_FOR_ROOM} or {_added_up(WAITING)}",
    "kv_used": f"max by (namespace, pod) ({KV_USED})",
    "kv_capacity_tokens": f"max by (namespace, pod, engine, num_gpu_blocks, block_size) ({CACHE_INFO})",
    **{signal: _added_up(metric) for metric, signal in SUMMED.items()},
}


def read_answers(answers: Mapping[str, Sequence[Any]]) -> dict[Pod, dict[str, float]]:
    """Return the signals of each Pod by name, from the results of the queries by name.

    What has no namespace, Pod or number is passed over. `at` is among the signals.
    """
    found: dict[Pod, dict[str, float]] = {}
    for signal, result in answers.items():
        for labels, value in _samples(result):
            pod = Pod(str(labels.get("namespace", "")), str(labels.get("pod", "")))
            if not all(pod):
                continue
            signals = found.setdefault(pod, {})
            if signal == "kv_capacity_tokens":
                signals[signal] = signals.get(signal, 0.0) + cache_tokens(labels)
            else:
                signals[signal] = value
    return found


def _samples(result: Sequence[Any]) -> Iterator[tuple[Mapping[str, str], float]]:
    for one in result if isinstance(result, list) else ():
        if not isinstance(one, Mapping) or not isinstance(one.get("metric"), Mapping):
            continue
        try:
            yield one["metric"], float(one["value"][1])
        except (KeyError, IndexError, TypeError, ValueError, OverflowError):
            continue
