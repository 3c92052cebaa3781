"""The dashboard about whether all is well, and where to look next.

Owns its questions and words. Must not know how Grafana wants it written.
"""

from __future__ import annotations

from typing import Final

from generators.boards.asking import BY_SERVICE, NAMED, OURS, RANGE, REQUESTS, TTFT, quantile, rate
from generators.grafana import Dashboard, Panel, Row

OVERVIEW: Final = Dashboard(
    "overview",
    "Tidegate / Overview",
    "Whether all LLMServices answer, how much they do, and where to look next.",
    (
        Row(
            "Now",
            (
                Panel(
                    "Services that are Ready",
                    "LLMServices that answer. Fewer than there are: the table below has the reason of each.",
                    "short",
                    ((f"sum(max {BY_SERVICE} (tidegate_operator_service_ready{{{OURS}}}))", "ready"),),
                    "stat",
                ),
                Panel(
                    "Requests now",
                    "Requests that wait or are being answered. More than usual: QoS and scaling has whose they are.",
                    "short",
                    ((f"sum(llm_active_requests{{{OURS}}})", "requests"),),
                    "stat",
                ),
                Panel(
                    "Tokens per second",
                    "Tokens of answers over the last minute. 0 beside requests means that an engine hangs: see GPU and "
                    "KV cache.",
                    "short",
                    ((f"sum(llm_throughput_tokens_per_second{{{OURS}}})", "tokens/s"),),
                    "stat",
                ),
                Panel(
                    "Failed requests",
                    "Share of requests that ended with a status of 500 or more. Above 5 %: see Errors and traffic.",
                    "percentunit",
                    (
                        (
                            f'sum(rate({REQUESTS}{{{OURS},code=~"5.."}}{RANGE})) / '
                            f"sum(rate({REQUESTS}{{{OURS}}}{RANGE}))",
                            "failed",
                        ),
                    ),
                    "stat",
                    highest=1,
                ),
            ),
            across=4,
        ),
        Row(
            "Services",
            (
                Panel(
                    "Phase and reason",
                    "How each LLMService stands, and the reason of its condition Ready. What to do about a reason is "
                    "in docs/reference/conditions.md.",
                    "none",
                    (
                        (
                            f"max by (namespace, service, phase, reason) (tidegate_operator_service_phase{{{OURS}}})",
                            "",
                        ),
                    ),
                    "table",
                ),
                Panel(
                    "Workers",
                    "Workers that are wanted and that answer. Where fewer answer for long, `tidegate status` says why.",
                    "short",
                    (
                        (
                            f"max by (namespace, service, state) (tidegate_operator_service_workers{{{OURS}}})",
                            f"{{{{state}}}} {NAMED}",
                        ),
                    ),
                ),
            ),
            across=2,
        ),
        Row(
            "Work",
            (
                Panel(
                    "Requests per second",
                    "Requests that ended, by service. A service at 0 that should not be: are its clients' keys good?",
                    "reqps",
                    ((rate(REQUESTS, BY_SERVICE), NAMED),),
                ),
                Panel(
                    "At workers, and tokens finished",
                    "Requests that workers are answering, and tokens of answers that have ended. Many requests and no "
                    "tokens for minutes: long answers, or an engine that hangs.",
                    "short",
                    (
                        (
                            f"sum {BY_SERVICE} (tidegate_gateway_in_flight_requests{{{OURS}}})",
                            f"requests {NAMED}",
                        ),
                        (rate("tidegate_gateway_completion_tokens_total", BY_SERVICE), f"tokens/s {NAMED}"),
                    ),
                ),
                Panel(
                    "Tokens per second, by service",
                    "Tokens of answers, by service. What a worker can do at most is seen under load; more workers are "
                    "needed where it stays there while requests wait.",
                    "short",
                    ((f"sum {BY_SERVICE} (llm_throughput_tokens_per_second{{{OURS}}})", NAMED),),
                ),
                Panel(
                    "Time to first token, 90th percentile",
                    "From the whole request to the first byte of its answer. A rise: the dashboard Latency shows "
                    "whether it waits or is computed.",
                    "s",
                    ((quantile(0.9, TTFT), NAMED),),
                ),
            ),
        ),
        Row(
            "Models and operator",
            (
                Panel(
                    "Models on their way",
                    "Bytes that are in the cache, by model. A line that stays flat below its total is stuck: "
                    "`tidegate models list`.",
                    "bytes",
                    (
                        (
                            'max by (namespace, model, state) (tidegate_operator_model_bytes{namespace=~"$namespace"})',
                            "{{state}} {{namespace}}/{{model}}",
                        ),
                    ),
                ),
                Panel(
                    "How long loads of models take",
                    "From the start of a loader to its end. Longer than the link allows: take a mirror nearby, or a "
                    "faster disk.",
                    "s",
                    (
                        (
                            "histogram_quantile(0.9, sum by (outcome, le) "
                            "(increase(tidegate_operator_model_download_seconds_bucket[1d])))",
                            "p90 {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    "Operator leads",
                    "Exactly one operator holds the Lease. At 0 nothing is looked after: see its Pods.",
                    "short",
                    (("sum(tidegate_operator_leader)", "leaders"),),
                ),
                Panel(
                    "Reconciles per second",
                    "By outcome. `stalled` waits for a user, whose LLMService has the reason; `failed` is tried again, "
                    "and many of them are a matter for the operator's log.",
                    "ops",
                    ((f"sum by (outcome) (rate(tidegate_operator_reconciles_total{RANGE}))", "{{outcome}}"),),
                ),
            ),
        ),
    ),
)
