"""Where models come from, as users say it: what a real API server takes, and what it refuses with the fix."""

from __future__ import annotations

import pytest

from integration.api import Api, Object
from integration.contract.rig import Kubectl, Refused, llm_model, service

HUB = "hf://acme/tiny"
BUCKET = "s3://models/tiny"
SECRET = {"name": "hub"}


def source(uri: str, **fields: object) -> Object:
    return service(model={"uri": uri, **fields})


ACCEPTED = [
    ("a model of the Hub", source(HUB)),
    ("a name as the Hub has them", source("hf://Qwen/Qwen2.5-0.5B_Instruct")),
    ("a model of ModelScope", source("ms://Qwen/Qwen3-0.6B", revision="master")),
    ("a branch with a slash", source(HUB, revision="refs/pr/1")),
    ("a commit", source(HUB, revision="0123456789abcdef0123456789abcdef01234567")),
    ("a gated model", source(HUB, tokenSecretRef={"name": "hub", "key": "HF_TOKEN"})),
    ("optional fields that are null", source(HUB, revision=None, tokenSecretRef=None)),
    ("a revision that is null, where none belongs", source("pvc://a", revision=None)),
    ("an image", source("oci://registry.example.com:5000/models/tiny:1.0")),
    ("an image by digest, and a directory in it", source(f"oci://models/tiny@sha256:{'0' * 64}#models/tiny")),
    ("a bucket", source(BUCKET, credentialsSecretRef=SECRET)),
    ("a bucket of Google", source("gs://team_models/llm/tiny")),
    ("a container of Azure", source("az://models/llm/tiny")),
    ("an LLMModel", llm_model()),
    ("an LLMModel with all it can say", llm_model(revision="v1", tokenSecretRef=SECRET, suspend=True)),
]
NOT_FOR_OTHERS = "is for hf:// and ms:// only"
NO_HUB_NAME = "model.uri must be hf://ORG/NAME or ms://ORG/NAME"
NO_BUCKET = "model.uri must be s3://BUCKET/PREFIX"
NO_IMAGE = "model.uri must be oci://IMAGE"
REFUSED = [
    ("a name without its owner", source("hf://tiny"), [NO_HUB_NAME]),
    ("a path in a model", source("hf://acme/tiny/config.json"), [NO_HUB_NAME]),
    ("a revision in the uri", source("hf://acme/tiny@main"), [NO_HUB_NAME, "model.revision"]),
    ("a token in the uri", source("hf://user:hf_abc@acme/tiny"), [NO_HUB_NAME, "tokenSecretRef"]),
    ("two dashes, which mean a slash in the cache", source("ms://acme/a--b"), [NO_HUB_NAME]),
    ("a way up on a hub", source("hf://acme/.."), ["model.uri must not contain '..'"]),
    ("a model of more than 96 characters", source(f"hf://acme/{'x' * 97}"), [NO_HUB_NAME]),
    ("a bucket without a prefix", source("s3://models"), [NO_BUCKET]),
    ("a bucket with a query", source("s3://models/tiny?key=x"), [NO_BUCKET, "credentialsSecretRef"]),
    ("a bucket in capitals", source("gs://Models/tiny"), [NO_BUCKET]),
    ("an image without a name", source("oci://"), [NO_IMAGE]),
    ("an image with a short digest", source("oci://models/tiny@sha256:00"), [NO_IMAGE]),
    ("a revision of a volume", source("pvc://models", revision="v1"), ["model.revision " + NOT_FOR_OTHERS]),
    (
        "a token for an image",
        source("oci://a/b", tokenSecretRef=SECRET),
        ["model.tokenSecretRef " + NOT_FOR_OTHERS],
    ),
    ("a token for a bucket", source(BUCKET, tokenSecretRef=SECRET), ["use model.credentialsSecretRef"]),
    (
        "credentials of a bucket for a hub",
        source(HUB, credentialsSecretRef=SECRET),
        ["model.credentialsSecretRef is for s3://, gs:// and az:// only", "model.tokenSecretRef"],
    ),
    ("a revision with a blank", source(HUB, revision="my branch"), ["revision must be the name of a branch"]),
    ("a revision that goes up", source(HUB, revision="a/../b"), ["model.revision must not contain '..'"]),
    ("a revision without an end", source(HUB, revision="x" * 129), ["spec.model.revision", "Too long"]),
    ("no revision", source(HUB, revision=""), ["spec.model.revision", "at least 1 chars"]),
    (
        "a token in place of a Secret's name",
        source(HUB, tokenSecretRef={"name": "hf_AbC"}),
        ["tokenSecretRef.name must be the name of a Secret, never the token"],
    ),
    (
        "a key that no Secret has",
        source(HUB, tokenSecretRef={"name": "hub", "key": "a/b"}),
        ["tokenSecretRef.key must be letters"],
    ),
    (
        "credentials in place of a Secret's name",
        source(BUCKET, credentialsSecretRef={"name": "AKIA"}),
        ["credentialsSecretRef.name must be the name of a Secret"],
    ),
    ("a Secret without a name", source(HUB, tokenSecretRef={}), ["tokenSecretRef.name: Required value"]),
    (
        "an LLMModel of a volume",
        llm_model(uri="pvc://models/tiny"),
        ["uri must be hf://ORG/NAME or ms://ORG/NAME", "only models of hubs"],
    ),
    ("an LLMModel of two dashes", llm_model(uri="hf://acme/a--b"), ["uri must not contain '..' or '--'"]),
    ("an LLMModel of a long uri", llm_model(uri="hf://acme/" + "x" * 257), ["spec.uri", "Too long"]),
    ("an LLMModel without a uri", llm_model(uri=None), ["spec.uri: Required value"]),
    (
        "an LLMModel with a wrong revision",
        llm_model(revision="-v1"),
        ["revision must be the name of a branch"],
    ),
    (
        "an LLMModel with a revision up",
        llm_model(revision="a/../b"),
        ["revision must not contain '..' or '//'"],
    ),
    ("an LLMModel with a token", llm_model(token="hf_abc"), ["spec.token", "unknown field"]),
    ("an LLMModel of 51 characters", llm_model("x" * 51), ["metadata.name must be at most 50 characters"]),
    ("an LLMModel with a dot", llm_model("tiny.v2"), ["metadata.name must be lower-case letters, digits"]),
]


@pytest.mark.parametrize("manifest", [pytest.param(case[1], id=case[0]) for case in ACCEPTED])
def test_it_is_accepted(kubectl: Kubectl, manifest: Object) -> None:
    assert kubectl.submit(manifest)["kind"] == manifest["kind"]


@pytest.mark.parametrize(("manifest", "words"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_it_is_refused_with_the_field_and_the_fix(
    kubectl: Kubectl, manifest: Object, words: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        kubectl.submit(manifest)
    said = str(refused.value)
    assert [word for word in words if word not in said] == [], said


def test_what_is_not_said_has_a_default(kubectl: Kubectl) -> None:
    stored = kubectl.submit(llm_model(tokenSecretRef=SECRET))["spec"]
    secret = {"name": "hub", "key": "token"}
    assert stored == {"uri": HUB, "type": "Model", "tokenSecretRef": secret, "suspend": False}


@pytest.mark.parametrize(
    ("given", "changed", "says"),
    [
        pytest.param({}, {"uri": "hf://acme/other"}, "uri cannot be changed", id="another uri"),
        pytest.param({}, {"type": "Adapter"}, "type cannot be changed", id="an adapter of a model"),
        pytest.param({}, {"revision": "v1"}, "revision cannot be changed", id="a revision where none was"),
        pytest.param(
            {"revision": "v1"}, {"revision": None}, "revision cannot be changed", id="a revision less"
        ),
        pytest.param(
            {"revision": "v1"}, {"revision": "v2"}, "revision cannot be changed", id="another revision"
        ),
    ],
)
def test_a_model_stays_the_one_that_it_is(
    api: Api, namespace: str, given: Object, changed: Object, says: str
) -> None:
    made = llm_model(**given)
    api.create({**made, "metadata": {"name": "tiny", "namespace": namespace}}, namespace)
    with pytest.raises(Exception, match=says):
        api.patch("LLMModel", namespace, "tiny", {"spec": changed})
    api.patch("LLMModel", namespace, "tiny", {"spec": {"suspend": True, "tokenSecretRef": SECRET}})


def test_the_columns_tell_how_far_it_is(api: Api, namespace: str) -> None:
    api.create({**llm_model(), "metadata": {"name": "tiny", "namespace": namespace}}, namespace)
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "ModelDownloading",
        "message": "it comes",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"phase": "Downloading", "progress": "37%", "size": "257 MiB", "usedBy": ["chat"]}
    shape = {"layers": 30, "headDim": 64}
    api.patch_status("LLMModel", namespace, "tiny", {**status, "shape": shape, "conditions": [ready]})
    head, line = api.kubectl("get", "llmm", "-n", namespace).strip().splitlines()
    assert head.split() == ["NAME", "URI", "PHASE", "PROGRESS", "SIZE", "REASON", "AGE"]
    assert line.split()[:-1] == ["tiny", HUB, "Downloading", "37%", "257", "MiB", "ModelDownloading"]
    stored = api.get("LLMModel", namespace, "tiny")
    assert stored
    assert stored["status"]["shape"] == shape
