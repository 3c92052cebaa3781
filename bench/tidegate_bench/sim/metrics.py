"""What `/metrics` says: the names, labels and types of vLLM 0.32 (vllm/v1/metrics/loggers.py).

Owns the words. Counts come from the scheduler.
"""

from collections.abc import Iterable
from typing import Final

from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.statistics import Histogram

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LOAD_FORMATS: Final = ("text", "json")


def render(scheduler: Scheduler, now: float) -> str:
    """Return all metrics; `now` is seconds since 1970."""
    lines: list[str] = []
    own = {"engine": "0", "model_name": scheduler.profile.model}
    for name, kind, told, value in _values(scheduler):
        _head(lines, name, kind, told)
        lines.append(f"{_series(name, own)} {float(value)}")
    for name, told, histogram in _histograms(scheduler):
        _head(lines, name, "histogram", told)
        _histogram(lines, name, own, histogram)
    _head(lines, "vllm:request_success_total", "counter", "Count of successfully processed requests.")
    for reason, count in scheduler.statistics.finished.items():
        series = _series("vllm:request_success_total", own | {"finished_reason": reason})
        lines.append(f"{series} {float(count)}")
    _cache_config(lines, scheduler)
    if scheduler.profile.adapters:
        _adapters(lines, scheduler, now)
    return "\n".join(lines) + "\n"


def load_header(scheduler: Scheduler, wanted: str) -> str | None:
    """Return the value of `endpoint-load-metrics` in the format that a request asks for.

    vLLM 0.32 sends it with whole answers only, never with a stream (serve/utils/orca_metrics.py).
    """
    values = {
        "kv_cache_usage_perc": scheduler.pool.used,
        "num_requests_waiting": float(scheduler.waiting),
    }
    if wanted.lower() not in LOAD_FORMATS:
        return None
    if wanted.lower() == "text":
        return "TEXT " + ", ".join(f"named_metrics.{name}={value}" for name, value in values.items())
    pairs = ", ".join(f'"{name}": {value}' for name, value in values.items())
    return f'JSON {{"named_metrics": {{{pairs}}}}}'


def _values(scheduler: Scheduler) -> Iterable[tuple[str, str, str, float]]:
    counted = scheduler.statistics
    running, waiting = len(scheduler.running), scheduler.waiting
    return (
        ("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.", running),
        ("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.", waiting),
        ("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent.", scheduler.pool.used),
        ("vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked up.", counted.queried_tokens),
        ("vllm:prefix_cache_hits_total", "counter", "Prompt tokens found.", counted.cached_tokens),
        ("vllm:num_preemptions_total", "counter", "Cumulative number of preemptions.", counted.preemptions),
        ("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed.", counted.prompt_tokens),
        ("vllm:generation_tokens_total", "counter", "Generated tokens.", counted.generated_tokens),
    )


def _histograms(scheduler: Scheduler) -> Iterable[tuple[str, str, Histogram]]:
    counted = scheduler.statistics
    return (
        ("vllm:time_to_first_token_seconds", "Time to first token in seconds.", counted.first_token),
        ("vllm:inter_token_latency_seconds", "Inter-token latency in seconds.", counted.between_tokens),
        ("vllm:request_queue_time_seconds", "Time spent in WAITING phase.", counted.queue),
        ("vllm:e2e_request_latency_seconds", "End to end request latency in seconds.", counted.request),
    )


def _histogram(lines: list[str], name: str, labels: dict[str, str], histogram: Histogram) -> None:
    total = 0
    for bound, count in zip([*histogram.bounds, float("inf")], histogram.counts, strict=True):
        total += count
        limit = "+Inf" if bound == float("inf") else str(float(bound))
        lines.append(f"{_series(name + '_bucket', labels | {'le': limit})} {float(total)}")
    lines.append(f"{_series(name + '_count', labels)} {float(total)}")
    lines.append(f"{_series(name + '_sum', labels)} {histogram.total}")


def _cache_config(lines: list[str], scheduler: Scheduler) -> None:
    profile = scheduler.profile
    labels = {
        "block_size": str(profile.block_size),
        "enable_prefix_caching": str(profile.enable_prefix_caching),
        "engine": "0",
        "num_gpu_blocks": str(profile.num_gpu_blocks),
    }
    _head(lines, "vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig")
    lines.append(f"{_series('vllm:cache_config_info', labels)} 1.0")


def _adapters(lines: list[str], scheduler: Scheduler, now: float) -> None:
    running = {sequence.adapter for sequence in scheduler.running if sequence.adapter}
    waiting = {sequence.adapter for sequence in scheduler.waiting_sequences() if sequence.adapter}
    labels = {
        "max_lora": str(scheduler.profile.max_loras),
        "running_lora_adapters": ",".join(sorted(running)),
        "waiting_lora_adapters": ",".join(sorted(waiting)),
    }
    _head(lines, "vllm:lora_requests_info", "gauge", "Running stats on lora requests.")
    lines.append(f"{_series('vllm:lora_requests_info', labels)} {now}")


def _head(lines: list[str], name: str, kind: str, told: str) -> None:
    lines.append(f"# HELP {name} {told}")
    lines.append(f"# TYPE {name} {kind}")


def _series(name: str, labels: dict[str, str]) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{pairs}}}"
