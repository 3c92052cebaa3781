"""The dashboard about who asks for how much, and what goes wrong.

Owns its questions and words. Must not know how Grafana wants it written.
"""

from __future__ import annotations

from typing import Final

from generators.boards.asking import BY_CLASS, BY_SERVICE, NAMED, OURS, RANGE, REQUESTS, rate
from generators.grafana import Dashboard, Panel, Row

ERRORS: Final = (
    f'sum {BY_SERVICE} (rate({REQUESTS}{{{OURS},code=~"5.."}}{RANGE})) / {rate(REQUESTS, BY_SERVICE)}'
)
TRAFFIC: Final = Dashboard(
    "errors-and-traffic",
    "Tidegate / Errors and traffic",
    "Who asks for how much, and what goes wrong.",
    (
        Row(
            "Requests",
            (
                Panel(
                    "Requests per second, by status",
                    "2xx are answers; 429 a limit; 499 a client that left; 503 no worker or a full queue; 500 and 502 "
                    "a worker that failed.",
                    "reqps",
                    ((rate(REQUESTS, "by (code)"), "{{code}}"),),
                    is_stacked=True,
                ),
                Panel(
                    "Failed requests",
                    "Share that ended with a status of 500 or more, by service. The request id of an error is in the "
                    "lines of `accessLog` and in its span.",
                    "percentunit",
                    ((ERRORS, NAMED),),
                    highest=1,
                ),
                Panel(
                    "Refused before a service was found",
                    "Keys that are not good, models that are not there, bodies that cannot be read. 401 that begins "
                    "suddenly: a key was revoked or expired.",
                    "reqps",
                    ((f'sum by (code) (rate({REQUESTS}{{service=""}}{RANGE}))', "{{code}}"),),
                ),
            ),
        ),
        Row(
            "What went wrong",
            (
                Panel(
                    "Second attempts, by reason",
                    "`refused`, `reset`: workers die; see their logs. `draining` and `stale` are normal while they are "
                    "replaced. `canary`: the version on trial fails.",
                    "ops",
                    ((f"sum by (reason) (rate(tidegate_gateway_retries_total{RANGE}))", "{{reason}}"),),
                ),
                Panel(
                    "Clients that left, and keys that were revoked or guessed",
                    "Clients leave when answers come too slowly, or when their own time limit is too short. "
                    "`guessing`: addresses with more than 20 wrong keys in a minute; the gateway's log names them.",
                    "ops",
                    (
                        (f"sum(rate(tidegate_gateway_client_disconnects_total{RANGE}))", "left"),
                        (f"sum(rate(tidegate_gateway_revoked_requests_total{RANGE}))", "revoked"),
                        (f"sum(rate(tidegate_gateway_key_guessers_total{RANGE}))", "guessing"),
                    ),
                ),
                Panel(
                    "Refused for want of room",
                    "By class. `expired` waited for as long as their class may, `overloaded` found its queue full. "
                    "More workers, or limits for who sends most.",
                    "ops",
                    (
                        (
                            rate("tidegate_gateway_expired_requests_total", BY_CLASS),
                            f"expired {{{{qos_class}}}} {NAMED}",
                        ),
                        (
                            rate("tidegate_gateway_overloaded_requests_total", BY_CLASS),
                            f"overloaded {{{{qos_class}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "Both versions of a canary",
                    "Requests at workers of either version. More failures of `canary` than of `stable`: it is the new "
                    "version; it is taken back by itself once its analysis has seen enough.",
                    "reqps",
                    (
                        (
                            rate(
                                "tidegate_gateway_track_requests_total",
                                "by (namespace, service, track, result)",
                            ),
                            f"{{{{track}}}} {{{{result}}}} {NAMED}",
                        ),
                    ),
                ),
                Panel(
                    "Engines that finished, by reason",
                    "`length` is the limit of max_tokens; `abort` a client that left; `error` is the engine's own: see "
                    "its log.",
                    "reqps",
                    ((rate("vllm:request_success_total", "by (finished_reason)"), "{{finished_reason}}"),),
                ),
                Panel(
                    "Rollouts",
                    "The phase of each service's rollout. Canary or Promoting for hours: see status.rollout. "
                    "RolledBack: the spec asks for what has failed; take the change back.",
                    "none",
                    (
                        (
                            "max by (namespace, service, phase) "
                            f"(tidegate_operator_rollout_phase{{{OURS}}}) == 1",
                            "",
                        ),
                    ),
                    "table",
                ),
                Panel(
                    "Steps on LoRA adapters",
                    "Loads and unloads on single workers, by outcome. `failed`: the engine refused; status.adapters "
                    "has its words.",
                    "ops",
                    (
                        (
                            f"sum by (step, outcome) (rate(tidegate_operator_adapter_steps_total{RANGE}))",
                            "{{step}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    "LoRA adapters that are missing",
                    "Adapters of a service that not all its workers have. Above 0 for long: status.adapters has the "
                    "engine's words.",
                    "short",
                    ((f"max {BY_SERVICE} (tidegate_operator_adapters_missing{{{OURS}}})", NAMED),),
                ),
            ),
        ),
        Row(
            "Tenants",
            (
                Panel(
                    "Tokens per second, by tenant",
                    "Prompts and answers, as engines counted them. Who takes too much: limits of its LLMTenant.",
                    "short",
                    (
                        (
                            "sum by (namespace, tenant) "
                            f'(rate(tidegate_gateway_tenant_tokens_total{{namespace=~"$namespace"}}{RANGE}))',
                            "{{namespace}}/{{tenant}}",
                        ),
                    ),
                    is_stacked=True,
                ),
                Panel(
                    "Requests per second, by tenant",
                    "Requests that were admitted. A tenant at its limit is flat: its 429 are above.",
                    "reqps",
                    (
                        (
                            "sum by (namespace, tenant) "
                            f'(rate(tidegate_gateway_tenant_requests_total{{namespace=~"$namespace"}}{RANGE}))',
                            "{{namespace}}/{{tenant}}",
                        ),
                    ),
                    is_stacked=True,
                ),
                Panel(
                    "CPU of gateways and operators",
                    "Cores in use. A gateway uses one core at most: near 1, add to gateway.replicas.",
                    "short",
                    (
                        (
                            "sum by (pod) (rate(process_cpu_seconds_total"
                            f'{{pod=~".*-(gateway|operator)-.*"}}{RANGE}))',
                            "{{pod}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
