"""What ten LLMServices cost in calls to the API server, by its audit log: each child once, no look at any, no more.

`make bench-operator` measures the same with thousands.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

from integration.api import Api, eventually
from integration.operator.rig import Operator, StandInKubelet, condition, service
from tidegate_bench.operator import audit
from tidegate_bench.operator.audit import Call
from tidegate_operator.urgency import PATIENCE_SECONDS

SERVICES = [f"chat-{number}" for number in range(10)]
CHILDREN = ("serviceaccounts", "services", "networkpolicies", "controllerrevisions", "deployments")
# Its Lease, and the addresses and Pods of gateways, whatever is served.
OWN = frozenset({"leases", "endpointslices", "pods"})
# The first word of a status, that it is Ready, one event; and on a slow machine steps in between that do not wait.
BESIDES = 6
QUIET_SECONDS = 20


def calls(api: Api, namespace: str, since: int) -> list[Call]:
    """Return the operator's calls about the objects of a namespace."""
    user = f"system:serviceaccount:{namespace}:tidegate-operator"
    found = audit.calls(api.plane.audit_log, since)
    return [
        one for one in found if one.user == user and one.namespace == namespace and one.resource not in OWN
    ]


def of(name: str) -> Callable[[Call], bool]:
    """Return what tells whether a call is about an LLMService or a child of it."""
    return lambda call: call.name == name or call.name.startswith((f"{name}-", f"{name}."))


def make(api: Api, namespace: str) -> None:
    for name in SERVICES:
        api.create(service(namespace, name, "s3://models/tiny"))
    for name in SERVICES:
        eventually(lambda name=name: condition(api, namespace, "Ready", name) == ("True", "Serving"), 120)  # type: ignore[misc]
        eventually(lambda name=name: condition(api, namespace, "Progressing", name)[0] == "False", 60)  # type: ignore[misc]


def test_each_child_is_written_once_and_nothing_is_looked_for(
    api: Api, namespace: str, operator: Operator, kubelet: StandInKubelet, capsys: pytest.CaptureFixture[str]
) -> None:
    start, began = api.now(), time.monotonic()
    make(api, namespace)
    seconds = time.monotonic() - began
    seen = calls(api, namespace, start)
    counted = Counter(f"{one.verb} {one.resource}" for one in seen)
    with capsys.disabled():
        print(f"\ncalls for {len(SERVICES)} LLMServices in {seconds:.1f} s: {dict(counted)}")
    assert {one.code for one in seen if one.is_write} <= {200, 201}
    assert [one for one in seen if one.verb == "get"] == []
    # What has only new counts is written again after a while: on a slow machine there is time for it.
    most = len(CHILDREN) + BESIDES + seconds // PATIENCE_SECONDS
    for name in SERVICES:
        writes = [one for one in seen if one.is_write and of(name)(one)]
        made = Counter(one.resource for one in writes)
        assert {kind: made[kind] for kind in CHILDREN} == dict.fromkeys(CHILDREN, 1), name
        assert made["events"] <= 2, name
        assert len(writes) <= most, [(one.verb, one.resource) for one in writes]


def test_in_steady_state_and_after_a_restart_nothing_is_written_and_little_read(
    api: Api, namespace: str, operator: Operator, kubelet: StandInKubelet
) -> None:
    make(api, namespace)
    # How the starts of workers went is told last: these are asked three times, five seconds apart.
    eventually(lambda: seconds_since_a_write(api, namespace) > QUIET_SECONDS, 180)
    operator.end()
    operator.resync_seconds = 1
    start = api.now()
    operator.started()
    line = 'tidegate_operator_reconciles_total{outcome="done"}'
    eventually(lambda: (operator.metric(line) or 0) >= 3 * len(SERVICES), 60)
    seen = calls(api, namespace, start)
    assert [one for one in seen if one.is_write or one.verb == "get"] == []


def seconds_since_a_write(api: Api, namespace: str) -> float:
    return time.time() - max(one.ended for one in calls(api, namespace, 0) if one.is_write)
