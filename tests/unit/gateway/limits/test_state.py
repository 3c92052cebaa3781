"""What the operator reads of a gateway."""

import json

from tidegate_api.firsttoken import bucket
from tidegate_gateway.directory import Worker
from tidegate_gateway.limits.account import Totals
from tidegate_gateway.limits.state import encode
from tidegate_gateway.qos.figures import ClassFigures, Demand, PoolFigures
from tidegate_gateway.versions import Versions
from tidegate_operator.census import VersionsReading
from tidegate_operator.facts import Key
from tidegate_operator.gateways import read_state
from tidegate_operator.rollout.facts import Compared, Counts


def totals(name: str, requests: int, prompt: int, completion: int) -> Totals:
    made = Totals("ns", name, 0.0)
    made.requests, made.prompt_tokens, made.completion_tokens = requests, prompt, completion
    return made


def figures(share: float | None) -> PoolFigures:
    one = ClassFigures("high", 2, 1, share, 10, 1000, 0, 0, 0, 0)
    return PoolFigures("shared", 300, 4096, (one,), Demand(10, 11, 8, 81, 7, 3, 20, 21))


def test_the_state_as_the_operator_reads_it() -> None:
    usage = [totals("team", 3, 40, 50), totals("never-called", 0, 0, 0)]
    workers = [(Worker("u1", "ns", "chat", "chat-shared-x", "10.0.0.1"), 4)]
    assert json.loads(encode("pod-1", usage, [("ns", "chat", [figures(0.70449)])], workers)) == {
        "instance": "pod-1",
        "tenants": [
            {"namespace": "ns", "name": "team", "requests": 3, "promptTokens": 40, "completionTokens": 50}
        ],
        "pools": [
            {
                "namespace": "ns",
                "service": "chat",
                "pool": "shared",
                "creditsUsed": 300,
                "creditsLimit": 4096,
                "classes": [{"name": "high", "queued": 2, "running": 1, "sharePercent": 70.4}],
                "arrivedRequests": 10,
                "arrivedPromptTokens": 11,
                "finishedRequests": 8,
                "finishedOutputTokens": 81,
                "firstTokens": 7,
                "lateFirstTokens": 3,
                "queuedPromptTokens": 20,
                "queuedOutputTokens": 21,
            }
        ],
        "workers": [
            {
                "namespace": "ns",
                "service": "chat",
                "pool": "shared",
                "pod": "chat-shared-x",
                "uid": "u1",
                "inFlight": 4,
            }
        ],
        "services": [],
    }


def test_a_share_of_nothing_is_null() -> None:
    (pool,) = json.loads(encode("pod-1", [], [("ns", "chat", [figures(None)])]))["pools"]
    assert pool["classes"][0]["sharePercent"] is None


def test_a_gateway_without_anything_has_a_state() -> None:
    assert json.loads(encode("pod-1", [], [])) == {
        "instance": "pod-1",
        "tenants": [],
        "pools": [],
        "workers": [],
        "services": [],
    }


def test_the_two_versions_of_a_service_with_a_canary_are_told() -> None:
    counts = Versions("9f86d08188")
    counts.stable.answered()
    counts.stable.first_token(0.1)
    counts.canary.failed()
    (service,) = json.loads(encode("pod-1", [], [], versions=[("ns", "chat", counts)]))["services"]
    assert service == {
        "namespace": "ns",
        "service": "chat",
        "canary": {
            "revision": "9f86d08188",
            "stable": {"requests": 1, "errors": 0, "ttft": {"49": 1}},
            "canary": {"requests": 1, "errors": 1, "ttft": {}},
        },
    }


def test_the_operator_reads_of_both_versions_what_was_counted() -> None:
    counts = Versions("9f86d08188")
    for seconds in (0.1, 0.1, 2.0):
        counts.stable.answered()
        counts.stable.first_token(seconds)
    counts.canary.failed()
    told = read_state(encode("pod-1", [], [], versions=[("ns", "chat", counts)])).versions
    assert told == {
        Key("ns", "chat"): VersionsReading(
            "9f86d08188",
            Compared(Counts(3, 0, {bucket(0.1): 2, bucket(2.0): 1}), Counts(1, 1, {})),
        )
    }
