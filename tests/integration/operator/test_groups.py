"""Workers of several Pods, made by the real controllers: Deployments, StatefulSets, and what lost its owner goes.

No node runs them: the test says of each leader that it is somewhere, since followers are made when it is.
"""

from __future__ import annotations

import pytest

from integration.api import Api, Object, eventually
from integration.operator.rig import (
    AGENT,
    NAME,
    Operator,
    StandInKubelet,
    condition,
    service,
    status_of,
    workers_of,
)
from tidegate_api.names import LEADER_LABEL, MEMBER_LABEL, ROLE_LABEL, SERVICE_LABEL

# Of a model in an object store nobody has to know the shape first.
URI = "s3://models/tiny"
PAIR = {"parallelism": {"tensor": 2}}
RESYNCS = 'tidegate_operator_reconciles_total{outcome="done"}'


def leaders(api: Api, namespace: str) -> list[Object]:
    """Return the leaders that stay, each with an address."""
    found = [pod for pod in workers_of(api, namespace) if "deletionTimestamp" not in pod["metadata"]]
    for number, pod in enumerate(found):
        if not pod["status"].get("podIP"):
            address = f"10.9.{number}.1"
            where = {"podIP": address, "podIPs": [{"ip": address}]}
            api.patch_status("Pod", namespace, pod["metadata"]["name"], where)
    return found


def followers(api: Api, namespace: str) -> list[Object]:
    return api.list("Pod", namespace, f"{ROLE_LABEL}=follower")


def is_paired(api: Api, namespace: str, count: int) -> bool:
    """Tell whether there are so many leaders, each with one follower and no other."""
    own = {pod["metadata"]["name"] for pod in leaders(api, namespace)}
    led = [pod["metadata"]["labels"][LEADER_LABEL] for pod in followers(api, namespace)]
    return len(own) == count and sorted(led) == sorted(own)


def test_each_leader_has_followers_that_nobody_counts(
    api: Api, namespace: str, stopped: Operator, kubelet: StandInKubelet
) -> None:
    stopped.resync_seconds = 1
    operator = stopped.started()
    start = api.now()
    api.create(service(namespace, uri=URI, replicas=2, **PAIR))
    eventually(lambda: is_paired(api, namespace, 2))
    for pod in followers(api, namespace):
        labels = pod["metadata"]["labels"]
        assert (labels[MEMBER_LABEL], SERVICE_LABEL in labels) == (NAME, False)
        assert pod["metadata"]["name"].endswith("-1")
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
    eventually(lambda: status_of(api, namespace)["ready"] == "2/2")
    eventually(lambda: condition(api, namespace, "Progressing")[0] == "False")
    target = (operator.metric(RESYNCS) or 0) + 5
    eventually(lambda: (operator.metric(RESYNCS) or 0) >= target)
    made = [write for write in api.writes(namespace, AGENT, start) if write.resource == "statefulsets"]
    assert len(made) == 2
    budget = api.get("PodDisruptionBudget", namespace, f"{NAME}-shared")
    assert budget is not None
    eventually(lambda: budget_status(api, namespace) == (4, 4, 1))


def budget_status(api: Api, namespace: str) -> tuple[int, int, int]:
    """Return how many Pods the budget expects, how many are healthy, and how many may go."""
    status = (api.get("PodDisruptionBudget", namespace, f"{NAME}-shared") or {}).get("status", {})
    return status.get("expectedPods", 0), status.get("currentHealthy", 0), status.get("disruptionsAllowed", 0)


@pytest.mark.usefixtures("kubelet", "operator")
def test_followers_come_and_go_with_their_leader(api: Api, namespace: str) -> None:
    api.create(service(namespace, uri=URI, **PAIR))
    eventually(lambda: is_paired(api, namespace, 1))
    (gone,) = leaders(api, namespace)
    # On no node, a Pod is gone at once.
    api.delete("Pod", namespace, gone["metadata"]["name"])
    eventually(lambda: is_paired(api, namespace, 1))
    assert leaders(api, namespace)[0]["metadata"]["uid"] != gone["metadata"]["uid"]
    api.patch("LLMService", namespace, NAME, {"spec": {"suspend": True}})
    eventually(lambda: is_paired(api, namespace, 0))
    eventually(lambda: not api.list("StatefulSet", namespace))
