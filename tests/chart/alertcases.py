"""What raises each alert, and what is nearly the same and does not.

Owns the cases: series as promtool writes them, one value a minute. Must not know how promtool is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SERVICE = 'namespace="team-a",service="chat"'
POOL = f'{SERVICE},pool="shared"'
WORKER = f'{POOL},pod="chat-1"'


@dataclass(frozen=True)
class Case:
    """Series, and what an alert says of them at a minute: the labels and words of what is raised, none if nothing."""

    alert: str
    title: str
    series: Mapping[str, str]
    minute: int
    labels: Mapping[str, str] | None = None
    words: str = ""

    def __str__(self) -> str:
        return f"{self.alert}: {self.title}"


def workers(desired: str, ready: str) -> dict[str, str]:
    """Return how many workers of the service are wanted, and answer."""
    name = "tidegate_operator_service_workers"
    return {f'{name}{{{SERVICE},state="desired"}}': desired, f'{name}{{{SERVICE},state="ready"}}': ready}


def serving(active: str, generated: str, read: str) -> dict[str, str]:
    """Return a service that is Ready, with so many requests and so many tokens computed."""
    return {
        f"tidegate_operator_service_ready{{{SERVICE}}}": "1x30",
        f'llm_active_requests{{{SERVICE},pod="gateway-1"}}': active,
        f"vllm:generation_tokens_total{{{WORKER}}}": generated,
        f"vllm:prompt_tokens_total{{{WORKER}}}": read,
    }


def admission(queued: str, running: str, ready: str) -> dict[str, str]:
    """Return a pool whose requests wait and run, with so many workers."""
    return {
        f'tidegate_gateway_queued_requests{{{POOL},qos_class="high"}}': queued,
        f'tidegate_gateway_running_requests{{{POOL},qos_class="high"}}': running,
        f"tidegate_gateway_ready_workers{{{POOL}}}": ready,
    }


def queue(qos_class: str, seconds: tuple[str, str]) -> dict[str, str]:
    """Return requests of a class that all waited for between these times."""
    place = f'{SERVICE},qos_class="{qos_class}"'
    below, above = seconds
    name = "tidegate_gateway_queue_seconds_bucket"
    return {
        f'{name}{{{place},le="{below}"}}': "0x40",
        f'{name}{{{place},le="{above}"}}': "0+60x40",
        f'{name}{{{place},le="+Inf"}}': "0+60x40",
    }


def first_tokens(begun: str, late: str) -> dict[str, str]:
    """Return streams that began, and of these the late ones."""
    return {
        f"tidegate_gateway_first_tokens_total{{{POOL}}}": begun,
        f"tidegate_gateway_late_first_tokens_total{{{POOL}}}": late,
    }


def requests(**by_code: str) -> dict[str, str]:
    """Return requests by how they ended: `ok`, `failed`, `left`, `refused`."""
    codes = {"ok": "200", "failed": "502", "left": "499", "refused": "429"}
    name = "tidegate_gateway_requests_total"
    return {
        f'{name}{{{SERVICE},qos_class="high",code="{codes[word]}"}}': value for word, value in by_code.items()
    }


def preemptions(count: str, finished: str) -> dict[str, str]:
    """Return an engine that preempts, and finishes requests."""
    return {
        f"vllm:num_preemptions_total{{{WORKER}}}": count,
        f'vllm:request_success_total{{{WORKER},finished_reason="stop"}}': finished,
    }


def download(phase: str, done: str) -> dict[str, str]:
    """Return a model in a phase, with so many bytes."""
    place = 'namespace="team-a",model="llama"'
    return {
        f'tidegate_operator_model_phase{{{place},phase="{phase}"}}': "1x40",
        f'tidegate_operator_model_bytes{{{place},state="done"}}': done,
    }


def clamped(clamp: str, by: str) -> dict[str, str]:
    """Return a pool whose decision a clamp changes by so many workers."""
    return {f'tidegate_operator_scaling_clamped_replicas{{{POOL},clamp="{clamp}"}}': by}


def missing(signal: str, count: str) -> dict[str, str]:
    """Return looks in which a signal was missing."""
    return {f'tidegate_operator_scaling_missing_signals_total{{{POOL},signal="{signal}"}}': count}


def watch(age: str) -> dict[str, str]:
    """Return an operator's watch of that age."""
    name = "tidegate_operator_watch_age_seconds"
    return {f'{name}{{namespace="tidegate-system",pod="op-1",resource="llmservices"}}': age}


def leaders(first: str, second: str) -> dict[str, str]:
    """Return two operators, of which each leads or does not."""
    name = "tidegate_operator_leader"
    return {
        f'{name}{{namespace="tidegate-system",pod="op-{number}"}}': value
        for number, value in enumerate((first, second), 1)
    }


def kv(name: str, first: str, second: str) -> dict[str, str]:
    """Return how full the KV caches of two workers are."""
    return {f'{name}{{{POOL},pod="chat-{number}"}}': value for number, value in enumerate((first, second), 1)}


OF_SERVICE = {"namespace": "team-a", "service": "chat"}
OF_POOL = {**OF_SERVICE, "pool": "shared"}

CASES = (
    Case(
        "TidegateNoReadyReplica",
        "two workers are wanted and none comes",
        workers("2x30", "0x30"),
        16,
        OF_SERVICE,
        "team-a/chat should have 2 workers and none has answered for 15 minutes: its requests are held or refused.",
    ),
    Case("TidegateNoReadyReplica", "it sleeps, and none is wanted", workers("0x30", "0x30"), 30),
    Case("TidegateNoReadyReplica", "a model takes ten minutes to load", workers("2x30", "0x10 1x20"), 30),
    Case("TidegateNoReadyReplica", "one of two answers", workers("2x30", "1x30"), 30),
    Case(
        "TidegateReadyButNotServing",
        "requests are there and no token is computed",
        serving("3x30", "100+50x5 350x25", "500x30"),
        20,
        OF_SERVICE,
        "team-a/chat is Ready and has requests, but its engines have not computed a token for 5 minutes: they answer "
        "their probes and nothing else.",
    ),
    Case("TidegateReadyButNotServing", "nobody asks for anything", serving("0x30", "350x30", "500x30"), 30),
    Case("TidegateReadyButNotServing", "one long answer goes on", serving("1x30", "0+9x30", "500x30"), 30),
    Case(
        "TidegateReadyButNotServing",
        "prompts are only read, as for vectors",
        serving("2x30", "0x30", "0+9x30"),
        30,
    ),
    Case(
        "TidegateAdmissionStalled",
        "requests wait beside an idle worker",
        admission("4x10", "0x10", "1x10"),
        3,
        OF_POOL,
        "4 requests to pool shared of team-a/chat wait in the gateway, which has ready workers and gives them nothing.",
    ),
    Case(
        "TidegateAdmissionStalled", "they wait behind others that run", admission("4x10", "8x10", "1x10"), 10
    ),
    Case(
        "TidegateAdmissionStalled",
        "they are held for a pool that wakes",
        admission("4x10", "0x10", "0x10"),
        10,
    ),
    *(
        Case(
            "TidegateQueueTimeHigh",
            f"class {name} waits for longer than it may",
            queue(name, between),
            25,
            {**OF_SERVICE, "qos_class": name},
            f"One in ten requests of class {name} to team-a/chat waits for longer than {shown} before a worker takes "
            "it.",
        )
        for name, between, shown in (
            ("high", ("5.0", "10.0"), "9.5s"),
            ("medium", ("30.0", "60.0"), "57s"),
            ("low", ("120.0", "300.0"), "4m 42s"),
        )
    ),
    Case(
        "TidegateQueueTimeHigh",
        "class medium may wait where high may not",
        queue("medium", ("5.0", "10.0")),
        40,
    ),
    Case("TidegateQueueTimeHigh", "class low may wait for a minute", queue("low", ("30.0", "60.0")), 40),
    Case(
        "TidegateKVCacheSaturated",
        "both workers are full",
        kv("vllm:kv_cache_usage_perc", "0.99x20", "0.97x20"),
        11,
        OF_SERVICE,
        "The workers of team-a/chat have used 98% of their KV caches on average for 10 minutes: requests are about to "
        "be thrown out of their batches and computed again.",
    ),
    Case(
        "TidegateKVCacheSaturated",
        "both are full, and the engine is of the time before the name was changed",
        kv("vllm:gpu_cache_usage_perc", "0.99x20", "0.97x20"),
        11,
        OF_SERVICE,
        "The workers of team-a/chat have used 98% of their KV caches on average for 10 minutes: requests are about to "
        "be thrown out of their batches and computed again.",
    ),
    Case("TidegateKVCacheSaturated", "one has room", kv("vllm:kv_cache_usage_perc", "1x20", "0.6x20"), 20),
    Case(
        "TidegateTTFTBudgetBurn",
        "half of the answers of an hour are late",
        first_tokens("0+60x90", "0+30x90"),
        70,
        OF_POOL,
        "50% of the answers of pool shared of team-a/chat began later in the last hour than their class is promised, "
        "and it goes on.",
    ),
    Case(
        "TidegateTTFTBudgetBurn", "a burst of five minutes", first_tokens("0+60x90", "0x60 0+60x5 300x25"), 65
    ),
    Case("TidegateTTFTBudgetBurn", "a bad hour is over", first_tokens("0+60x90", "0+60x50 3000x40"), 60),
    Case("TidegateTTFTBudgetBurn", "one in ten is late", first_tokens("0+60x90", "0+6x90"), 80),
    Case(
        "TidegateErrorRatioHigh",
        "one request of ten fails",
        requests(ok="0+90x30", failed="0+10x30"),
        15,
        OF_SERVICE,
        "10% of the requests to team-a/chat have failed with a status of 500 or more for 5 minutes.",
    ),
    Case("TidegateErrorRatioHigh", "one of a hundred fails", requests(ok="0+990x30", failed="0+10x30"), 30),
    Case(
        "TidegateErrorRatioHigh",
        "the only request of the night fails",
        requests(ok="0x30", failed="0x10 1x20"),
        13,
    ),
    Case(
        "TidegateErrorRatioHigh",
        "clients leave, and are refused for their limits",
        requests(ok="0+10x30", left="0+90x30", refused="0+90x30"),
        30,
    ),
    Case(
        "TidegatePreemptionStorm",
        "as many are preempted as are finished",
        preemptions("0+60x30", "0+60x30"),
        25,
        OF_SERVICE,
        "The engines of team-a/chat preempt 1 requests per second, more than one for each two that they finish: much "
        "is computed twice.",
    ),
    Case("TidegatePreemptionStorm", "one of ten", preemptions("0+6x30", "0+60x30"), 30),
    Case(
        "TidegatePreemptionStorm",
        "a few, while hardly anything is finished",
        preemptions("0+1x30", "0x30"),
        30,
    ),
    Case(
        "TidegateDownloadStuck",
        "no byte comes",
        download("Downloading", "500x40"),
        16,
        {"namespace": "team-a", "model": "llama"},
        "LLMModel team-a/llama is Downloading, and no byte has come for 15 minutes: the LLMServices that use it wait.",
    ),
    Case("TidegateDownloadStuck", "it is slow", download("Downloading", "0+1x40"), 40),
    Case("TidegateDownloadStuck", "it is complete", download("Ready", "500x40"), 40),
    Case(
        "TidegateAtMaxReplicas",
        "three more are asked for than maxReplicas",
        clamped("CappedByMax", "-3x30"),
        16,
        {**OF_POOL, "clamp": "CappedByMax"},
        "Pool shared of team-a/chat has been kept from what its load asks for for 15 minutes (CappedByMax, -3 "
        "workers).",
    ),
    Case("TidegateAtMaxReplicas", "fewer are asked for than minReplicas", clamped("RaisedToMin", "1x30"), 30),
    Case("TidegateAtMaxReplicas", "a peak of five minutes", clamped("CappedByMax", "_x5 -3x5 _x20"), 30),
    Case(
        "TidegateMetricsMissing",
        "gateways do not answer",
        missing("demand", "0+6x40"),
        30,
        {**OF_POOL, "signal": "demand"},
        "In more than half of the looks at pool shared of team-a/chat the signal demand could not be used: replicas "
        "are held, and not lowered.",
    ),
    Case("TidegateMetricsMissing", "a worker starts", missing("workers", "0+6x3 18x37"), 40),
    Case("TidegateMetricsMissing", "nothing is known to forecast from", missing("forecast", "0+6x40"), 40),
    Case(
        "TidegateOperatorWatchStale",
        "a watch hangs",
        watch("0+60x20"),
        8,
        {"namespace": "tidegate-system", "pod": "op-1", "resource": "llmservices"},
        "The watch of llmservices in operator tidegate-system/op-1 was last renewed 8m 0s ago: LLMServices are not "
        "looked after. Those that serve go on to.",
    ),
    Case(
        "TidegateOperatorWatchStale",
        "it is renewed every two minutes",
        watch("0 60 120 0 60 120 0 60 120"),
        8,
    ),
    Case(
        "TidegateNoLeader",
        "two stand by",
        leaders("0x10", "0x10"),
        3,
        {"namespace": "tidegate-system"},
        "No operator has held the Lease for 2 minutes, or Prometheus does not see one: LLMServices are not looked "
        "after. Those that serve go on to.",
    ),
    Case(
        "TidegateNoLeader",
        "there is none at all",
        {"up": "1x10"},
        3,
        {},
        "No operator has held the Lease for 2 minutes, or Prometheus does not see one: LLMServices are not looked "
        "after. Those that serve go on to.",
    ),
    Case("TidegateNoLeader", "the second takes over within a minute", leaders("1x3 0x7", "0x4 1x6"), 5),
)
