"""The dashboard about how long clients wait, and for what.

Owns its questions and words. Must not know how Grafana wants it written.
"""

from __future__ import annotations

from typing import Final

from generators.boards.asking import BY_CLASS, BY_POOL, NAMED, TTFT, quantile, quantiles, rate
from generators.grafana import Dashboard, Panel, Row

LATENCY: Final = Dashboard(
    "latency",
    "Tidegate / Latency",
    "How long clients wait, for what, and which class.",
    (
        Row(
            "What clients see",
            (
                Panel(
                    "Time to first token",
                    "From the whole request to the first byte of its answer, waiting included. High: compare with "
                    "'Waiting in the gateway' below; the rest is the engine's.",
                    "s",
                    quantiles(TTFT),
                ),
                Panel(
                    "Between two tokens",
                    "As the engines see it. It grows with the batch and, suddenly, when KV caches are full: a smaller "
                    "maxNumSeqs or more workers bring it down.",
                    "s",
                    quantiles("vllm:inter_token_latency_seconds"),
                ),
                Panel(
                    "Whole request",
                    "To the last byte of the answer. It depends on how much is asked for; compare it with itself.",
                    "s",
                    quantiles("llm_inference_latency_seconds"),
                ),
            ),
        ),
        Row(
            "By class",
            (
                Panel(
                    "Time to first token, 90th percentile",
                    "By class. High must stay low while low rises: if they rise together, high needs a pool of its "
                    "own or a larger minSharePercent.",
                    "s",
                    ((quantile(0.9, TTFT, BY_CLASS), f"{{{{qos_class}}}} {NAMED}"),),
                ),
                Panel(
                    "Waiting in the gateway, 90th percentile",
                    "For a worker with room. More than a moment: more workers, or limits for who sends most.",
                    "s",
                    (
                        (
                            quantile(0.9, "tidegate_gateway_queue_seconds", BY_CLASS),
                            f"{{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "Answers that began too late",
                    "Share of streams that began later than their class is promised (ttftMilliseconds). More than 5 % "
                    "for long: more workers, or another promise.",
                    "percentunit",
                    (
                        (
                            f"{rate('tidegate_gateway_late_first_tokens_total', BY_POOL)} / "
                            f"{rate('tidegate_gateway_first_tokens_total', BY_POOL)}",
                            f"{{{{pool}}}} {NAMED}",
                        ),
                    ),
                    highest=1,
                ),
            ),
        ),
        Row(
            "In the engine",
            (
                Panel(
                    "Waiting in the engine",
                    "Before its prompt is begun. The gateway keeps this short; if it is not, its credits are too many "
                    "or somebody sends requests past it.",
                    "s",
                    quantiles("vllm:request_queue_time_seconds"),
                ),
                Panel(
                    "Reading the prompt",
                    "Grows with prompts. Prefix caching saves what they share: see its hits under GPU and KV cache.",
                    "s",
                    quantiles("vllm:request_prefill_time_seconds"),
                ),
                Panel(
                    "Writing the answer",
                    "Grows with answers and with the batch. Speculative decoding and quantization make it shorter.",
                    "s",
                    quantiles("vllm:request_decode_time_seconds"),
                ),
            ),
        ),
    ),
)
