"""What a simulated engine says of itself."""

from prometheus_client.parser import text_string_to_metric_families

from tidegate_bench.sim.metrics import load_header, render
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.sequence import Prompt, Sequence

PROFILE = Profile(adapters=("x", "y"), max_loras=1, num_gpu_blocks=512)


def busy() -> Scheduler:
    """Return an engine that runs one request of three and has begun a second token."""
    scheduler = Scheduler(PROFILE)
    for adapter in ("x", "y", "y"):
        scheduler.submit(Sequence(Prompt(b"a" * 4096, 16, adapter), 5, adapter=adapter), 10.0)
    scheduler.begin(10.5)
    scheduler.end(12.0)
    return scheduler


def test_metrics_parse_and_have_vllm_names_labels_and_types() -> None:
    families = {f.name: f for f in text_string_to_metric_families(render(busy(), 77.0))}
    own = {"engine": "0", "model_name": "m"}
    values = {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in families.values()
        for sample in family.samples
        if own.items() <= sample.labels.items()
    }
    assert values["vllm:num_requests_running", ""] == 1
    assert values["vllm:num_requests_waiting", ""] == 2
    assert values["vllm:kv_cache_usage_perc", ""] == 64 / 512
    assert values["vllm:prompt_tokens_total", ""] == 1024
    assert values["vllm:generation_tokens_total", ""] == 1
    assert values["vllm:prefix_cache_queries_total", ""] == 1024
    assert values["vllm:time_to_first_token_seconds_sum", ""] == 2.0
    assert values["vllm:time_to_first_token_seconds_bucket", "1.0"] == 0
    assert values["vllm:time_to_first_token_seconds_bucket", "2.5"] == 1
    assert values["vllm:request_queue_time_seconds_sum", ""] == 0.5
    assert families["vllm:num_preemptions"].type == "counter"
    assert families["vllm:kv_cache_usage_perc"].type == "gauge"
    (info,) = families["vllm:cache_config_info"].samples
    assert (info.labels["block_size"], info.labels["num_gpu_blocks"]) == ("16", "512")
    (loras,) = families["vllm:lora_requests_info"].samples
    assert loras.labels == {
        "max_lora": "1",
        "running_lora_adapters": "x",
        "waiting_lora_adapters": "y",
    }
    assert loras.value == 77.0


def test_the_load_header_is_in_the_format_asked_for_or_absent() -> None:
    scheduler = busy()
    assert (
        load_header(scheduler, "TEXT")
        == "TEXT named_metrics.kv_cache_usage_perc=0.125, named_metrics.num_requests_waiting=2.0"
    )
    assert (
        load_header(scheduler, "json")
        == 'JSON {"named_metrics": {"kv_cache_usage_perc": 0.125, "num_requests_waiting": 2.0}}'
    )
    assert load_header(scheduler, "") is None
