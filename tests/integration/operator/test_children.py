"""What the operator makes for an LLMService, on a real API server: made, kept, changed, removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integration.api import Api, Object, eventually
from integration.operator.rig import (
    CHILDREN,
    GATEWAY,
    NAME,
    Operator,
    StandInKubelet,
    condition,
    service,
    status_of,
    workers_of,
)

DEPLOYMENT = f"{NAME}-shared"

pytestmark = pytest.mark.usefixtures("model")


def create(api: Api, namespace: str, **spec: object) -> Object:
    """Create an LLMService and wait until the operator has said something about it."""
    made = api.create(service(namespace, **spec))
    eventually(lambda: status_of(api, namespace)["observedGeneration"] == 1)
    return made


def test_every_child_is_made_and_owned(api: Api, namespace: str, everywhere: Operator) -> None:
    made = create(api, namespace, replicas=2)
    for kind, name in CHILDREN:
        child = api.get(kind, namespace, name)
        assert child, f"{kind} {name} is missing"
        [owner] = child["metadata"]["ownerReferences"]
        assert owner["uid"] == made["metadata"]["uid"]
        assert owner["controller"] is True
        assert child["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "tidegate"


def test_it_is_ready_once_its_workers_are(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    create(api, namespace)
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
    assert status_of(api, namespace)["ready"] == "1/1"
    eventually(lambda: status_of(api, namespace)["phase"] == "Ready")
    assert (
        everywhere.metric(f'tidegate_operator_service_ready{{namespace="{namespace}",service="{NAME}"}}') == 1
    )


@pytest.mark.parametrize(("kind", "name"), CHILDREN, ids=[kind for kind, _ in CHILDREN])
def test_a_child_deleted_by_hand_comes_back(
    api: Api, namespace: str, everywhere: Operator, kind: str, name: str
) -> None:
    create(api, namespace, replicas=2)
    old = api.get(kind, namespace, name)
    assert old
    api.delete(kind, namespace, name)
    new = eventually(lambda: api.get(kind, namespace, name))
    eventually(lambda: (api.get(kind, namespace, name) or old)["metadata"]["uid"] != old["metadata"]["uid"])
    assert new


EDITS: dict[str, tuple[str, str, Object, Callable[[Object], object]]] = {
    "the workers' image": (
        "Deployment",
        DEPLOYMENT,
        {"spec": {"template": {"metadata": {"annotations": {"prometheus.io/port": "1"}}}}},
        lambda child: child["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"],
    ),
    "the number of workers": (
        "Deployment",
        DEPLOYMENT,
        {"spec": {"replicas": 7}},
        lambda child: child["spec"]["replicas"],
    ),
    "a selector": (
        "Service",
        NAME,
        {"spec": {"selector": {"serving.tidegate.dev/service": "other"}}},
        lambda child: child["spec"]["selector"],
    ),
    "the token's mount": (
        "ServiceAccount",
        NAME,
        {"automountServiceAccountToken": True},
        lambda child: child["automountServiceAccountToken"],
    ),
    "the budget": (
        "PodDisruptionBudget",
        DEPLOYMENT,
        {"spec": {"maxUnavailable": 2}},
        lambda child: child["spec"]["maxUnavailable"],
    ),
    "who may come in": (
        "NetworkPolicy",
        NAME,
        {"spec": {"ingress": [{}]}},
        lambda child: child["spec"]["ingress"],
    ),
    "the label that says whose it is": (
        "Service",
        NAME,
        {
            "metadata": {
                "labels": {"app.kubernetes.io/managed-by": None, "serving.tidegate.dev/service": None}
            }
        },
        lambda child: sorted(child["metadata"]["labels"].items()),
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_child_edited_by_hand_is_put_right(
    api: Api, namespace: str, everywhere: Operator, edit: tuple[str, str, Object, Callable[[Object], object]]
) -> None:
    kind, name, patch, look = edit
    create(api, namespace, replicas=2)
    before = look(api.get(kind, namespace, name) or {})
    edited = look(api.patch(kind, namespace, name, patch))
    assert edited != before
    eventually(lambda: look(api.get(kind, namespace, name) or {}) == before, why=everywhere.tail)


def test_a_second_replica_brings_a_budget_and_the_first_alone_has_none(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    create(api, namespace)
    assert api.get("PodDisruptionBudget", namespace, DEPLOYMENT) is None
    api.kubectl("scale", "llmsvc", NAME, "-n", namespace, "--replicas=2")
    eventually(lambda: api.get("PodDisruptionBudget", namespace, DEPLOYMENT))
    eventually(lambda: (api.get("Deployment", namespace, DEPLOYMENT) or {})["spec"]["replicas"] == 2)
    api.kubectl("scale", "llmsvc", NAME, "-n", namespace, "--replicas=1")
    eventually(lambda: api.get("PodDisruptionBudget", namespace, DEPLOYMENT) is None)
    assert api.get("Deployment", namespace, DEPLOYMENT)["spec"]["replicas"] == 1  # type: ignore[index]


def test_suspend_stops_all_workers_and_resume_starts_them(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    create(api, namespace)
    eventually(lambda: condition(api, namespace, "Ready")[0] == "True")
    api.patch("LLMService", namespace, NAME, {"spec": {"suspend": True}})
    eventually(lambda: condition(api, namespace, "Ready") == ("False", "Suspended"))
    eventually(lambda: not workers_of(api, namespace))
    assert api.get("Service", namespace, NAME)
    api.patch("LLMService", namespace, NAME, {"spec": {"suspend": False}})
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))


# A server-side apply would meet no conflict at all with this ServiceAccount.
FOREIGN: list[Object] = [
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"ports": [{"port": 99}], "selector": {"app": "mine"}},
    },
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}},
]


def test_an_object_in_the_way_is_named_untouched_and_recovered_from(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    theirs = [api.create(manifest, namespace) for manifest in FOREIGN]
    create(api, namespace)
    assert condition(api, namespace, "ConfigValid") == ("False", "NameConflict")
    assert api.get("Deployment", namespace, DEPLOYMENT) is None
    for one in theirs:
        assert api.get(one["kind"], namespace, NAME) == one
        api.delete(one["kind"], namespace, NAME)
    eventually(lambda: condition(api, namespace, "ConfigValid") == ("True", "Valid"), why=everywhere.tail)
    eventually(lambda: api.get("Deployment", namespace, DEPLOYMENT))


def test_deleting_it_removes_all_children(api: Api, namespace: str, everywhere: Operator) -> None:
    create(api, namespace, replicas=2)
    api.delete("LLMService", namespace, NAME)
    for kind, name in CHILDREN:
        eventually(lambda kind=kind, name=name: api.get(kind, namespace, name) is None, 60)  # type: ignore[misc]
    gone = f'tidegate_operator_service_ready{{namespace="{namespace}",service="{NAME}"}}'
    eventually(lambda: everywhere.metric(gone) is None)


def test_a_pod_template_that_the_api_server_refuses_is_said(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    volume = {"name": "extra", "hostPath": {"path": "relative/../nonsense"}}
    create(api, namespace, podTemplate={"spec": {"volumes": [volume]}})
    assert condition(api, namespace, "ConfigValid") == ("False", "InvalidPodTemplate")
    api.patch("LLMService", namespace, NAME, {"spec": {"podTemplate": None}})
    eventually(lambda: api.get("Deployment", namespace, DEPLOYMENT))
    eventually(lambda: condition(api, namespace, "ConfigValid")[0] == "True")


@pytest.mark.parametrize("text", ["\U0001f30a", "\u2028\x7f", "caf\u00e9"], ids=["emoji", "odd", "accent"])
def test_a_text_in_any_script_reaches_the_workers(
    api: Api, namespace: str, everywhere: Operator, text: str
) -> None:
    """What is applied is read as YAML, which knows no surrogates: an emoji as JSON in ASCII was refused for ever."""
    create(api, namespace, podTemplate={"metadata": {"annotations": {"team": text}}})
    deployment = api.get("Deployment", namespace, DEPLOYMENT)
    assert deployment
    assert deployment["spec"]["template"]["metadata"]["annotations"]["team"] == text


def test_an_unknown_engine_flag_is_named_and_nothing_is_started(
    api: Api, namespace: str, everywhere: Operator
) -> None:
    create(api, namespace, engine={"args": ["--no-such-flag=1"]})
    assert condition(api, namespace, "ConfigValid") == ("False", "UnknownFlag")
    assert condition(api, namespace, "Ready") == ("False", "UnknownFlag")
    assert api.get("Deployment", namespace, DEPLOYMENT) is None
    api.patch("LLMService", namespace, NAME, {"spec": {"engine": {"args": []}}})
    eventually(lambda: api.get("Deployment", namespace, DEPLOYMENT))


def test_a_gateway_that_goes_and_comes_is_seen(
    api: Api, namespace: str, everywhere: Operator, kubelet: StandInKubelet
) -> None:
    create(api, namespace)
    eventually(lambda: condition(api, namespace, "Ready")[0] == "True")
    endpoint = {"addresses": ["10.1.2.3"], "conditions": {"ready": False}}
    api.patch("EndpointSlice", everywhere.namespace, f"{GATEWAY}-abc", {"endpoints": [endpoint]})
    eventually(lambda: condition(api, namespace, "Ready") == ("False", "GatewayNotReady"))
    endpoint["conditions"] = {"ready": True}
    api.patch("EndpointSlice", everywhere.namespace, f"{GATEWAY}-abc", {"endpoints": [endpoint]})
    eventually(lambda: condition(api, namespace, "Ready") == ("True", "Serving"))
