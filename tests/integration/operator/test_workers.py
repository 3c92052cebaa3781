"""What goes wrong with workers, as a kubelet would report it, is lifted into the conditions of the LLMService.

No node and no container runs here: the test writes the status of the Pods that the real controllers have made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from integration.api import Api, Object, eventually
from integration.operator.rig import (
    NAME,
    Operator,
    claim,
    condition,
    now,
    say_of_pod,
    service,
    status_of,
    workers_of,
)


@dataclass(frozen=True)
class Case:
    """What the kubelet says, and the reason that Ready then has, with words of its message."""

    name: str
    state: Mapping[str, Any]
    last: Mapping[str, Any] | None
    reason: str
    words: str

    def __str__(self) -> str:
        return self.name


def ended(code: int, reason: str, message: str = "") -> Object:
    moment = {"startedAt": now(), "finishedAt": now()}
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, **moment}}


pytestmark = pytest.mark.usefixtures("model")

BACKOFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}


@pytest.mark.parametrize(
    "case",
    [
        Case(
            "an image that cannot be pulled",
            {"waiting": {"reason": "ImagePullBackOff", "message": "no such image: worker"}},
            None,
            "ImagePullFailed",
            "no such image: worker",
        ),
        Case(
            "an engine that crashes, with its last lines",
            BACKOFF,
            ended(1, "Error", "Traceback\nValueError: too odd"),
            "EngineCrashed",
            "ValueError: too odd",
        ),
        Case("a worker killed for its memory", BACKOFF, ended(137, "OOMKilled"), "OutOfMemory", "memory"),
        Case(
            "a model that is not there, in the worker's own words",
            BACKOFF,
            ended(78, "Error", '{"reason": "ModelNotFound", "message": "/models/tiny is empty"}'),
            "ModelNotFound",
            "/models/tiny is empty",
        ),
    ],
    ids=str,
)
def test_the_pods_trouble_becomes_the_reason(
    api: Api, namespace: str, everywhere: Operator, case: Case
) -> None:
    api.create(service(namespace))
    [pod] = eventually(lambda: workers_of(api, namespace))
    say_of_pod(api, pod, ready=False, state=case.state, last=case.last)
    eventually(lambda: condition(api, namespace, "Ready") == ("False", case.reason), why=everywhere.tail)
    ready = next(one for one in status_of(api, namespace)["conditions"] if one["type"] == "Ready")
    assert case.words in ready["message"]
    eventually(lambda: case.reason in {event["reason"] for event in api.list("Event", namespace)})
    # The cause goes, nobody edits anything.
    [pod] = workers_of(api, namespace)
    say_of_pod(api, pod, ready=True, state={"running": {"startedAt": now()}})
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))


def test_the_schedulers_words_are_passed_on(api: Api, namespace: str, everywhere: Operator) -> None:
    api.create(service(namespace))
    # There really is no node, and the real scheduler says so.
    eventually(lambda: condition(api, namespace, "WorkloadsReady") == ("False", "Unschedulable"))
    workloads = next(
        one for one in status_of(api, namespace)["conditions"] if one["type"] == "WorkloadsReady"
    )
    assert "no nodes available" in workloads["message"]


def test_a_missing_claim_is_named_and_recovered_from(api: Api, namespace: str, everywhere: Operator) -> None:
    api.create(service(namespace, uri="pvc://late/tiny"))
    eventually(lambda: condition(api, namespace, "ModelReady") == ("False", "VolumeClaimNotFound"))
    claim(api, namespace, "late")
    [pod] = eventually(lambda: workers_of(api, namespace))
    say_of_pod(api, pod, ready=True, state={"running": {"startedAt": now()}})
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))


def test_a_model_name_goes_to_the_next_when_the_first_is_gone(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    model = {"uri": "pvc://models/tiny", "name": "shared-name"}
    api.create(service(namespace, "alpha", model=model))
    eventually(lambda: condition(api, namespace, "ConfigValid", "alpha")[0] == "True")
    api.create(service(namespace, NAME, model=model))
    eventually(lambda: condition(api, namespace, "ConfigValid") == ("False", "ModelNameTaken"))
    api.delete("LLMService", namespace, "alpha")
    eventually(lambda: condition(api, namespace, "ConfigValid") == ("True", "Valid"))
