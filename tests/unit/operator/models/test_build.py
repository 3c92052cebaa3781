"""What is made for models: closed Pods, no token in any object, names that fit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.settings import Settings
from tidegate_operator.models.absence import missing, removal
from tidegate_operator.models.build.names import load_job_name, remove_job_name
from tidegate_operator.models.facts import ModelFacts
from tidegate_operator.models.naming import Identity, derived_name
from unit.operator.models.scenes import (
    PATH,
    Object,
    ended_pod,
    facts,
    job,
    llmservice,
    model,
    planned,
    ready,
    words,
)

CLOSED = Settings.model_validate(
    {
        "networkPolicy": {"enabled": True},
        "imagePullSecrets": ["pull"],
        "models": {
            "hubEndpoint": "https://hub.example.com:8443/hf",
            "env": [
                {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
                {"name": "NO_PROXY", "value": ".svc"},
            ],
        },
    }
)
NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?", fullmatch=True)


def made(kind: str, seen: ModelFacts | None = None, settings: Settings = CLOSED) -> Object:
    """Return what is made of a kind."""
    plan = planned(seen or facts(), settings)
    return dict(next(one for one in plan.create if one["kind"] == kind))


def test_the_pod_of_a_loader_may_do_nothing_but_write_to_the_cache() -> None:
    pod = made("Job")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/cache", "/tmp"]
    assert all("sizeLimit" in one["emptyDir"] for one in pod["volumes"] if "emptyDir" in one)
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert {"requests", "limits"} <= set(container["resources"])


def test_a_loader_may_leave_for_the_hub_its_mirror_and_its_proxy_and_is_asked_by_the_operator_only() -> None:
    policy = made("NetworkPolicy")
    template = made("Job")["spec"]["template"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    dns, out = policy["spec"]["egress"]
    assert {one["port"] for one in dns["ports"]} == {53}
    assert [one["port"] for one in out["ports"]] == [80, 443, 3128, 8443]
    [way_in] = policy["spec"]["ingress"]
    [operator] = way_in["from"]
    assert operator["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"
    assert policy["metadata"]["ownerReferences"][0]["kind"] == "LLMModel"


@pytest.mark.parametrize(
    ("uri", "variable"), [("hf://acme/tiny", "HF_TOKEN"), ("ms://acme/tiny", "MODELSCOPE_API_TOKEN")]
)
def test_a_token_is_named_and_never_held(uri: str, variable: str) -> None:
    job_ = made("Job", facts(model(uri=uri, tokenSecretRef={"name": "hub", "key": "k"})))
    env = {one["name"]: one for one in job_["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env[variable]["valueFrom"] == {"secretKeyRef": {"name": "hub", "key": "k"}}
    assert env["HF_ENDPOINT"]["value"] == "https://hub.example.com:8443/hf"
    assert "secret" not in json.dumps(job_["metadata"]).lower()


def test_a_loader_runs_where_the_oldest_service_can() -> None:
    older = llmservice("b", made=-9000, resourceProfile="nvidia-l4:1")
    older["spec"]["podTemplate"] = {"spec": {"nodeSelector": {"zone": "a"}}}
    pod = made("Job", facts(services=[llmservice("a"), older]))["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4", "zone": "a"}
    assert [one["key"] for one in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert "nvidia.com/gpu" not in str(pod["containers"][0]["resources"])


def test_the_claim_is_as_the_settings_say_and_belongs_to_nobody() -> None:
    settings = Settings.model_validate(
        {"models": {"size": "1Ti", "storageClassName": "fast", "accessMode": "ReadWriteMany"}}
    )
    claim = made("PersistentVolumeClaim", facts(no_claim=True), settings)
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Ti"}},
        "storageClassName": "fast",
    }
    assert "ownerReferences" not in claim["metadata"]
    assert "storageClassName" not in made("PersistentVolumeClaim", facts(no_claim=True), Settings())["spec"]


@given(NAMES, st.uuids())
def test_every_name_fits(name: str, uid: object) -> None:
    """A Pod adds a dash and 5 characters; labels end at 63."""
    assert len(load_job_name(name)) <= 57
    assert len(remove_job_name(name, str(uid))) <= 57


def gone(**more: object) -> Object:
    """Return an LLMModel that was deleted."""
    return model(status=ready(**more))  # type: ignore[arg-type]


EVICTED = {"jobs": [job("big", ended="Complete")], "pods": [ended_pod(words("x", evicted=[PATH]), of="big")]}


@pytest.mark.parametrize(
    ("seen", "is_removed"),
    [
        pytest.param(facts(departed=gone()), True, id="one that nobody uses is removed"),
        pytest.param(facts(departed=gone(), services=[llmservice()]), False, id="one that is used is not"),
        pytest.param(
            facts(departed=gone(), services=[llmservice(suspend=True)]), False, id="nor that of who sleeps"
        ),
        pytest.param(
            facts(departed=gone(), others=[model("again")]), False, id="nor one that is wanted again"
        ),
        pytest.param(
            facts(departed=gone(), others=[model("tag", status=ready(), revision="v1")]),
            False,
            id="nor one that another revision means as well",
        ),
        pytest.param(
            facts(
                departed=gone(), others=[model("tag", status=ready(path="hf/acme--tiny/1"), revision="v1")]
            ),
            True,
            id="another commit is another matter",
        ),
        pytest.param(facts(departed=model()), False, id="one that never came has no files"),
        pytest.param(facts(departed=gone(), no_claim=True), False, id="without a cache there are none"),
        pytest.param(facts(departed=gone(), **EVICTED), False, id="what was evicted is gone"),  # type: ignore[arg-type]
    ],
)
def test_when_files_are_removed(seen: ModelFacts, is_removed: bool) -> None:
    found = removal(seen, CLOSED)
    assert (found is not None) is is_removed
    if found is not None:
        args = found["spec"]["template"]["spec"]["containers"][0]["args"]
        assert args == ["remove", "--cache", "/cache", "--path", PATH]
        assert "ownerReferences" not in found["metadata"]


def test_a_model_is_made_where_somebody_wants_one_and_only_there() -> None:
    uri = "hf://acme/tiny"
    named = derived_name(Identity(uri, "v1"))
    wanting = llmservice()
    wanting["spec"]["model"]["revision"] = "v1"

    def seen(name: str, *others: Object, services: tuple[Object, ...] = (wanting,)) -> ModelFacts:
        there = facts(departed=model("x"), others=others, services=services)
        return ModelFacts(
            **{
                **{slot: getattr(there, slot) for slot in there.__slots__},
                "key": there.key._replace(name=name),
            }
        )

    found = missing(seen(named))
    assert found
    assert found["spec"] == {"uri": uri, "revision": "v1"}
    assert found["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "tidegate"}
    assert "ownerReferences" not in found["metadata"]
    assert missing(seen("tiny")) is None
    assert missing(seen(named, model("own", revision="v1"))) is None
    assert missing(seen(named, services=())) is None
