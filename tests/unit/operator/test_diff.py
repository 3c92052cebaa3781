"""When a live object needs no write, whatever the API server has added to it."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objects import manifest, observed, planned, service
from tidegate_api.names import APPLIED_HASH_ANNOTATION
from tidegate_api.settings import Settings
from tidegate_operator.build import build
from tidegate_operator.diff import needs_write

CLOSED = Settings.model_validate({"networkPolicy": {"enabled": True}})


def served(applied: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest as the API server answers it: with fields, defaults and entries of others."""
    live = deepcopy(applied)
    live["metadata"].update(uid="1", resourceVersion="7", generation=1, managedFields=[{"manager": "x"}])
    live["metadata"]["labels"]["someone"] = "else"
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    live["status"] = {"observedGeneration": 1}
    template = live.get("spec", {}).get("template")
    if live["kind"] == "Job":
        own = {"batch.kubernetes.io/controller-uid": "1"}
        live["spec"].update(completions=1, parallelism=1, suspend=False, selector={"matchLabels": own})
        template["metadata"]["labels"].update(own)
        template["spec"]["containers"][0]["volumeMounts"][0]["recursiveReadOnly"] = "Disabled"
    elif template is not None:
        container = template["spec"]["containers"][0]
        container["resources"] = {"requests": {"cpu": "0.5", "memory": "3072Mi"}, "limits": {"memory": "6Gi"}}
        container["env"].append({"name": "INJECTED", "value": "1"})
        container["ports"][0]["hostPort"] = 0
        template["spec"]["containers"].append({"name": "sidecar"})
        template["spec"].update(
            dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler"
        )
        template["spec"]["volumes"][2]["emptyDir"]["sizeLimit"] = "1024Mi"
    if live["kind"] == "Service":
        live["spec"].update(clusterIP="10.0.0.1", sessionAffinity="None")
    return live


@settings(deadline=None, max_examples=50)
@given(replicas=st.integers(0, 5), length=st.none() | st.integers(1, 10**6), suspend=st.booleans())
def test_what_was_applied_is_not_written_again(replicas: int, length: int | None, suspend: bool) -> None:
    spec = {"replicas": replicas, "suspend": suspend, "engine": {"maxModelLen": length} if length else {}}
    for applied in build(planned(observed(service(**spec)), CLOSED)):
        assert not needs_write(applied, served(applied))


def test_what_is_not_there_is_written() -> None:
    assert needs_write(manifest("Service"), None)


def changed(path: list[str | int], value: Any) -> dict[str, Any]:
    live = served(manifest("Deployment"))
    node: Any = live
    for step in path[:-1]:
        node = node[step]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return live


POD: list[str | int] = ["spec", "template", "spec"]
MAIN: list[str | int] = [*POD, "containers", 0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(["spec", "replicas"], 7, id="scaled by hand"),
        pytest.param(["spec", "replicas"], None, id="a field is gone"),
        pytest.param(["metadata", "labels"], {}, id="labels are gone"),
        pytest.param(
            ["metadata", "annotations", APPLIED_HASH_ANNOTATION], "0", id="applied from something else"
        ),
        pytest.param(["metadata", "annotations"], None, id="no annotations at all"),
        pytest.param(["metadata", "ownerReferences"], [], id="nobody's any more"),
        pytest.param([*MAIN, "image"], "other", id="another image"),
        pytest.param([*MAIN, "args", 3], "--host", id="another argument"),
        pytest.param([*MAIN, "args"], ["x"], id="fewer arguments"),
        pytest.param([*MAIN, "resources", "limits", "memory"], "7Gi", id="another limit"),
        pytest.param([*MAIN, "env", 0, "value"], "/root", id="a variable has another value"),
        pytest.param([*MAIN, "env", 0], {"name": "X"}, id="a variable is gone"),
        pytest.param([*MAIN, "securityContext", "capabilities", "drop"], [], id="a capability is back"),
        pytest.param([*POD, "containers"], "x", id="no list where there was one"),
        pytest.param([*POD, "securityContext"], None, id="a map is gone"),
        pytest.param([*POD, "volumes", 2, "emptyDir", "sizeLimit"], "2Gi", id="a volume has another size"),
    ],
)
def test_whatever_someone_changed_is_written_back(path: list[str | int], value: Any) -> None:
    assert needs_write(manifest("Deployment"), changed(path, value))


def test_entries_of_others_in_named_lists_are_theirs_in_any_order() -> None:
    live = served(manifest("Deployment"))
    live["spec"]["template"]["spec"]["containers"][0]["env"].reverse()
    assert not needs_write(manifest("Deployment"), live)


def test_an_empty_map_that_the_server_drops_is_no_difference() -> None:
    desired = {"metadata": {"annotations": {APPLIED_HASH_ANNOTATION: "1"}}, "spec": {"empty": {}, "none": []}}
    live = {"metadata": {"annotations": {APPLIED_HASH_ANNOTATION: "1"}}, "spec": {}}
    assert not needs_write(desired, live)
