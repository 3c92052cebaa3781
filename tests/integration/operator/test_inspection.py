"""A look into a model on a volume, with the real controllers; what its Pod says, the test writes as a kubelet would."""

from __future__ import annotations

import json

import pytest

from integration.api import Api, Object, eventually
from integration.operator.rig import NAME, Operator, condition, now, service, status_of, workers_of
from tidegate_api.fit.shape import to_json
from tidegate_api.names import INSPECTED_FOR_LABEL
from unit.fit.families import SMOLLM2_135M, shape_of

pytestmark = pytest.mark.usefixtures("model")

FOUND = json.dumps({"shape": to_json(shape_of(SMOLLM2_135M, 269_060_552))})


def inspectors(api: Api, namespace: str) -> list[Object]:
    found = api.list("Pod", namespace, f"{INSPECTED_FOR_LABEL}={NAME}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def let_it_say(api: Api, pod: Object, message: str) -> None:
    """Write that a Pod's container has ended with these words."""
    end = {"exitCode": 0, "reason": "Completed", "message": message, "startedAt": now(), "finishedAt": now()}
    container = {"name": "loader", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Succeeded", "containerStatuses": [{**container, "state": {"terminated": end}}]}
    api.patch_status("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], status)


def test_what_is_found_becomes_the_estimate_while_workers_start(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    api.create(service(namespace))
    [pod] = eventually(lambda: inspectors(api, namespace), why=everywhere.tail)
    assert eventually(lambda: workers_of(api, namespace))
    let_it_say(api, pod, FOUND)
    found = eventually(lambda: status_of(api, namespace).get("estimate"), why=everywhere.tail)
    assert (found["kvBytesPerToken"], found["kvCacheTokens"]) == (23040, 46592)


def test_workers_that_are_to_be_spread_wait_and_are_refused_with_the_numbers(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    api.create(service(namespace, resourceProfile="nvidia:2"))
    [pod] = eventually(lambda: inspectors(api, namespace), why=everywhere.tail)
    eventually(lambda: condition(api, namespace, "ModelReady") == ("False", "ModelInspecting"))
    let_it_say(api, pod, FOUND)
    eventually(
        lambda: condition(api, namespace, "Ready") == ("False", "InvalidParallelism"), why=everywhere.tail
    )
    assert workers_of(api, namespace) == []
    # Three of them divide its nine heads.
    api.patch("LLMService", namespace, NAME, {"spec": {"resourceProfile": "nvidia:3"}})
    eventually(lambda: workers_of(api, namespace), why=everywhere.tail)


def test_another_model_is_looked_into_anew_and_the_old_look_goes(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    api.create(service(namespace))
    [first] = eventually(lambda: inspectors(api, namespace), why=everywhere.tail)
    api.patch("LLMService", namespace, NAME, {"spec": {"model": {"uri": "pvc://models/other"}}})

    def is_another() -> bool:
        names = [pod["metadata"]["name"] for pod in inspectors(api, namespace)]
        return len(names) == 1 and names != [first["metadata"]["name"]]

    eventually(is_another, why=everywhere.tail)
    assert len(api.list("Job", namespace)) == 1
