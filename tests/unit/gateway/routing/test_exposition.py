"""What is read from a worker's metrics page."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tidegate_gateway.routing.endpoint import Report
from tidegate_gateway.routing.exposition import read_report
from unit.gateway.routing.things import NOW

# As vLLM 0.32 names them (vllm/v1/metrics/loggers.py); its counters get `_total` from prometheus_client.
GAUGES = {"vllm:num_requests_running": 7, "vllm:num_requests_waiting": 3, "vllm:kv_cache_usage_perc": 0.25}
OTHERS = (
    "vllm:time_to_first_token_seconds",
    "vllm:e2e_request_latency_seconds",
    "vllm:iteration_tokens_total",
)
CACHE = {
    "block_size": "16",
    "cache_dtype": "auto",
    "gpu_memory_utilization": "0.9",
    "hash_block_size": "None",
    "kv_cache_size_tokens": "None",
    "mamba_block_size": "None",
    "num_gpu_blocks": "1000",
}


def page(
    *,
    engines: int = 1,
    cache: dict[str, str] = CACHE,
    adapters: tuple[tuple[str, float], ...] = (),
    without: str = "",
    started: float = 1.79e9,
    **gauges: float,
) -> bytes:
    """Return a page such as vLLM's, with the metrics that are read among others."""
    registry = CollectorRegistry()
    numbers = [str(number) for number in range(engines)]
    own = ["model_name", "engine"]
    for name in OTHERS:
        histogram = Histogram(name, "Time.", own, registry=registry)
        for engine in numbers:
            histogram.labels("org/model-7b", engine).observe(0.3)
    for name, value in (GAUGES | {f"vllm:{name}": value for name, value in gauges.items()}).items():
        if name == without:
            continue
        gauge = Gauge(name, "Help with a { and a vllm:num_requests_running 9 in it.", own, registry=registry)
        for engine in numbers:
            gauge.labels("org/model-7b", engine).set(value)
    counter = Counter("vllm:num_preemptions", "Preemptions.", own, registry=registry)
    for engine in numbers:
        counter.labels("org/model-7b", engine).inc(11)
    info = Gauge("vllm:cache_config_info", "Cache.", [*cache, "engine"], registry=registry)
    for engine in numbers:
        info.labels(*cache.values(), engine).set(1)
    if adapters:
        names = ["max_lora", "waiting_lora_adapters", "running_lora_adapters"]
        lora = Gauge("vllm:lora_requests_info", "LoRA.", names, registry=registry)
        for running, at in adapters:
            lora.labels("2", "never", running).set(at)
    Gauge("process_start_time_seconds", "Start.", registry=registry).set(started)
    return generate_latest(registry)


def test_a_page_of_one_engine() -> None:
    assert read_report(page(), NOW) == Report(
        at=NOW, running=7, waiting=3, kv_used=0.25, preemptions=11, kv_tokens=16_000, started=1.79e9
    )


def test_engines_behind_one_address_are_taken_together() -> None:
    said = read_report(page(engines=4), NOW)
    assert said is not None
    assert (said.running, said.waiting, said.preemptions, said.kv_tokens) == (28, 12, 44, 64_000)
    assert said.kv_used == 0.25


@pytest.mark.parametrize(
    ("cache", "tokens"),
    [
        ({**CACHE, "kv_cache_size_tokens": "12345"}, 12_345),
        ({**CACHE, "num_gpu_blocks": "None"}, 0),
        ({"cache_dtype": "auto"}, 0),
        ({**CACHE, "hash_block_size": "999", "mamba_block_size": "888"}, 16_000),
    ],
    ids=["said outright", "not measured yet", "not said", "other block sizes beside it"],
)
def test_how_many_tokens_a_cache_holds(cache: dict[str, str], tokens: int) -> None:
    said = read_report(page(cache=cache), NOW)
    assert said is not None
    assert said.kv_tokens == tokens


def test_of_several_lines_on_adapters_the_latest_holds() -> None:
    said = read_report(page(adapters=(("old,older", 1.7e9), ("sql,chat", 1.8e9), ("", 1.6e9))), NOW)
    assert said is not None
    assert said.running_adapters == {"sql", "chat"}
    assert said.max_adapters == 2


def test_no_adapter_runs_where_none_is_named() -> None:
    said = read_report(page(adapters=(("", 1.8e9),)), NOW)
    assert said is not None
    assert said.running_adapters == frozenset()
    assert said.max_adapters == 2


LINE = b'vllm:num_requests_running{engine="0",model_name="m"} '


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "nothing"),
        (b"<html>not found</html>", "no page of metrics"),
        (page(without="vllm:num_requests_running"), "a metric that is needed is missing"),
        (page(without="vllm:num_requests_waiting"), "a metric that is needed is missing"),
        (page(without="vllm:kv_cache_usage_perc"), "a metric that is needed is missing"),
        (page(num_requests_waiting=float("nan")), "not a number"),
        (page(kv_cache_usage_perc=float("inf")), "no finite number"),
        (page() + LINE + b"seven\n", "no number at all"),
        (b"\xff\xfe" * 1000, "binary"),
    ],
)
def test_what_is_no_page_of_vllm_is_no_report(text: bytes, why: str) -> None:
    assert read_report(text, NOW) is None, why


def test_a_share_beyond_its_bounds_is_cut() -> None:
    high, low = (
        read_report(page(kv_cache_usage_perc=1.2), NOW),
        read_report(page(kv_cache_usage_perc=-1), NOW),
    )
    assert high is not None
    assert low is not None
    assert (high.kv_used, low.kv_used) == (1.0, 0.0)


@pytest.mark.parametrize(
    "line",
    [
        LINE + b"2.0\n",
        LINE + b"2.0 1700000000000\n",
        b"vllm:num_requests_running 2\n",
        b'vllm:num_requests_running{model_name="a } b \\" c",engine="0"} 2\n',
    ],
    ids=["usual", "with a time", "without labels", "with all that labels may hold"],
)
def test_lines_may_be_written_so(line: bytes) -> None:
    said = read_report(page(without="vllm:num_requests_running") + line, NOW)
    assert said is not None
    assert said.running == 2


def test_names_that_only_begin_alike_are_others() -> None:
    more: Any = page() + b'vllm:num_requests_waiting_by_reason{engine="0",reason="deferred"} 40\n'
    said = read_report(more, NOW)
    assert said is not None
    assert said.waiting == 3
