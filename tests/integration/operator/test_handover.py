"""Who writes the replicas of a pool, on a real API server: one at a time, and no hand-over changes the number."""

from __future__ import annotations

import pytest

from integration.api import Api, eventually
from integration.operator.rig import AGENT, NAME, Operator, condition, service, status_of

DEPLOYMENT = f"{NAME}-shared"


def replicas(api: Api, namespace: str) -> int:
    deployment = api.get("Deployment", namespace, DEPLOYMENT)
    assert deployment
    return int(deployment["spec"]["replicas"])


def owners(api: Api, namespace: str) -> set[str]:
    """Return who is known to have set the replicas."""
    deployment = api.get("Deployment", namespace, DEPLOYMENT)
    assert deployment
    entries = deployment["metadata"]["managedFields"]
    return {one["manager"] for one in entries if "f:replicas" in one["fieldsV1"].get("f:spec", {})}


def change(api: Api, namespace: str, **spec: object) -> None:
    api.patch("LLMService", namespace, NAME, {"spec": spec})


def look_again(api: Api, namespace: str, number: int) -> None:
    """Make the operator write the Deployment, by another environment of its Pods, and wait for it."""
    change(api, namespace, engine={"env": [{"name": "TRY", "value": str(number)}]})

    def is_written() -> bool:
        deployment = api.get("Deployment", namespace, DEPLOYMENT)
        assert deployment
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        return {"name": "TRY", "value": str(number)} in container["env"]

    eventually(is_written)


def test_no_change_of_the_mode_changes_the_count_and_every_hand_over_holds(
    api: Api, namespace: str, everywhere: Operator, model: None
) -> None:
    """A number that only we have set falls back to 1 if we leave it out, and one that another has set stays."""
    api.create(service(namespace, replicas=3))
    eventually(lambda: replicas(api, namespace) == 3)
    change(api, namespace, replicas=None, scaling={"maxReplicas": 6, "mode": "External"})
    eventually(lambda: condition(api, namespace, "ScalingActive") == ("False", "ScaledExternally"))
    look_again(api, namespace, 1)
    assert (replicas(api, namespace), owners(api, namespace)) == (3, {AGENT})

    # Somebody takes over, and we let go for good.
    api.kubectl("scale", "deployment", DEPLOYMENT, "-n", namespace, "--replicas=5")
    eventually(lambda: AGENT not in owners(api, namespace))
    look_again(api, namespace, 2)
    assert replicas(api, namespace) == 5
    api.kubectl("scale", "deployment", DEPLOYMENT, "-n", namespace, "--replicas=4")
    look_again(api, namespace, 3)
    assert (replicas(api, namespace), AGENT in owners(api, namespace)) == (4, False)

    # Whatever the mode, nothing was decided: without a gateway nothing is known.
    for number, mode in enumerate(("Off", "Advise", "Auto", "External"), start=4):
        change(api, namespace, scaling={"mode": mode})
        look_again(api, namespace, number)
        assert replicas(api, namespace) == 4, mode

    # And back to a number of the user's, who has the last word at once.
    change(api, namespace, scaling=None, replicas=2)
    eventually(lambda: replicas(api, namespace) == 2)
    assert owners(api, namespace) == {AGENT}


def test_a_suspended_pool_comes_back_with_as_many_in_every_mode(
    api: Api, namespace: str, everywhere: Operator, model: None
) -> None:
    api.create(service(namespace, scaling={"maxReplicas": 6, "mode": "External"}))
    eventually(lambda: replicas(api, namespace) == 1)
    api.kubectl("scale", "deployment", DEPLOYMENT, "-n", namespace, "--replicas=3")
    change(api, namespace, suspend=True)
    eventually(lambda: replicas(api, namespace) == 0)
    change(api, namespace, suspend=False)
    eventually(lambda: replicas(api, namespace) == 3)


def test_kubectl_scale_of_the_service_is_refused_while_it_follows_the_load(
    api: Api, namespace: str, everywhere: Operator, model: None
) -> None:
    api.create(service(namespace, scaling={"maxReplicas": 6}))
    with pytest.raises(Exception, match="replicas and scaling exclude each other"):
        api.kubectl("scale", "llmsvc", NAME, "-n", namespace, "--replicas=3")


def test_kubectl_scale_of_the_service_sets_a_number_where_none_was_set(
    api: Api, namespace: str, everywhere: Operator, model: None
) -> None:
    """Only to read the number from `/scale`, as an HPA does, it has to be there."""
    api.create(service(namespace))
    path = f"/apis/serving.tidegate.dev/v1alpha1/namespaces/{namespace}/llmservices/{NAME}/scale"
    with pytest.raises(Exception, match=r'the spec replicas field "\.spec\.replicas" does not exist'):
        api.kubectl("get", "--raw", path)
    api.kubectl("scale", "llmsvc", NAME, "-n", namespace, "--replicas=3")
    eventually(lambda: replicas(api, namespace) == 3, why=everywhere.tail)
    assert '"spec":{"replicas":3}' in api.kubectl("get", "--raw", path)


def test_a_foreign_autoscaler_is_named_and_left_to_it(
    api: Api, namespace: str, everywhere: Operator, model: None
) -> None:
    api.create(service(namespace, scaling={"maxReplicas": 6}))
    eventually(lambda: replicas(api, namespace) == 1)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT}
    api.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "mine", "labels": {"scaledobject.keda.sh/name": "chat"}},
            "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3},
        },
        namespace,
    )
    eventually(lambda: condition(api, namespace, "ScalingActive") == ("False", "ScalingConflict"))
    active = next(one for one in status_of(api, namespace)["conditions"] if one["type"] == "ScalingActive")
    assert "KEDA's ScaledObject 'chat'" in active["message"]
    # The real HPA controller raises it to its least, and we leave it so.
    eventually(lambda: replicas(api, namespace) == 2)
    look_again(api, namespace, 1)
    assert replicas(api, namespace) == 2
    api.kubectl("delete", "hpa", "mine", "-n", namespace)
    eventually(lambda: condition(api, namespace, "ScalingActive")[1] != "ScalingConflict")
    assert replicas(api, namespace) == 2
