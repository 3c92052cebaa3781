"""Versions of workers on a real API server: pinned, tried, promoted, taken back, whoever leads meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from integration.api import Api, Object, eventually
from integration.operator.rig import (
    NAME,
    Operator,
    StandInKubelet,
    condition,
    let_the_scheduler_speak_first,
    status_of,
    workers_of,
)
from integration.operator.versions import CANARY, change, command, events, make, rollout, tracks

pytestmark = pytest.mark.usefixtures("model")


def test_a_change_of_the_spec_is_a_new_version_and_going_back_is_the_old_one(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    first = make(api, namespace)
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace) != {"phase": "Stable", "revision": first})
    eventually(lambda: rollout(api, namespace)["phase"] == "Stable", 60)
    second = rollout(api, namespace)["revision"]
    assert second != first
    eventually(lambda: tracks(api, namespace) == {(second, "")})
    change(api, namespace, engine={"maxNumSeqs": None})
    eventually(lambda: rollout(api, namespace) == {"phase": "Stable", "revision": first}, 60)
    kept = api.list("ControllerRevision", namespace)
    assert sorted(one["metadata"]["name"] for one in kept) == sorted(
        f"{NAME}-{one}" for one in (first, second)
    )
    # Events are posted after the status that they are about.
    eventually(lambda: {"RolloutStarted", "RolloutPromoted"} <= set(events(api, namespace)))


def test_what_no_worker_is_told_is_no_new_version(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    make(api, namespace)
    before = {one["metadata"]["uid"] for one in workers_of(api, namespace)}
    change(api, namespace, coldStart={"timeoutSeconds": 7}, rollout={"canary": CANARY}, replicas=2)
    eventually(lambda: status_of(api, namespace).get("ready") == "2/2")
    assert rollout(api, namespace)["phase"] == "Stable"
    assert before <= {one["metadata"]["uid"] for one in workers_of(api, namespace)}


def test_a_canary_waits_for_requests_and_a_person_promotes_it(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    first = make(api, namespace, replicas=2, rollout={"canary": CANARY})
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace).get("weight") == 50)
    told = rollout(api, namespace)
    second = told["canaryRevision"]
    assert (told["phase"], told["revision"], told["step"], told["steps"]) == ("Canary", first, 1, 1)
    assert tracks(api, namespace) == {(first, ""), (second, "canary")}
    assert condition(api, namespace, "Progressing") == ("True", "CanaryRunning")
    assert status_of(api, namespace)["ready"] == "2/2"
    command(api, namespace, "promote")
    eventually(lambda: rollout(api, namespace) == {"phase": "Stable", "revision": second}, 60)
    eventually(lambda: tracks(api, namespace) == {(second, "")})


def test_an_aborted_canary_is_taken_back_and_not_tried_again(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    first = make(api, namespace, rollout={"canary": CANARY})
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace).get("weight") == 50)
    command(api, namespace, "abort")
    eventually(lambda: rollout(api, namespace)["phase"] == "RolledBack")
    eventually(lambda: tracks(api, namespace) == {(first, "")})
    eventually(lambda: condition(api, namespace, "Degraded") == ("True", "RolloutRolledBack"))
    assert condition(api, namespace, "Ready") == ("True", "Serving")
    eventually(lambda: "RolloutRolledBack" in events(api, namespace))
    # Once its Pods are counted no more, it stays so, without a write.
    settled = eventually(lambda: unchanged(api, namespace, 2))
    assert unchanged(api, namespace, 6) == settled


def test_a_third_version_replaces_the_one_that_is_tried_and_the_old_spec_ends_it(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    first = make(api, namespace, rollout={"canary": CANARY})
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace).get("weight") == 50)
    second = rollout(api, namespace)["canaryRevision"]
    change(api, namespace, engine={"maxNumSeqs": 5})
    eventually(lambda: rollout(api, namespace).get("canaryRevision") not in (None, second))
    third = rollout(api, namespace)["canaryRevision"]
    eventually(lambda: tracks(api, namespace) == {(first, ""), (third, "canary")})
    change(api, namespace, engine={"maxNumSeqs": None})
    eventually(lambda: rollout(api, namespace) == {"phase": "Stable", "revision": first})
    eventually(lambda: tracks(api, namespace) == {(first, "")})


def test_a_canary_sleeps_with_its_service_and_goes_with_it(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    first = make(api, namespace, rollout={"canary": CANARY})
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace).get("weight") == 50)
    change(api, namespace, suspend=True)
    eventually(lambda: tracks(api, namespace) == set())
    eventually(lambda: rollout(api, namespace).get("weight") == 0)
    assert rollout(api, namespace)["phase"] == "Canary"
    change(api, namespace, suspend=False)
    eventually(lambda: rollout(api, namespace).get("weight") == 50, 60)
    assert (first, "") in tracks(api, namespace)
    api.delete("LLMService", namespace, NAME)
    eventually(lambda: not api.list("ControllerRevision", namespace))
    eventually(lambda: not workers_of(api, namespace))


def test_a_pool_that_comes_in_the_middle_is_made_at_once_and_replaces_no_worker(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    first = make(api, namespace, rollout={"canary": CANARY})
    [before] = [one["metadata"]["uid"] for one in workers_of(api, namespace)]
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace).get("weight") == 50)
    change(api, namespace, qos={"classes": [{"name": "high", "pool": "Dedicated"}]})
    eventually(lambda: api.get("Deployment", namespace, f"{NAME}-high"))
    eventually(lambda: rollout(api, namespace).get("weight") == 50, 60)
    assert (rollout(api, namespace)["phase"], rollout(api, namespace)["revision"]) == ("Canary", first)
    assert before in {one["metadata"]["uid"] for one in workers_of(api, namespace)}


def test_without_room_for_one_more_one_of_two_goes_first(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    with StandInKubelet(api, namespace):
        first = make(api, namespace, replicas=2)
    homeless(api, namespace)
    eventually(lambda: condition(api, namespace, "Progressing") == ("True", "RolloutWithoutSurge"))
    rolling = {"maxSurge": 0, "maxUnavailable": 1}
    eventually(lambda: deployment(api, namespace)["spec"]["strategy"]["rollingUpdate"] == rolling)
    assert condition(api, namespace, "Ready") == ("True", "Serving")
    with StandInKubelet(api, namespace):
        eventually(lambda: rollout(api, namespace)["revision"] != first, 60)
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    eventually(lambda: deployment(api, namespace)["spec"]["strategy"]["rollingUpdate"] == rolling)


def test_the_only_worker_is_not_taken_down_for_want_of_room(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    with StandInKubelet(api, namespace):
        make(api, namespace)
    homeless(api, namespace)
    eventually(lambda: condition(api, namespace, "Degraded") == ("True", "RolloutBlocked"))
    assert condition(api, namespace, "Ready") == ("True", "Serving")
    change(api, namespace, rollout={"maxUnavailable": 1})
    with StandInKubelet(api, namespace):
        eventually(lambda: rollout(api, namespace)["phase"] == "Stable", 60)


def homeless(api: Api, namespace: str) -> None:
    """Ask for another version, and let the scheduler have said for two minutes that its first worker has no node."""
    before = {one["metadata"]["name"] for one in workers_of(api, namespace)}
    change(api, namespace, engine={"maxNumSeqs": 4})
    new = eventually(
        lambda: [one for one in workers_of(api, namespace) if one["metadata"]["name"] not in before]
    )[0]
    let_the_scheduler_speak_first(api, new)
    long_ago = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes: no GPU",
    }
    status = {"conditions": [{**said, "lastTransitionTime": long_ago}]}
    api.patch_status("Pod", namespace, new["metadata"]["name"], status)


def unchanged(api: Api, namespace: str, seconds: float) -> Object | None:
    """Return the service, None if it was written meanwhile."""
    before = api.get("LLMService", namespace, NAME)
    time.sleep(seconds)
    return before if api.get("LLMService", namespace, NAME) == before else None


def deployment(api: Api, namespace: str) -> Object:
    found = api.get("Deployment", namespace, f"{NAME}-shared")
    assert found
    return found
