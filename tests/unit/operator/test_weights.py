"""Where the weights of each kind of source are, and what is said while those of a hub are not there yet."""

from typing import Any

import pytest

from objects import NOW, Object, condition, observed, planned, pod, service, status, waiting
from tidegate_api.names import API_VERSION, MODELS_MOUNT
from tidegate_api.settings import Settings
from tidegate_operator.build import build, look_into_model
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed

URI = "hf://Org/Name.v2"
PATH = "hf/Org--Name.v2/0123456789abcdef0123456789abcdef01234567"
COMMIT = PATH.rpartition("/")[2]
SHAPE = {
    "architecture": "LlamaForCausalLM",
    "layers": 30,
    "attentionHeads": 9,
    "kvHeads": 3,
    "headDim": 64,
    "hiddenSize": 576,
    "vocabSize": 49152,
    "contextLength": 8192,
    "dtype": "bfloat16",
    "weightBytes": 269060552,
    "tied": True,
}


def model(reason: str = "ModelCached", *, ready: bool = True, **status_fields: Any) -> Object:
    """Return the LLMModel of the hub's model."""
    said = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": reason,
        "message": f"{reason}!",
    }
    path = {"path": PATH, "revision": COMMIT} if ready else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "LLMModel",
        "metadata": {
            "name": "hf-org-name",
            "namespace": "team-a",
            "creationTimestamp": "2026-11-21T10:00:00Z",
        },
        "spec": {"uri": URI},
        "status": {"conditions": [said], **path, **status_fields},
    }


def facts(of_hub: Object | None = None, **spec: Any) -> Observed:
    """Return the facts about a service whose model is that of the hub."""
    return observed(service(model={"uri": URI}, **spec), model=of_hub)


def workers(of: Observed, settings: Settings | None = None) -> Object:
    """Return the Pod template that is made."""
    plan = planned(of, settings or Settings())
    (deployment,) = [one for one in build(plan) if one["kind"] == "Deployment"]
    found: Object = deployment["spec"]["template"]["spec"]
    return found


def volume(spec: Object) -> Object:
    """Return the volume of the model in a Pod."""
    (found,) = [one for one in spec["volumes"] if one["name"] == "model"]
    return {key: value for key, value in found.items() if key != "name"}


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        pytest.param(
            {}, {"persistentVolumeClaim": {"claimName": "tidegate-models"}}, id="the namespace's claim"
        ),
        pytest.param(
            {"models": {"strategy": "HostPath", "hostPath": "/srv/cache"}},
            {"hostPath": {"path": "/srv/cache/team-a"}},
            id="the namespace's directory",
        ),
    ],
)
def test_a_cached_model_is_read_where_its_llmmodel_says(settings: Object, source: Object) -> None:
    spec = workers(facts(model()), Settings.model_validate(settings))
    assert volume(spec) == source
    (container,) = spec["containers"]
    assert f"--model-path={MODELS_MOUNT}/{PATH}" in container["args"]
    assert {"name": "model", "mountPath": MODELS_MOUNT, "readOnly": True} in container["volumeMounts"]


def test_an_image_is_mounted_as_a_volume() -> None:
    digest = f"sha256:{'0' * 64}"
    spec = workers(
        observed(service(model={"uri": f"oci://registry.example.com:5000/models/tiny@{digest}#model/x"}))
    )
    assert volume(spec) == {
        "image": {
            "reference": f"registry.example.com:5000/models/tiny@{digest}",
            "pullPolicy": "IfNotPresent",
        }
    }
    assert "--model-path=/models/model/x" in spec["containers"][0]["args"]


def test_a_model_in_an_object_store_is_read_by_the_engine_itself() -> None:
    source = {"uri": "s3://bucket/models/tiny", "credentialsSecretRef": {"name": "store"}}
    closed = Settings.model_validate({"networkPolicy": {"enabled": True}})
    asked = observed(service(model=source))
    spec = workers(asked, closed)
    (container,) = spec["containers"]
    assert not any(one["name"] == "model" for one in [*spec["volumes"], *container["volumeMounts"]])
    assert not any(word.startswith("--model-path") for word in container["args"])
    words = container["args"]
    assert words[words.index("--model") + 1] == "s3://bucket/models/tiny"
    assert words[words.index("--load-format") + 1] == "runai_streamer"
    assert container["envFrom"] == [{"secretRef": {"name": "store"}}]
    (policy,) = [one for one in build(planned(asked, closed)) if one["kind"] == "NetworkPolicy"]
    assert policy["spec"]["egress"] == [{}]
    assert "object store" in status(asked)["estimate"]["message"]


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        pytest.param("store", "SecretNotFound", id="the one that the spec names"),
        pytest.param("other", "ContainerNotCreated", id="one of the Pod template's own"),
    ],
)
def test_credentials_that_are_not_there_are_named(secret: str, reason: str) -> None:
    source = {"uri": "s3://bucket/x", "credentialsSecretRef": {"name": "store"}}
    held = waiting("CreateContainerConfigError", f'secret "{secret}" not found')
    said = condition(status(observed(service(model=source), pods=[pod(main=held)])), "Ready")
    assert said["reason"] == reason
    assert repr(secret) in said["message"] or f'"{secret}"' in said["message"]


def test_whoever_streams_may_choose_how() -> None:
    spec = workers(
        observed(
            service(model={"uri": "gs://bucket/x"}, engine={"args": ["--load-format=runai_streamer_sharded"]})
        )
    )
    words = spec["containers"][0]["args"]
    assert words.index("--load-format=runai_streamer_sharded") > words.index("--load-format")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        pytest.param("hf://Org", "hf://ORG/NAME", id="no name"),
        pytest.param("hf://Org/a--b", "hf://ORG/NAME", id="dashes that hubs do not allow"),
        pytest.param("ms://Org/a/b", "ms://ORG/NAME", id="too many parts"),
        pytest.param("oci://Registry/x", "oci://IMAGE", id="a reference in capitals"),
        pytest.param("s3://bucket", "s3://BUCKET/PREFIX", id="a bucket alone"),
        pytest.param("s3://bucket/x?key=1", "s3://BUCKET/PREFIX", id="a query"),
        pytest.param("oci://a/../b", "'..'", id="a way up"),
    ],
)
def test_a_uri_that_names_nothing_is_refused(uri: str, words: str) -> None:
    with pytest.raises(Stalled) as caught:
        planned(observed(service(model={"uri": uri})))
    assert caught.value.reason == "InvalidValue"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("of_hub", "reason", "phase"),
    [
        pytest.param(None, "ModelPending", "Loading", id="no LLMModel yet"),
        pytest.param(
            {**model(), "status": {}}, "ModelPending", "Loading", id="one that nobody has looked at"
        ),
        pytest.param(model("ModelDownloading", ready=False), "ModelDownloading", "Loading", id="on its way"),
        pytest.param(
            model("AccessDenied", ready=False), "AccessDenied", "Failed", id="what only a person can mend"
        ),
        pytest.param(model("HubRateLimited", ready=False), "HubRateLimited", "Pending", id="what passes"),
    ],
)
def test_workers_wait_for_their_model_and_say_why(of_hub: Object | None, reason: str, phase: str) -> None:
    plan = planned(facts(of_hub))
    assert plan.withheld is not None
    assert plan.withheld.reason == reason
    # Its LLMModel will tell.
    assert plan.withheld.after is None
    assert look_into_model(plan) == []
    said = status(facts(of_hub))
    by_type = {one["type"]: one for one in said["conditions"]}
    assert (by_type["ConfigValid"]["status"], by_type["ModelReady"]["status"]) == ("True", "False")
    assert by_type["ModelReady"]["reason"] == by_type["Ready"]["reason"] == reason
    assert said["phase"] == phase
    if of_hub is not None and of_hub["status"]:
        assert by_type["ModelReady"]["message"] == f"{reason}!"


def test_the_download_is_told_while_it_runs_and_its_end_afterwards() -> None:
    numbers = {"bytesDone": 5, "bytesTotal": 10, "percent": 50, "bytesPerSecond": 2, "remainingSeconds": 3}
    running = model("ModelDownloading", ready=False, revision=COMMIT, shape=SHAPE, **numbers)
    said = status(facts(running))
    assert said["model"] == {"name": "hf-org-name", "revision": COMMIT, **numbers}
    assert said["estimate"]["kvBytesPerToken"] == 23040
    done = status(facts(model(**{**numbers, "bytesDone": 10, "percent": 100})))
    assert done["model"] == {
        "name": "hf-org-name",
        "revision": COMMIT,
        "bytesDone": 10,
        "bytesTotal": 10,
        "percent": 100,
    }


def test_without_a_cache_there_is_no_model_of_a_hub() -> None:
    plan = planned(facts(), Settings.model_validate({"models": {"strategy": "None"}}))
    assert plan.withheld is not None
    assert plan.withheld.reason == "CacheUnavailable"


def test_suspended_it_waits_for_nothing_and_comes_back_to_the_same_template() -> None:
    asleep = facts(model(), suspend=True)
    assert planned(asleep).withheld is None
    assert status(asleep)["phase"] == "Suspended"
    # Nothing in the template changes, so the files are read from where they were.
    assert workers(asleep) == workers(facts(model()))
    # Also where the download has not even begun.
    assert planned(facts(suspend=True)).withheld is None


def test_a_model_that_needs_no_download_has_no_state_of_one() -> None:
    assert "model" not in status(observed(now=NOW))
