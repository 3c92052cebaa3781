"""How the user's Pod template is merged, and what it may not touch."""

from copy import deepcopy
from typing import Any

import pytest

from tidegate_operator import podtemplate
from tidegate_operator.errors import Stalled

BASE: dict[str, Any] = {
    "metadata": {"labels": {"ours": "1"}, "annotations": {"a": "1"}},
    "spec": {
        "nodeSelector": {"gpu": "l4"},
        "tolerations": [{"key": "gpu"}],
        "priorityClassName": "high",
        "containers": [
            {
                "name": "main",
                "image": "worker",
                "env": [{"name": "HOME", "value": "/tmp"}],
                "ports": [{"name": "http", "containerPort": 8000}],
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                "securityContext": {"capabilities": {"drop": ["ALL"]}},
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "shm", "emptyDir": {"medium": "Memory"}}],
    },
}


def main(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "main", **fields}]}}


def merged(patch: dict[str, Any]) -> dict[str, Any]:
    podtemplate.check(patch, 8000)
    return podtemplate.merge(BASE, patch)


def worker(patch: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = merged(patch)["spec"]["containers"][0]
    return found


def test_nothing_changes_nothing() -> None:
    assert merged({}) == BASE


def test_maps_merge() -> None:
    assert merged({"spec": {"nodeSelector": {"zone": "a"}}})["spec"]["nodeSelector"] == {
        "gpu": "l4",
        "zone": "a",
    }
    assert merged({"metadata": {"labels": {"x": "y"}}})["metadata"]["labels"] == {"ours": "1", "x": "y"}


def test_null_removes() -> None:
    assert "priorityClassName" not in merged({"spec": {"priorityClassName": None}})["spec"]
    assert merged({"spec": {"nodeSelector": {"gpu": None}}})["spec"]["nodeSelector"] == {}


def test_containers_merge_by_name_and_others_are_added() -> None:
    patch = {"spec": {"containers": [{"name": "side", "image": "x"}, {"name": "main", "image": "mine"}]}}
    assert [(one["name"], one["image"]) for one in merged(patch)["spec"]["containers"]] == [
        ("main", "mine"),
        ("side", "x"),
    ]


def test_variables_merge_by_name() -> None:
    patch = main(env=[{"name": "HOME", "value": "/home"}, {"name": "X", "value": "1"}])
    assert worker(patch)["env"] == [{"name": "HOME", "value": "/home"}, {"name": "X", "value": "1"}]


def test_mounts_merge_by_path_and_ports_by_number() -> None:
    patch = main(
        volumeMounts=[{"name": "big", "mountPath": "/tmp"}], ports=[{"containerPort": 9, "name": "p"}]
    )
    assert worker(patch)["volumeMounts"] == [{"name": "big", "mountPath": "/tmp"}]
    assert [port["containerPort"] for port in worker(patch)["ports"]] == [8000, 9]


def test_volumes_merge_by_name() -> None:
    patch = {"spec": {"volumes": [{"name": "shm", "emptyDir": {"sizeLimit": "8Gi"}}]}}
    assert merged(patch)["spec"]["volumes"][1] == {
        "name": "shm",
        "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"},
    }


def test_tolerations_add_up_without_doubles() -> None:
    patch = {"spec": {"tolerations": [{"key": "spot"}, {"key": "gpu"}]}}
    assert merged(patch)["spec"]["tolerations"] == [{"key": "gpu"}, {"key": "spot"}]


def test_any_other_list_is_replaced() -> None:
    patch = main(securityContext={"capabilities": {"drop": ["NET_RAW"]}})
    assert worker(patch)["securityContext"]["capabilities"]["drop"] == ["NET_RAW"]


def test_what_weakens_security_is_the_users_own_choice() -> None:
    assert merged({"spec": {"hostNetwork": True}})["spec"]["hostNetwork"] is True


def test_neither_argument_is_changed() -> None:
    base, patch = deepcopy(BASE), main(env=[{"name": "X", "value": "1"}])
    podtemplate.merge(base, patch)
    assert base == BASE
    assert patch == main(env=[{"name": "X", "value": "1"}])


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        pytest.param({"kind": "Pod"}, "podTemplate.kind is no field", id="a whole Pod"),
        pytest.param({"spec": ["x"]}, "podTemplate.spec must be an object", id="a list for the spec"),
        pytest.param(
            {"metadata": {"labels": ["x"]}}, "metadata.labels must be an object", id="a list of labels"
        ),
        pytest.param(
            {"metadata": {"annotations": "x"}}, "metadata.annotations must be an object", id="a word"
        ),
        pytest.param(
            {"spec": {"containers": [{"name": ["x"]}]}}, "containers[0] needs a name", id="a list for a name"
        ),
        pytest.param({"metadata": {"name": "x"}}, "metadata.name cannot be set", id="a name"),
        pytest.param(
            {"metadata": {"labels": {"serving.tidegate.dev/pool": "x"}}},
            "serving.tidegate.dev/pool is how Tidegate finds its workers",
            id="a label that selects",
        ),
        pytest.param({"metadata": {"labels": None}}, "labels must not be null", id="no labels at all"),
        pytest.param({"spec": {"containers": {}}}, "containers must be a list", id="a map of containers"),
        pytest.param({"spec": {"containers": None}}, "containers must be a list", id="no containers"),
        pytest.param(
            {"spec": {"containers": [{}]}}, "containers[0] needs a name", id="a container without a name"
        ),
        pytest.param({"spec": {"volumes": ["x"]}}, "volumes[0] needs a name", id="a word for a volume"),
        pytest.param({"spec": {"$patch": "delete"}}, "merge directives", id="a merge directive"),
        pytest.param(main(command=["sh"]), "use spec.engine.image", id="another command"),
        pytest.param(main(args=["--host"]), "use spec.engine.args", id="arguments past the check"),
        pytest.param(main(ports="x"), "ports must be a list", id="a word for ports"),
        pytest.param(
            main(ports=[{"containerPort": 8000, "name": "x"}]), "http is 8000", id="our port renamed"
        ),
        pytest.param(
            main(ports=[{"containerPort": 1, "name": "http"}]), "http is 8000", id="our port's name"
        ),
    ],
)
def test_what_would_take_what_is_ours_is_refused(patch: dict[str, Any], says: str) -> None:
    with pytest.raises(Stalled) as refused:
        podtemplate.check(patch, 8000)
    assert refused.value.reason == "InvalidPodTemplate"
    assert says in refused.value.message
