"""`tidegate deploy`: words in, an LLMService out; what makes no sense is refused; what is said meanwhile."""

import re
from typing import Any

import pytest

from tidegate_api.settings import Settings
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_cli.deploy.asked import Asked, manifest, name_of
from tidegate_cli.deploy.checking import problems
from tidegate_cli.deploy.following import follow
from tidegate_cli.deploy.words import has_failed, how_to_call, is_ready, progress, why_not
from tidegate_cli.shell.kube import Kube
from tidegate_models.errors import ClusterDown, Invalid
from unit.cli.scenes import condition, service

URI = "hf://Org/Name"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("hf://HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2-135m-instruct"),
        ("pvc://models/llama/3.1_8B/", "llm-3-1-8b"),
        ("oci://registry.example.com:5000/models/tiny:1.0", "tiny"),
        ("oci://registry.example.com/tiny@sha256:abc", "tiny"),
        ("oci://registry.example.com/all:1#small/model", "model"),
        ("s3://bucket/a/b", "b"),
        (f"hf://Org/{'n' * 80}", "n" * 50),
    ],
)
def test_a_name_is_made_of_the_uri(uri: str, name: str) -> None:
    assert name_of(uri) == name


def test_what_was_not_given_is_not_set() -> None:
    assert manifest(Asked(URI))["spec"] == {"model": {"uri": URI}}


def test_options_become_fields_that_the_schema_has() -> None:
    asked = Asked(
        URI,
        name="chat",
        model_name="small",
        revision="v1",
        token_secret="hub/key",
        profile="nvidia-l4:2",
        min_replicas=0,
        max_replicas=4,
        max_model_len=2048,
        quantization="fp8",
        preset="Interactive",
    )
    made = manifest(asked)
    spec = LLMServiceSpec.model_validate(made["spec"])
    assert made["metadata"] == {"name": "chat"}
    assert (spec.model.name, spec.model.revision, spec.resource_profile) == ("small", "v1", "nvidia-l4:2")
    assert made["spec"]["model"]["tokenSecretRef"] == {"name": "hub", "key": "key"}
    assert made["spec"]["scaling"] == {"minReplicas": 0, "maxReplicas": 4}
    assert made["spec"]["engine"] == {"maxModelLen": 2048, "quantization": "fp8", "preset": "Interactive"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(URI, replicas=2, max_replicas=4), "give one of them"),
        (Asked(URI, min_replicas=1), "without --max-replicas"),
    ],
)
def test_options_that_contradict_each_other_are_refused(asked: Asked, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        manifest(asked)


def wanted(**spec: Any) -> dict[str, Any]:
    made = manifest(Asked(URI, name="chat"))
    return {**made, "spec": {**made["spec"], **spec}}


@pytest.mark.parametrize(
    ("documents", "settings", "says"),
    [
        pytest.param([wanted()], None, None, id="sense"),
        pytest.param([wanted(replicas=-1)], None, "spec.replicas", id="a field that cannot be"),
        pytest.param([wanted(replica=1)], None, "replica", id="a field that is none"),
        pytest.param(
            [wanted(engine={"args": ["--max-modle-len=1"]})],
            None,
            "UnknownFlag",
            id="a flag that vLLM has not",
        ),
        pytest.param([wanted(resourceProfile="tpu:1")], None, None, id="profiles nobody knows here"),
        pytest.param(
            [wanted(resourceProfile="tpu:1")], Settings(), "UnknownResourceProfile", id="a profile it has not"
        ),
        pytest.param(
            [{"apiVersion": "v1", "kind": "Pod", "metadata": {}}, wanted()],
            None,
            "Pod of v1 is none of .*kubectl",
            id="something else",
        ),
        pytest.param([], None, "there is no LLMService", id="nothing"),
        pytest.param(
            [{**wanted(), "metadata": {"name": "chat", "namespace": "b"}}],
            None,
            "say -n b",
            id="another namespace",
        ),
        pytest.param(
            [{**wanted(), "metadata": {"name": "Chat"}}], None, "metadata.name", id="a name that is none"
        ),
    ],
)
def test_nonsense_is_refused_before_the_cluster_sees_it(
    documents: list[dict[str, Any]], settings: Settings | None, says: str | None
) -> None:
    found = "; ".join(problems(documents, settings, "team-a"))
    assert found == "" if says is None else re.search(says, found), found


FAILED = service(phase="Failed", conditions=[condition("Ready", "False", "UnknownFlag", "--foo is none")])
LATE = service(phase="Failed", conditions=[condition("Ready", "False", "HubUnreachable", "no route")])
LOADING = service(phase="Loading", conditions=[condition("Ready", "False", "ModelLoading", "0 of 1")])
COMING = service(phase="Loading", model={"name": "m", "percent": 40, "bytesDone": 1024, "bytesTotal": 2048})


@pytest.mark.parametrize(
    ("found", "ready", "failed", "says"),
    [
        pytest.param(service(), True, False, "Ready: Serving: so it is", id="it answers"),
        pytest.param(service(generation=2), False, False, "Pending: Serving", id="an older spec's answer"),
        pytest.param(LOADING, False, False, "Loading: ModelLoading: 0 of 1", id="it starts"),
        pytest.param(COMING, False, False, "Downloading 40 %, 1.00 KiB of 2.00 KiB", id="a download"),
        pytest.param(FAILED, False, True, "Failed: UnknownFlag: --foo is none", id="it fails"),
        pytest.param(LATE, False, False, "Failed: HubUnreachable: no route", id="what passes is waited for"),
        pytest.param({**service(), "status": {}}, False, False, "has not looked at it yet", id="untouched"),
    ],
)
def test_how_far_it_is(found: dict[str, Any], ready: bool, failed: bool, says: str) -> None:
    if found is COMING:
        found["status"]["conditions"] = LOADING["status"]["conditions"]
    assert (is_ready(found), has_failed(found)) == (ready, failed)
    assert says in progress(found)


def test_why_it_does_not_answer_comes_with_what_to_do() -> None:
    assert why_not(FAILED).startswith("UnknownFlag: --foo is none Correct the flag that the message names")


def test_at_the_end_stands_how_it_is_called() -> None:
    said = "\n".join(how_to_call(service(modelName="small")))
    assert "tidegate keys create my-team -n team-a" in said
    assert 'tidegate chat small "What is the capital of France?" -n team-a' in said
    assert 'base_url="http://gateway.svc/v1", model="small"' in said


class Course:
    """An API server that gives one answer after the other, the last again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.now = 0.0

    def read(self, _: str) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def namespace(self) -> str:
        return "team-a"

    def course(self, seconds: float) -> list[str]:
        kube: Kube = self  # type: ignore[assignment] - what of it is used
        return [one["status"]["phase"] for one in follow(kube, "chat", seconds, lambda: self.now, self.sleep)]


@pytest.mark.parametrize(
    ("answers", "phases"),
    [
        pytest.param([LOADING, service()], ["Loading", "Ready"], id="to where it answers"),
        pytest.param([LOADING, FAILED], ["Loading", "Failed"], id="to where it has failed"),
        pytest.param([LOADING], ["Loading"] * 4, id="to where the time is over"),
        pytest.param([ClusterDown("away"), LOADING, service()], ["Loading", "Ready"], id="past a restart"),
    ],
)
def test_a_service_is_followed(answers: list[Any], phases: list[str]) -> None:
    assert Course(*answers).course(3) == phases


def test_an_api_server_that_stays_away_ends_it() -> None:
    with pytest.raises(ClusterDown):
        Course(ClusterDown("away")).course(900)
