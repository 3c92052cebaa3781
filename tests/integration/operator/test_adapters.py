"""The operator keeps adapters loaded: a real API server and controllers, its own process, stand-in engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from integration.api import Api, Object, eventually
from integration.operator.engines import Engine, engine
from integration.operator.rig import (
    NAME,
    Operator,
    condition,
    now,
    say_of_pod,
    service,
    status_of,
    workers_of,
)

ADDRESSES = ("127.0.77.1", "127.0.77.2")


def lora(namespace: str, *names: str, **more: Object) -> Object:
    """Return a service of two workers with these adapters, each in a directory of its name on the model's claim."""
    entries = [{"name": name, "uri": f"pvc://models/{name}", **more.get(name, {})} for name in names]
    return service(namespace, model={"uri": "pvc://models/tiny", "lora": {"adapters": entries}}, replicas=2)


def adapters(api: Api, namespace: str) -> dict[str, tuple[str, str]]:
    """Return phase and count of each adapter."""
    told = status_of(api, namespace).get("adapters", [])
    return {one["name"]: (one["phase"], one["loaded"]) for one in told}


def events(api: Api, namespace: str) -> set[str]:
    """Return the reasons of all events."""
    return {one["reason"] for one in api.list("Event", namespace)}


@pytest.fixture
def engines() -> Iterator[dict[str, Engine]]:
    """An engine at each address."""
    with ExitStack() as stack:
        yield {address: stack.enter_context(engine(address)) for address in ADDRESSES}


def runs(api: Api, pod: Object, address: str) -> None:
    """Say what a kubelet says of a worker that answers at an address."""
    say_of_pod(api, pod, ready=True, state={"running": {"startedAt": now()}})
    where = {"podIP": address, "podIPs": [{"ip": address}]}
    api.patch_status("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], where)


def test_adapters_are_loaded_told_of_restored_and_removed(
    operator: Operator, engines: dict[str, Engine], api: Api, namespace: str
) -> None:
    for one in engines.values():
        one.refuses["/models/large"] = "LoRA rank 64 is greater than max_lora_rank 16."
    api.create(lora(namespace, "support", "large"), namespace)
    pods = eventually(lambda: found if len(found := workers_of(api, namespace)) == 2 else None)
    pending = {"support": ("Pending", "0/0"), "large": ("Pending", "0/0")}
    eventually(lambda: adapters(api, namespace) == pending)
    for pod, address in zip(pods, ADDRESSES, strict=True):
        runs(api, pod, address)
    eventually(
        lambda: adapters(api, namespace) == {"support": ("Ready", "2/2"), "large": ("Failed", "0/2")},
        seconds=30,
    )
    assert condition(api, namespace, "AdaptersReady") == ("False", "AdapterIncompatible")
    assert condition(api, namespace, "Degraded") == ("True", "AdapterIncompatible")
    assert condition(api, namespace, "ModelReady") == ("True", "ModelFound")
    # Events are posted after the status that they are about.
    eventually(lambda: {"AdapterLoaded", "AdapterFailed"} <= events(api, namespace))

    first = engines[ADDRESSES[0]]
    first.has.clear()
    eventually(lambda: first.has == {"support": "/models/support"}, seconds=30)

    api.patch("LLMService", namespace, NAME, {"spec": lora(namespace, "legal")["spec"]})
    for one in engines.values():
        eventually(lambda one=one: one.has == {"legal": "/models/legal"}, seconds=30)
    eventually(lambda: adapters(api, namespace) == {"legal": ("Ready", "2/2")}, seconds=30)
    eventually(lambda: condition(api, namespace, "AdaptersReady") == ("True", "AdaptersLoaded"), seconds=30)
    assert [pod["metadata"]["name"] for pod in workers_of(api, namespace)] == [
        pod["metadata"]["name"] for pod in pods
    ]


def test_an_adapter_of_a_hub_gets_an_llmmodel_of_its_own_and_no_worker_waits_for_it(
    operator: Operator, api: Api, namespace: str
) -> None:
    wanted = lora(namespace, "support", support={"uri": "hf://acme/support", "revision": "v1"})
    api.create(wanted, namespace)
    (made,) = eventually(lambda: api.list("LLMModel", namespace))
    assert made["spec"] == {"uri": "hf://acme/support", "revision": "v1", "type": "Adapter", "suspend": False}
    pods = eventually(lambda: found if len(found := workers_of(api, namespace)) == 2 else None)
    assert all(
        volume.get("persistentVolumeClaim", {}).get("claimName", "models") == "models"
        for pod in pods
        for volume in pod["spec"]["volumes"]
    )
    job = eventually(lambda: api.get("Job", namespace, f"{made['metadata']['name']}-load"))
    assert "--adapter" in job["spec"]["template"]["spec"]["containers"][0]["args"]
    eventually(lambda: adapters(api, namespace).get("support", ("",))[0] in {"Pending", "Downloading"})
