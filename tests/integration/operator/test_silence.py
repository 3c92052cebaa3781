"""How much the operator writes, counted in the API server's audit log: what is needed, then nothing but the Lease."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from integration.api import Api, Write, eventually
from integration.operator.rig import AGENT, NAME, Operator, StandInKubelet, condition, service, status_of

QUIET_SECONDS = 8


def besides_the_lease(writes: list[Write]) -> list[Write]:
    return [write for write in writes if write.resource != "leases"]


def settle(api: Api, namespace: str, ready: str) -> None:
    """Wait until the rollout is over: Ready comes before the Deployment controller's last word."""
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
    eventually(lambda: status_of(api, namespace)["ready"] == ready)
    eventually(lambda: condition(api, namespace, "Progressing")[0] == "False")
    eventually(lambda: condition(api, namespace, "Degraded")[0] == "False")


def wait_for_resyncs(operator: Operator, count: int) -> None:
    """Let the operator look at everything so many times more."""
    line = 'tidegate_operator_reconciles_total{outcome="done"}'
    target = (operator.metric(line) or 0) + count
    eventually(lambda: (operator.metric(line) or 0) >= target)


def test_it_writes_each_child_once_then_only_what_changes_then_nothing(
    api: Api,
    namespace: str,
    stopped: Operator,
    kubelet: StandInKubelet,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stopped.resync_seconds = 1
    operator = stopped.started()
    start = api.now()
    api.create(service(namespace, replicas=2))
    settle(api, namespace, "2/2")
    # Events are posted after the status that they are about.
    wait_for_resyncs(operator, 1)
    writes = besides_the_lease(api.writes(namespace, AGENT, start))
    counted = Counter((write.verb, write.resource) for write in writes)
    with capsys.disabled():
        print(f"\nwrites for one LLMService with 2 workers, from create to Ready: {len(writes)}")
        print("  " + ", ".join(f"{times} {verb} {resource}" for (verb, resource), times in counted.items()))
    assert {write.code for write in writes} <= {200, 201}
    for resource in ("deployments", "services", "serviceaccounts", "poddisruptionbudgets", "networkpolicies"):
        named = Counter(write.name for write in writes if write.resource == resource)
        assert named and set(named.values()) == {1}, (resource, named)
    assert counted["patch", "llmservices"] == counted["update", "llmservices"] == 0

    start = api.now()
    limit = time.monotonic() + QUIET_SECONDS
    wait_for_resyncs(operator, 5)
    eventually(lambda: time.monotonic() > limit)
    quiet = api.writes(namespace, AGENT, start)
    with capsys.disabled():
        lease = sum(write.resource == "leases" for write in quiet)
        print(f"writes in {QUIET_SECONDS} s of steady state with a resync every second:")
        print(f"  {len(besides_the_lease(quiet))} and {lease} of the Lease; RSS {operator.rss_mb:.0f} MB")
    assert besides_the_lease(quiet) == []
    assert lease


def test_a_restart_writes_nothing(
    api: Api, namespace: str, operator: Operator, kubelet: StandInKubelet
) -> None:
    api.create(service(namespace))
    settle(api, namespace, "1/1")
    assert operator.end() == 0
    start = api.now()
    operator.resync_seconds = 1
    operator.started()
    wait_for_resyncs(operator, 3)
    assert besides_the_lease(api.writes(namespace, AGENT, start)) == []


def test_what_happened_while_it_was_down_is_put_right(
    api: Api, namespace: str, operator: Operator, kubelet: StandInKubelet
) -> None:
    api.create(service(namespace))
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
    operator.end()
    api.delete("Service", namespace, NAME)
    api.patch("LLMService", namespace, NAME, {"spec": {"replicas": 2}})
    operator.started()
    eventually(lambda: api.get("Service", namespace, NAME))
    eventually(lambda: status_of(api, namespace)["ready"] == "2/2")


def test_nothing_of_ours_is_written_into_the_llmservice_but_its_status(
    api: Api, namespace: str, operator: Operator
) -> None:
    made = api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)
    found = api.get("LLMService", namespace, NAME)
    assert found
    for field in ("annotations", "finalizers", "labels", "generation"):
        assert found["metadata"].get(field) == made["metadata"].get(field)
    ours = [one for one in found["metadata"]["managedFields"] if one["manager"] == AGENT]
    assert [one["subresource"] for one in ours] == ["status"]
