"""The alerts: what each watches, what it tells whoever is woken, and what that person does.

Owns their expressions, limits and words; the chart's rules, the page of the reference and the tests are made from
them. Numbers that say "per class" or "per service" keep the labels by which the message names them. Must not know how
the chart hands them to a cluster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from generators.queries import either, unknown
from generators.reference import page
from generators.text import COMMAND, yaml_text

SOURCE: Final = "hack/generators/alerts.py"
# Where the page of alerts is in this repository. Where a copy of it can be opened is a value of the chart.
PAGE: Final = "docs/reference/alerts.md"
GROUP: Final = "tidegate"
_SERVICE: Final = "by (namespace, service)"
_POOL: Final = "by (namespace, service, pool)"
_HERE: Final = "{{ $labels.namespace }}/{{ $labels.service }}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `minutes` is how long its expression must hold, `meaning` and `fix` are what its page says."""

    name: str
    severity: Literal["critical", "warning"]
    minutes: int
    expression: str
    summary: str
    description: str
    meaning: str
    fix: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Return the anchor of its chapter."""
        return self.name.lower()


ALERTS: Final = (
    Alert(
        "TidegateNoReadyReplica",
        "critical",
        15,
        f'max {_SERVICE} (tidegate_operator_service_workers{{state="desired"}}) > 0\n'
        f'and max {_SERVICE} (tidegate_operator_service_workers{{state="ready"}}) == 0',
        "No worker of an LLMService answers",
        f"{_HERE} should have {{{{ $value }}}} workers and none has answered for 15 minutes: its requests are held "
        "or refused.",
        "Workers are wanted and none is ready. A service that is suspended or has scaled itself to zero wants none, "
        "and raises nothing; neither does a model that takes less than a quarter of an hour to load.",
        (
            "`tidegate status SERVICE -n NAMESPACE`, or `kubectl describe llmservice SERVICE -n NAMESPACE`: the "
            "condition Ready has the reason, and [conditions](conditions.md) what to do about each.",
            "`Unschedulable`: no node has room. Add one, or choose another `resourceProfile`.",
            "A worker that ends again and again: the condition has the last lines of its log.",
            "A model that takes longer than that to load: silence this alert for the time of its first start.",
        ),
    ),
    Alert(
        "TidegateReadyButNotServing",
        "critical",
        5,
        f"max {_SERVICE} (tidegate_operator_service_ready) == 1\n"
        f"and sum {_SERVICE} (llm_active_requests) > 0\n"
        f"and sum {_SERVICE} (rate(vllm:generation_tokens_total[5m]))\n"
        f"  + sum {_SERVICE} (rate(vllm:prompt_tokens_total[5m])) == 0",
        "An LLMService is Ready and computes nothing",
        f"{_HERE} is Ready and has requests, but its engines have not computed a token for 5 minutes: they answer "
        "their probes and nothing else.",
        "Probes are answered by the engine's HTTP server. Where its scheduler, a GPU or the link between the Pods of a "
        "worker hangs, it goes on to answer them, so that Kubernetes sees nothing.",
        (
            "Which worker it is: the panel 'Tokens per second, by worker' of the dashboard Tidegate / GPU and KV "
            "cache.",
            "`kubectl logs -n NAMESPACE POD --tail=100`, and on the node `nvidia-smi` and `dmesg` for Xid errors.",
            "`kubectl delete pod -n NAMESPACE POD`: the gateway sends its requests to another worker, as far as their "
            "answers have not begun.",
            "Where it comes again on the same node, `kubectl cordon NODE` and have its GPU looked at.",
        ),
    ),
    Alert(
        "TidegateAdmissionStalled",
        "critical",
        2,
        f"sum {_POOL} (tidegate_gateway_queued_requests) > 0\n"
        f"and sum {_POOL} (tidegate_gateway_running_requests) == 0\n"
        f"and max {_POOL} (tidegate_gateway_ready_workers) > 0",
        "Requests wait beside idle workers",
        f"{{{{ $value }}}} requests to pool {{{{ $labels.pool }}}} of {_HERE} wait in the gateway, which has ready "
        "workers and gives them nothing.",
        "The gateway holds requests back although nothing runs. That happens where a worker's reports say that it has "
        "no room (its KV cache is held by something else), and would be a defect of the gateway otherwise.",
        (
            "Compare `tidegate_gateway_credits_limit_tokens` of the pool with the size of the requests: a limit of 0 "
            "means that no worker has told what it can hold.",
            "Look at `vllm:kv_cache_usage_perc` of its workers: one that is full while nothing runs has lost requests; "
            "delete that Pod.",
            "Restart the gateway's Pods one by one (`kubectl rollout restart deployment -n tidegate-system "
            "tidegate-gateway`): open answers are finished first. Then report it with the gateway's log.",
        ),
    ),
    Alert(
        "TidegateQueueTimeHigh",
        "warning",
        10,
        "\nor ".join(
            "histogram_quantile(0.9, sum by (namespace, service, qos_class, le) "
            f'(rate(tidegate_gateway_queue_seconds_bucket{{qos_class="{name}"}}[10m]))) > {seconds}'
            for name, seconds in (("high", 5), ("medium", 30), ("low", 120))
        ),
        "Requests wait for long",
        f"One in ten requests of class {{{{ $labels.qos_class }}}} to {_HERE} waits for longer than "
        "{{ $value | humanizeDuration }} before a worker takes it.",
        "The workers are full. What a class may wait differs: the limits are 5 s for high, 30 s for medium and two "
        "minutes for low.",
        (
            "`tidegate scaling explain SERVICE -n NAMESPACE` says why there are not more workers: at `maxReplicas`, "
            "held back by a budget, or no node with room.",
            "High waits although low runs: look at the class shares on the dashboard Tidegate / QoS and scaling, and "
            "give high a pool of its own or a larger `minSharePercent`.",
            "Limit who sends most: `tidegate_gateway_tenant_tokens_total` by tenant, and the limits of its LLMTenant.",
        ),
    ),
    Alert(
        "TidegateKVCacheSaturated",
        "warning",
        10,
        f"avg {_SERVICE} ({either('vllm:kv_cache_usage_perc')}) > 0.95",
        "The KV caches of an LLMService are full",
        f"The workers of {_HERE} have used {{{{ $value | humanizePercentage }}}} of their KV caches on average for 10 "
        "minutes: requests are about to be thrown out of their batches and computed again.",
        "Above that, tokens come several times slower: vLLM preempts requests to make room and computes their prompts "
        "again. One full worker among others raises nothing: the gateway sends its requests to the others.",
        (
            "More workers: raise `maxReplicas`, or scale by `KVCacheUtilization` with a target of 80 so that they come "
            "sooner.",
            "More room in each: `kvCacheDtype: fp8`, a smaller `maxModelLen`, or a profile with more memory; "
            "`status.estimate` says what fits.",
            "Fewer at a time: a smaller `maxNumSeqs`.",
        ),
    ),
    Alert(
        "TidegateTTFTBudgetBurn",
        "warning",
        2,
        "\nand ".join(
            f"sum {_POOL} (increase(tidegate_gateway_late_first_tokens_total[{window}]))\n"
            f"  / sum {_POOL} (increase(tidegate_gateway_first_tokens_total[{window}])) > 0.3"
            for window in ("1h", "5m")
        ),
        "Too many answers begin too late",
        f"{{{{ $value | humanizePercentage }}}} of the answers of pool {{{{ $labels.pool }}}} of {_HERE} began later "
        "in the last hour than their class is promised, and it goes on.",
        "More than 30 % of the answers began later than `ttftMilliseconds`, over an hour and over the last five "
        "minutes. If 95 % in 30 days are to be in time, six times as much as may be is being used up. A burst that is "
        "over raises nothing, and nothing is counted for a class without an objective.",
        (
            "Where the time goes: the dashboard Tidegate / Latency shows queue and engine apart.",
            "In the queue: as for [TidegateQueueTimeHigh](#tidegatequeuetimehigh).",
            "In the engine: long prompts. Chunked prefill and prefix caching help; so does a pool of its own for whom "
            "the promise is made to.",
            "If the promise cannot be kept with the workers that you pay for, change `ttftMilliseconds`.",
        ),
    ),
    Alert(
        "TidegateErrorRatioHigh",
        "critical",
        5,
        f'sum {_SERVICE} (rate(tidegate_gateway_requests_total{{service!="",code=~"5.."}}[5m]))\n'
        f'  / sum {_SERVICE} (rate(tidegate_gateway_requests_total{{service!=""}}[5m])) > 0.05\n'
        f'and sum {_SERVICE} (increase(tidegate_gateway_requests_total{{service!="",code=~"5.."}}[5m])) > 5',
        "Requests fail",
        f"{{{{ $value | humanizePercentage }}}} of the requests to {_HERE} have failed with a status of 500 or more "
        "for 5 minutes.",
        "Answers of 500 and more, and at least one a minute. What clients do wrong (4xx) and clients that leave (499) "
        "do not count.",
        (
            "Which status it is: the dashboard Tidegate / Errors and traffic.",
            "`503`: no worker, or the queue of a class is full. As for "
            "[TidegateNoReadyReplica](#tidegatenoreadyreplica) and [TidegateQueueTimeHigh](#tidegatequeuetimehigh).",
            "`500` and `502`: workers fail. `tidegate_gateway_retries_total` by reason, then their logs; an error's "
            "body has a request id, which the lines of `accessLog` and the spans have, too.",
            "During a canary: `tidegate_gateway_track_requests_total` tells whether it is the new version.",
        ),
    ),
    Alert(
        "TidegatePreemptionStorm",
        "warning",
        10,
        f"sum {_SERVICE} (rate(vllm:num_preemptions_total[10m]))\n"
        f"  > 0.5 * sum {_SERVICE} (rate(vllm:request_success_total[10m]))\n"
        f"and sum {_SERVICE} (rate(vllm:num_preemptions_total[10m])) > 0.1",
        "Engines throw requests out of their batches",
        f"The engines of {_HERE} preempt {{{{ $value | humanize }}}} requests per second, more than one for each two "
        "that they finish: much is computed twice.",
        "vLLM takes requests out of a batch when its KV cache is full, and computes them again later. A few are "
        "normal; more than one for each two answers, and more than six a minute, are work for nothing.",
        (
            "A smaller `maxNumSeqs` lets fewer requests grow at a time, and ends it at once.",
            "Then more room, as for [TidegateKVCacheSaturated](#tidegatekvcachesaturated).",
        ),
    ),
    Alert(
        "TidegateDownloadStuck",
        "warning",
        15,
        'max by (namespace, model) (tidegate_operator_model_phase{phase="Downloading"}) == 1\n'
        "unless max by (namespace, model) "
        '(changes(tidegate_operator_model_bytes{state="done"}[10m])) > 0',
        "A model does not come any further",
        "LLMModel {{ $labels.namespace }}/{{ $labels.model }} is Downloading, and no byte has come for 15 minutes: "
        "the LLMServices that use it wait.",
        "A download that is slow moves, and raises nothing. One that does not move has lost its hub or its disk.",
        (
            "`tidegate models list -n NAMESPACE`, and `kubectl describe llmmodel MODEL -n NAMESPACE` for its last "
            "events.",
            "`kubectl logs -n NAMESPACE job/…` of its loader tells which file it waits for, and at which address.",
            "Behind a proxy or a mirror: `models.env` and `models.hubEndpoint` of the chart's values.",
            "`tidegate models pause MODEL` and `resume` start it again; what is there is kept.",
        ),
    ),
    Alert(
        "TidegateAtMaxReplicas",
        "warning",
        15,
        "min by (namespace, service, pool, clamp) "
        '(tidegate_operator_scaling_clamped_replicas{clamp=~"CappedBy.*"}) < 0',
        "More workers are needed than are allowed",
        f"Pool {{{{ $labels.pool }}}} of {_HERE} has been kept from what its load asks for for 15 minutes "
        "({{ $labels.clamp }}, {{ $value }} workers).",
        "The load asks for more workers than `maxReplicas`, the budget of accelerators or `maxHourlyCost` allow. A "
        "pool that is at its maximum and needs no more raises nothing.",
        (
            "`tidegate scaling explain SERVICE -n NAMESPACE`: the clamp, and what asked for how many.",
            "`CappedByMax`: raise `maxReplicas`. `CappedByBudget`: `scaling.maxAccelerators` of the chart's values. "
            "`CappedByCost`: `maxHourlyCost`.",
            "Or let less in: limits of the LLMTenants who send most.",
        ),
    ),
    Alert(
        "TidegateMetricsMissing",
        "warning",
        15,
        "sum by (namespace, service, pool, signal) "
        '(rate(tidegate_operator_scaling_missing_signals_total{signal!="forecast"}[10m])) > 0.05',
        "Replicas are decided without a signal",
        f"In more than half of the looks at pool {{{{ $labels.pool }}}} of {_HERE} the signal "
        "{{ $labels.signal }} could not be used: replicas are held, and not lowered.",
        "The operator looks every 10 seconds. What cannot be read is never taken for zero: the number of workers is "
        "held, so that nothing breaks, but nothing follows the load either. A look that fails while a worker starts "
        "raises nothing.",
        (
            "`tidegate scaling explain SERVICE -n NAMESPACE` has the reason in words.",
            "`demand`: a gateway does not answer the operator. Its Pods, and NetworkPolicies between the two.",
            "`workers`: their `/metrics` cannot be read, neither through `prometheus.url` nor directly. "
            "`tidegate_operator_engine_reads_total` tells which way fails.",
        ),
    ),
    Alert(
        "TidegateOperatorWatchStale",
        "critical",
        1,
        "max by (namespace, pod, resource) (tidegate_operator_watch_age_seconds) > 300",
        "The operator does not hear of changes",
        "The watch of {{ $labels.resource }} in operator {{ $labels.namespace }}/{{ $labels.pod }} was last renewed "
        "{{ $value | humanizeDuration }} ago: LLMServices are not looked after. Those that serve go on to.",
        "Watches are renewed at least every two minutes. One that is older hangs, and what users change is not seen.",
        (
            "The liveness probe restarts such an operator after some minutes by itself. If it does not help:",
            "`kubectl logs -n tidegate-system deployment/tidegate-operator`: 403 means that its rights were taken "
            "away, and 429 or 5xx that the API server is overloaded.",
        ),
    ),
    Alert(
        "TidegateNoLeader",
        "critical",
        2,
        "sum by (namespace) (tidegate_operator_leader) == 0\nor absent(tidegate_operator_leader)",
        "No operator leads",
        "No operator has held the Lease for 2 minutes, or Prometheus does not see one: LLMServices are not looked "
        "after. Those that serve go on to.",
        "Of several operators one leads. A handover takes some seconds and raises nothing.",
        (
            "`kubectl get pods,lease -n tidegate-system`: whether one runs, and who holds the Lease.",
            "None runs: `kubectl describe pod` says why. Its PriorityClass may be too low, its node gone.",
            "They run and Prometheus has no series: see [observe](../how-to/observe.md) for how it finds them.",
        ),
    ),
)

INTRO: Final = """What the alerts mean, and what to do. `alerts.enabled=true` installs them as a PrometheusRule; a
Prometheus without its operator takes the file `charts/tidegate/rules/alerts.yaml` as it is. `alerts.disabled` takes
some of them away. Each names its LLMService, says the first step, and names its chapter of this page. Where you publish
a copy of the page, `alerts.runbookBase` puts a `runbook_url` to it on each.
Every one was seen to fire, and not to fire on what is nearly the same, by Prometheus' own `promtool`
(`tests/chart/test_alerts.py`).

Numbers of workers come from vLLM. A service with [another engine](../how-to/other-engines.md) has none of them, and
raises neither TidegateReadyButNotServing nor what is about KV caches."""


def rules_file(exposed: set[str]) -> str:
    """Return the rules as Prometheus reads them; raises ValueError for a metric that nobody exposes."""
    missing = unknown((alert.expression for alert in ALERTS), exposed)
    if missing:
        raise ValueError(f"alerts ask for what nobody exposes: {', '.join(sorted(missing))}")
    groups = {"groups": [{"name": GROUP, "rules": [rule(alert) for alert in ALERTS]}]}
    return f"# Made by `{COMMAND}` from {SOURCE}; do not edit.\n" + yaml_text(groups, sort=False)


def rule(alert: Alert) -> dict[str, Any]:
    """Return an alert as a rule of Prometheus."""
    return {
        "alert": alert.name,
        "expr": " ".join(alert.expression.split()),
        "for": f"{alert.minutes}m",
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "first_step": first_step(alert),
            "page": f"{PAGE}#{alert.anchor}",
        },
    }


def first_step(alert: Alert) -> str:
    """Return what to do first as plain words, of the service that the alert names."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", alert.fix[0])
    told = {label.upper(): label for label in re.findall(r"\$labels\.(\w+)", alert.description)}
    return re.sub(r"\b[A-Z]{3,}\b", lambda word: _label(told, word[0]), plain)


def _label(told: dict[str, str], word: str) -> str:
    return f"{{{{ $labels.{told[word]} }}}}" if word in told else word


def alerts_page() -> str:
    """Return the page of the reference: a chapter for each."""
    return page("Alerts", SOURCE, INTRO, "\n\n".join(_chapter(alert) for alert in ALERTS))


def _chapter(alert: Alert) -> str:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(alert.fix, 1))
    held = f"for {alert.minutes} minute{'s' if alert.minutes > 1 else ''}"
    return (
        f"## {alert.name}\n\n**{alert.summary}** ({alert.severity}, {held}). {alert.meaning}\n\n"
        f"{steps}\n\n```promql\n{alert.expression}\n```"
    )
