"""The dashboard about who goes first, how many workers there are, and why.

Owns its questions and words. Must not know how Grafana wants it written.
"""

from __future__ import annotations

from typing import Final

from generators.boards.asking import BY_CLASS, BY_POOL, NAMED, OURS, RANGE, rate
from generators.grafana import Dashboard, Panel, Row

QOS: Final = Dashboard(
    "qos-and-scaling",
    "Tidegate / QoS and scaling",
    "Who goes first, how many workers there are, and why not more or fewer.",
    (
        Row(
            "Classes",
            (
                Panel(
                    "Waiting, by class",
                    "Requests that wait for a worker with room. Low may wait while high does not.",
                    "short",
                    (
                        (
                            f"sum {BY_CLASS} (tidegate_gateway_queued_requests{{{OURS}}})",
                            f"{{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                    is_stacked=True,
                ),
                Panel(
                    "Being answered, by class",
                    "Requests that workers are answering. A class that waits and has none here is kept out.",
                    "short",
                    (
                        (
                            f"sum {BY_CLASS} (tidegate_gateway_running_requests{{{OURS}}})",
                            f"{{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                    is_stacked=True,
                ),
                Panel(
                    "Share of a pool's tokens",
                    "Of what was admitted in the last minute. A class below its minSharePercent while it waits has "
                    "asked for little, or has just begun to.",
                    "percentunit",
                    (
                        (
                            "avg by (namespace, service, pool, qos_class) "
                            f"(tidegate_gateway_share_ratio{{{OURS}}})",
                            "{{qos_class}} {{pool}} {{namespace}}/{{service}}",
                        ),
                    ),
                    highest=1,
                ),
                Panel(
                    "Tokens admitted per second",
                    "Prompt and expected answer of requests that were given to a worker.",
                    "short",
                    (
                        (
                            rate("tidegate_gateway_admitted_tokens_total", BY_CLASS),
                            f"{{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "Requests admitted per second",
                    "Requests that were given to a worker. Far fewer than arrive: the workers are full.",
                    "reqps",
                    (
                        (
                            rate("tidegate_gateway_admitted_requests_total", BY_CLASS),
                            f"{{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "Places given back and taken elsewhere",
                    "`preempted` gave a borrowed place back before their first byte; `spilled` went to a pool that is "
                    "not their class's own. Many of class high: its pool is too small.",
                    "ops",
                    (
                        (
                            rate("tidegate_gateway_preempted_requests_total", BY_CLASS),
                            f"preempted {{{{qos_class}}}} {NAMED}",
                        ),
                        (
                            rate("tidegate_gateway_spilled_requests_total", BY_CLASS),
                            f"spilled {{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "Held for a worker that is being woken",
                    "Requests that wait for the first worker of a pool, and how often one was asked for. Many wakes: "
                    "raise idleSeconds.",
                    "short",
                    (
                        (
                            f"sum {BY_POOL} (tidegate_gateway_held_requests{{{OURS}}})",
                            f"held {{{{pool}}}} {NAMED}",
                        ),
                        (
                            f"sum {BY_POOL} (increase(tidegate_gateway_wakes_total{{{OURS}}}[1h]))",
                            f"wakes in an hour {{{{pool}}}} {NAMED}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Replicas",
            (
                Panel(
                    "Wanted and current",
                    "What was decided, and what the Deployment asked for then. Apart for long: somebody else sets "
                    "replicas, or the mode is Advise.",
                    "short",
                    (
                        (
                            f"max {BY_POOL} (tidegate_operator_scaling_wanted_replicas{{{OURS}}})",
                            f"wanted {{{{pool}}}} {NAMED}",
                        ),
                        (
                            f"max {BY_POOL} (tidegate_operator_scaling_current_replicas{{{OURS}}})",
                            f"current {{{{pool}}}} {NAMED}",
                        ),
                        (
                            f"max {BY_POOL} (tidegate_gateway_ready_workers{{{OURS}}})",
                            f"answering {{{{pool}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "What each term asks for",
                    "Replicas, before rounding and clamps; the highest decides. `tidegate scaling explain` has the "
                    "numbers behind it.",
                    "short",
                    (
                        (
                            "max by (namespace, service, pool, term) "
                            f"(tidegate_operator_scaling_term_replicas{{{OURS}}})",
                            "{{term}} {{pool}} {{namespace}}/{{service}}",
                        ),
                    ),
                ),
                Panel(
                    "What clamps changed",
                    "Replicas that a limit added or withheld: CappedByMax (maxReplicas), CappedByBudget, CappedByCost, "
                    "RaisedToMin, HeldBack (too soon to go down).",
                    "short",
                    (
                        (
                            "max by (namespace, service, pool, clamp) "
                            f"(tidegate_operator_scaling_clamped_replicas{{{OURS}}})",
                            "{{clamp}} {{pool}} {{namespace}}/{{service}}",
                        ),
                    ),
                ),
                Panel(
                    "What decides now",
                    "The term that asked for most in the last decision, or why none did (Idle, NoData).",
                    "none",
                    (
                        (
                            "max by (namespace, service, pool, binding) "
                            f"(tidegate_operator_scaling_binding{{{OURS}}}) == 1",
                            "",
                        ),
                    ),
                    "table",
                ),
                Panel(
                    "Changes in an hour",
                    "By direction and by what decided. Up and down many times: raise the stabilization window of "
                    "scaleDown.",
                    "short",
                    (
                        (
                            "sum by (namespace, service, pool, direction, binding) "
                            f"(increase(tidegate_operator_scaling_decisions_total{{{OURS}}}[1h]))",
                            "{{direction}} {{binding}} {{pool}} {{namespace}}/{{service}}",
                        ),
                    ),
                ),
                Panel(
                    "Signals that were missing",
                    "Looks per second in which a signal could not be used; replicas are held then. `demand`: a gateway "
                    "does not answer; `workers`: their metrics cannot be read.",
                    "ops",
                    (
                        (
                            rate(
                                "tidegate_operator_scaling_missing_signals_total",
                                "by (namespace, service, pool, signal)",
                            ),
                            "{{signal}} {{pool}} {{namespace}}/{{service}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Operator",
            (
                Panel(
                    "Waiting for a reconcile",
                    "LLMServices, LLMTenants and LLMModels. It falls to 0 after a start; if it grows, the API server "
                    "is slow.",
                    "short",
                    (("max by (pod) (tidegate_operator_queue_depth)", "{{pod}}"),),
                ),
                Panel(
                    "A reconcile, 90th percentile",
                    "How long one takes. Seconds mean that the API server is slow: see its own metrics.",
                    "s",
                    (
                        (
                            "histogram_quantile(0.9, sum by (pod, le) "
                            f"(rate(tidegate_operator_reconcile_seconds_bucket{RANGE})))",
                            "{{pod}}",
                        ),
                    ),
                ),
                Panel(
                    "Requests to the API server",
                    "By verb and resource. Steady writes while nothing changes: somebody else writes the same fields.",
                    "reqps",
                    (
                        (
                            f"sum by (verb, resource) (rate(tidegate_operator_api_requests_total{RANGE}))",
                            "{{verb}} {{resource}}",
                        ),
                    ),
                ),
                Panel(
                    "Age of watches",
                    "Renewed at least every two minutes. Above five, what users change is not seen.",
                    "s",
                    (("max by (resource) (tidegate_operator_watch_age_seconds)", "{{resource}}"),),
                ),
                Panel(
                    "Readings that failed",
                    "Of gateways and of workers, by way. NetworkPolicies between the operator and these are the usual "
                    "cause.",
                    "ops",
                    (
                        (
                            f'sum(rate(tidegate_operator_gateway_reads_total{{outcome="failed"}}{RANGE}))',
                            "gateways",
                        ),
                        (
                            f'sum by (way) (rate(tidegate_operator_engine_reads_total{{outcome="failed"}}{RANGE}))',
                            "workers, {{way}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
