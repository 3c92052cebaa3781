"""Twelve lives of an LLMService, each from a state that holds to another one that holds.

Owns what a user does. `begin` is done before a fault may strike, `act` while it may; `holds` tells whether the operator
has brought about what was asked. Must not know the faults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from integration.api import Api, Object
from integration.operator.rig import NAME, service, status_of, workers_of

Deed = Callable[[Api, str], None]
Check = Callable[[Api, str], bool]


@dataclass(frozen=True)
class Workload:
    """One life: what is done before, what while a fault may strike, and how to tell that it is over."""

    name: str
    begin: Deed
    begun: Check
    act: Deed
    holds: Check
    has_engines: bool = False


def serves(*ready: str, name: str = NAME, pools: tuple[str, ...] = ()) -> Check:
    """Return a check that a service is Ready with so many workers, nothing is under way, and its spec is seen."""

    def check(api: Api, namespace: str) -> bool:
        found = api.get("LLMService", namespace, name)
        status = (found or {}).get("status", {})
        conditions = {one["type"]: one["status"] for one in status.get("conditions", ())}
        return (
            bool(found)
            and status.get("observedGeneration") == found["metadata"]["generation"]
            and conditions.get("Ready") == "True"
            and conditions.get("Progressing") == "False"
            and status.get("ready") in ready
            and (not pools or {pool["name"] for pool in status.get("pools", ())} == set(pools))
        )

    return check


def gone(api: Api, namespace: str) -> bool:
    """Tell whether neither the service nor anything of it is there."""
    return (
        api.get("LLMService", namespace, NAME) is None
        and not workers_of(api, namespace)
        and all(not api.list(kind, namespace, _OURS) for kind in ("Deployment", "Service", "NetworkPolicy"))
    )


_OURS = "app.kubernetes.io/managed-by=tidegate"


def nothing(api: Api, namespace: str) -> None:
    """Do nothing."""


def always(api: Api, namespace: str) -> bool:
    """Hold from the start."""
    return True


def creates(**spec: object) -> Deed:
    """Return the deed of making the service."""
    return lambda api, namespace: void(api.create(service(namespace, **spec)))


def changes(**spec: object) -> Deed:
    """Return the deed of changing its spec by a merge patch."""
    return lambda api, namespace: void(api.patch("LLMService", namespace, NAME, {"spec": spec}))


def deletes(api: Api, namespace: str) -> None:
    """Delete the service."""
    api.delete("LLMService", namespace, NAME)


def replaces(api: Api, namespace: str) -> None:
    """Delete it and make another one of the same name at once."""
    old = api.get("LLMService", namespace, NAME)
    assert old
    api.delete("LLMService", namespace, NAME)
    api.create(service(namespace, replicas=1))


def void(_: Object) -> None:
    """Let a deed return nothing."""


def replaced(api: Api, namespace: str) -> bool:
    """Tell whether the second service serves, and nothing is left of the first."""
    found = api.get("LLMService", namespace, NAME)
    if not found or not serves("1/1")(api, namespace):
        return False
    uid = found["metadata"]["uid"]
    deployments = api.list("Deployment", namespace, _OURS)
    owners = {one["uid"] for deployment in deployments for one in deployment["metadata"]["ownerReferences"]}
    return owners == {uid} and len(workers_of(api, namespace)) == 1


def suspended(api: Api, namespace: str) -> bool:
    """Tell whether no worker is left of a service that was told to rest."""
    return status_of(api, namespace).get("phase") == "Suspended" and not workers_of(api, namespace)


def adapted(*names: str) -> Check:
    """Return a check that these adapters, and no others, are on both workers."""

    def check(api: Api, namespace: str) -> bool:
        told = status_of(api, namespace).get("adapters", [])
        found = {one["name"]: (one["phase"], one["loaded"]) for one in told}
        return serves("2/2")(api, namespace) and found == dict.fromkeys(names, ("Ready", "2/2"))

    return check


def lora(*names: str) -> Object:
    """Return a model with adapters, each in a directory of its name on the model's claim."""
    adapters = [{"name": name, "uri": f"pvc://models/{name}"} for name in names]
    return {"uri": "pvc://models/tiny", "lora": {"adapters": adapters}}


_SPLIT = {"classes": [{"name": "high", "pool": "Dedicated", "replicas": 1}]}
_BOTH = ("high", "shared")
_ONE_READY = (creates(replicas=1), serves("1/1"))

WORKLOADS = {
    one.name: one
    for one in (
        Workload("create", nothing, always, creates(replicas=2), serves("2/2")),
        Workload("scale-up", *_ONE_READY, changes(replicas=3), serves("3/3")),
        Workload("scale-down", creates(replicas=3), serves("3/3"), changes(replicas=1), serves("1/1")),
        Workload("new-version", *_ONE_READY, changes(engine={"maxModelLen": 1024}), serves("1/1")),
        Workload("other-model", *_ONE_READY, changes(model={"uri": "pvc://models/other"}), serves("1/1")),
        Workload("pool-added", *_ONE_READY, changes(qos=_SPLIT), serves("2/2", pools=_BOTH)),
        Workload(
            "pool-removed",
            creates(replicas=1, qos=_SPLIT),
            serves("2/2", pools=_BOTH),
            changes(qos=None),
            serves("1/1", pools=("shared",)),
        ),
        Workload(
            "adapter-added",
            creates(replicas=2, model=lora("support")),
            adapted("support"),
            changes(model=lora("support", "legal")),
            adapted("support", "legal"),
            has_engines=True,
        ),
        Workload(
            "adapter-removed",
            creates(replicas=2, model=lora("support", "legal")),
            adapted("support", "legal"),
            changes(model=lora("support")),
            adapted("support"),
            has_engines=True,
        ),
        Workload("delete", creates(replicas=2), serves("2/2"), deletes, gone),
        Workload("replace", *_ONE_READY, replaces, replaced),
        Workload("suspend", creates(replicas=2), serves("2/2"), changes(suspend=True), suspended),
    )
}
