"""How the engine is started: the words and the environment that a Service hands to vLLM.

Owns what Tidegate sets and in which order: its own, then the profile's, then the LLMService's fields, then its
arguments, of which vLLM takes the last. Must not check what users wrote.
"""

from collections.abc import Sequence

from tidegate_api.adapters import Lora
from tidegate_api.names import WORKER_PORT
from tidegate_api.serving import Engine
from tidegate_api.settings import Accelerator, TracingSettings
from tidegate_operator.desired import ModelVolume

# The root file system is read-only; /tmp is the one place to write, and nothing is fetched or reported.
_ENV = {
    "HOME": "/tmp",  # noqa: S108
    "TMPDIR": "/tmp",  # noqa: S108
    "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108
    "VLLM_CACHE_ROOT": "/tmp/vllm",  # noqa: S108
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/inductor",  # noqa: S108
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    # Longer than the gateway keeps an idle connection, so that it is never the worker who closes first.
    "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "120",
}
_ENV_BY_ACCELERATOR: dict[Accelerator, dict[str, str]] = {
    "cpu": {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"},
    "nvidia": {},
}

# How vLLM reads a model from an object store without writing it to a disk first.
STREAMER = "runai_streamer"

# Flags that spread a model over GPUs; who sets one of them decides alone.
PARALLEL_FLAGS = frozenset({"--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size"})


# Without it the engine knows only the adapters with which it was started.
LORA_ENVIRONMENT = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True"}
# For each place in a batch.
ADAPTERS_IN_MEMORY = 4


def environment(accelerator: Accelerator) -> dict[str, str]:
    """Return the variables that every worker on this accelerator gets."""
    return {**_ENV, **_ENV_BY_ACCELERATOR[accelerator]}


def own_args(model: ModelVolume, model_name: str, drain_seconds: int) -> list[str]:
    """Return the flags that Tidegate owns, which users may not set; but for how a model is streamed: theirs win."""
    return [
        *("--model", model.path),
        *(("--load-format", STREAMER) if model.source is None else ()),
        *("--served-model-name", model_name),
        *("--host", "0.0.0.0"),  # noqa: S104 - the Pod's own address is not known before it runs
        *("--port", str(WORKER_PORT)),
        *("--scheduling-policy", "priority"),
        *("--shutdown-timeout", str(drain_seconds)),
    ]


def lora_args(lora: Lora | None) -> list[str]:
    """Return the flags with which the engine serves adapters; which ones, it is told while it runs."""
    if lora is None:
        return []
    return [
        "--enable-lora",
        *("--max-lora-rank", str(lora.max_rank)),
        *("--max-loras", str(lora.max_adapters)),
        # Those in no batch wait in the worker's memory; others are read from their volume again.
        *("--max-cpu-loras", str(ADAPTERS_IN_MEMORY * lora.max_adapters)),
    ]


def tracing_args(tracing: TracingSettings) -> list[str]:
    """Return the flag with which the engine tells its part of a request's trace, none without a collector."""
    return ["--otlp-traces-endpoint", f"{tracing.endpoint.rstrip('/')}/v1/traces"] if tracing.endpoint else []


def tracing_environment(tracing: TracingSettings, namespace: str, service: str) -> dict[str, str]:
    """Return how the engine speaks to the collector, and as whom; what is sampled, the gateway decides for both."""
    if not tracing.endpoint:
        return {}
    return {
        # vLLM takes gRPC for granted.
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "tidegate-worker",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={namespace},tidegate.service={service}",
    }


def field_args(engine: Engine) -> list[str]:
    """Return the flags that the fields of `spec.engine` stand for."""
    quantization = None if engine.quantization == "none" else engine.quantization
    fields: Sequence[tuple[str, object]] = (
        ("--max-model-len", engine.max_model_len),
        ("--max-num-seqs", engine.max_num_seqs),
        ("--quantization", quantization),
        ("--kv-cache-dtype", engine.kv_cache_dtype),
    )
    return [word for flag, value in fields if value is not None for word in (flag, str(value))]
