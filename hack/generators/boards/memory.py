"""The dashboard about what each worker computes, and how full it is.

Owns its questions and words. Must not know how Grafana wants it written.
"""

from __future__ import annotations

from typing import Final

from generators.boards.asking import BY_POOL, BY_SERVICE, BY_WORKER, NAMED, OURS, rate
from generators.grafana import Dashboard, Panel, Row
from generators.queries import either

HITS: Final = either(
    f"{rate('vllm:prefix_cache_hits_total', BY_SERVICE)} / {rate('vllm:prefix_cache_queries_total', BY_SERVICE)}"
)
MEMORY: Final = Dashboard(
    "gpu-and-kv-cache",
    "Tidegate / GPU and KV cache",
    "What each worker computes and how full it is.",
    (
        Row(
            "KV cache",
            (
                Panel(
                    "KV cache used, by worker",
                    "Above 90 % for long, requests are thrown out of their batches: more workers, `kvCacheDtype: fp8`, "
                    "or a smaller maxModelLen.",
                    "percentunit",
                    ((either(f"max {BY_WORKER} (vllm:kv_cache_usage_perc{{{OURS}}})"), "{{pod}}"),),
                    highest=1,
                ),
                Panel(
                    "KV cache used, by pool",
                    "As gateways hear it from the workers. Where it is apart from the panel beside it, Prometheus or a "
                    "gateway does not reach the workers.",
                    "percentunit",
                    (
                        (
                            f"max {BY_POOL} (tidegate_gateway_kv_cache_used_ratio{{{OURS}}})",
                            f"{{{{pool}}}} {NAMED}",
                        ),
                    ),
                    highest=1,
                ),
                Panel(
                    "Preemptions per second",
                    "Requests taken out of a batch to be computed again later. More than a few: as for a full cache.",
                    "ops",
                    ((rate("vllm:num_preemptions_total", BY_WORKER), "{{pod}}"),),
                ),
                Panel(
                    "Prompt tokens found in the prefix cache",
                    "Share that need not be computed. Low although prompts begin alike: do they differ in their first "
                    "words, such as a date? Between tenants nothing is shared unless the LLMService says so.",
                    "percentunit",
                    ((HITS, NAMED),),
                    highest=1,
                ),
            ),
        ),
        Row(
            "Work",
            (
                Panel(
                    "Tokens per second, by worker",
                    "Tokens of answers. A worker at 0 beside others that work hangs: delete its Pod.",
                    "short",
                    ((rate("vllm:generation_tokens_total", BY_WORKER), "{{pod}}"),),
                ),
                Panel(
                    "Batch size",
                    "Requests in the batches of all workers of a service. At maxNumSeqs times workers they are full.",
                    "short",
                    ((f"max {BY_SERVICE} (llm_batch_size{{{OURS}}})", NAMED),),
                ),
                Panel(
                    "Waiting in engines",
                    "Requests that a worker has and does not compute yet. The gateway keeps this near 0.",
                    "short",
                    ((f"sum {BY_WORKER} (vllm:num_requests_waiting{{{OURS}}})", "{{pod}}"),),
                ),
                Panel(
                    "Prompt tokens per second, by worker",
                    "Tokens read. Much of it beside few tokens of answers: long prompts, which chunked prefill keeps "
                    "from holding up the others.",
                    "short",
                    ((rate("vllm:prompt_tokens_total", BY_WORKER), "{{pod}}"),),
                ),
                Panel(
                    "Tokens at workers and their limit",
                    "What the gateway has given to a pool, and how much it may: the rest waits in the gateway.",
                    "short",
                    (
                        (
                            f"sum {BY_POOL} (tidegate_gateway_credits_used_tokens{{{OURS}}})",
                            f"used {{{{pool}}}} {NAMED}",
                        ),
                        (
                            f"sum {BY_POOL} (tidegate_gateway_credits_limit_tokens{{{OURS}}})",
                            f"limit {{{{pool}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "How long workers took to start",
                    "By part of the start. Long `weights`: a faster volume; long `compile`: keep its cache, or "
                    "--enforce-eager.",
                    "s",
                    (
                        (
                            f"max by (namespace, service, phase) (tidegate_startup_seconds{{{OURS}}})",
                            "{{phase}}",
                        ),
                    ),
                    is_stacked=True,
                ),
            ),
        ),
        Row(
            "GPUs (NVIDIA's DCGM exporter)",
            (
                Panel(
                    "GPU memory in use",
                    "Of the GPUs that workers hold. vLLM takes nearly all of it at its start, so that a change is "
                    "somebody else's. Empty without the DCGM exporter, or without podMonitors.enabled.",
                    "bytes",
                    (
                        (
                            f"sum by (namespace, service, pod, gpu) (llm_gpu_memory_usage_bytes{{{OURS}}})",
                            "{{pod}} {{gpu}}",
                        ),
                    ),
                ),
                Panel(
                    "GPU utilization",
                    "Of all GPUs of the cluster. Low while requests wait: prompts are short and batches small, or "
                    "the host's CPU is the limit.",
                    "percent",
                    (("max by (Hostname, gpu) (DCGM_FI_DEV_GPU_UTIL)", "{{Hostname}} {{gpu}}"),),
                    highest=100,
                ),
            ),
            across=2,
        ),
    ),
)
