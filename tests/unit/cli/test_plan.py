"""`tidegate plan`: manifests without a cluster, and a clear word and exit code for everything else."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tidegate_cli.__main__ import app

SERVICE = """
apiVersion: serving.tidegate.dev/v1alpha1
kind: LLMService
metadata: {name: chat}
spec: {model: {uri: pvc://weights/m}}
"""
TENANT = """
apiVersion: serving.tidegate.dev/v1alpha1
kind: LLMTenant
metadata: {name: web}
spec: {qosClass: high}
"""
HUB_SERVICE = SERVICE.replace("pvc://weights/m", "hf://Org/Name")
MODEL = """
apiVersion: serving.tidegate.dev/v1alpha1
kind: LLMModel
metadata: {name: prefetched}
spec: {uri: hf://Org/Name, revision: main}
"""
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"


def plan(text: str, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["plan", "-f", "-", *words], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def kinds(output: str) -> list[str]:
    return [document["kind"] for document in yaml.safe_load_all(output)]


def test_what_would_be_applied_is_printed() -> None:
    code, output, errors = plan(SERVICE, "-n", "team-a")
    assert (code, errors) == (0, "")
    assert kinds(output) == ["ServiceAccount", "Service", "Deployment"]
    for document in yaml.safe_load_all(output):
        assert document["metadata"]["namespace"] == "team-a"
        assert (
            "ownerReferences" not in document["metadata"]
        )  # without a cluster, garbage to be collected at once


def test_many_documents_and_lists_are_planned_and_others_left_out() -> None:
    second = yaml.safe_load(SERVICE.replace("chat", "second"))
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [second]})
    code, output, _ = plan("---\n".join([SERVICE, OTHER, TENANT, listed]))
    assert code == 0
    assert kinds(output) == ["ServiceAccount", "Service", "Deployment"] * 2


def test_json_is_one_list() -> None:
    code, output, _ = plan(SERVICE, "-o", "json")
    assert code == 0
    assert [item["kind"] for item in json.loads(output)["items"]] == [
        "ServiceAccount",
        "Service",
        "Deployment",
    ]


def test_pools_are_shown_with_their_sizes_and_priorities() -> None:
    qos = "spec: {qos: {classes: [{name: low, pool: Dedicated, replicas: 2}]}, "
    code, output, _ = plan(SERVICE.replace("spec: {", qos))
    assert code == 0
    made = [one for one in yaml.safe_load_all(output) if one["kind"] == "Deployment"]
    assert [(one["metadata"]["name"], one["spec"]["replicas"]) for one in made] == [
        ("chat-low", 2),
        ("chat-shared", 1),
    ]
    assert made[0]["spec"]["template"]["spec"]["priorityClassName"] == "tidegate-low"


def test_a_model_of_a_hub_is_shown_with_what_its_workers_wait_for() -> None:
    code, output, said = plan(HUB_SERVICE, "-n", "team-a")
    assert code == 0
    assert kinds(output) == ["LLMModel", "ServiceAccount", "Service", "Deployment"]
    made = next(yaml.safe_load_all(output))
    assert made["metadata"]["namespace"] == "team-a"
    assert made["spec"] == {"uri": "hf://Org/Name"}
    assert said == (
        f"LLMService team-a/chat: its workers wait for LLMModel {made['metadata']['name']}, which brings hf://Org/Name "
        "into the cache; they are then told the commit that 'main' is.\n"
    )


def test_a_model_that_stands_beside_its_service_is_not_made_again() -> None:
    code, output, said = plan(f"{HUB_SERVICE}---{MODEL}")
    assert (code, kinds(output)) == (0, ["ServiceAccount", "Service", "Deployment"])
    assert "wait for LLMModel prefetched, which brings" in said
    # Of another revision it is another model.
    assert kinds(plan(f"{HUB_SERVICE}---{MODEL.replace('main', 'v2')}")[1])[0] == "LLMModel"


def test_without_a_cache_a_model_of_a_hub_is_refused(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("models: {strategy: None}\n")
    code, output, said = plan(HUB_SERVICE, "--settings", str(settings))
    assert (code, output) == (1, "")
    assert "CacheUnavailable" in said


def test_settings_are_worked_in(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("workerImages: {cpu: 'mine:1'}\n")
    code, output, _ = plan(SERVICE, "--settings", str(settings))
    assert code == 0
    assert "image: mine:1\n" in output


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            SERVICE.replace("spec: {", "spec: {replicas: -1, "),
            "LLMService default/chat: spec.replicas: Input should be greater",
            id="a value out of bounds",
        ),
        pytest.param(
            SERVICE.replace("uri:", "token: sk-secret, uri:"),
            "spec.model.token: there is no such field",
            id="an inline token",
        ),
        pytest.param(
            SERVICE.replace("spec: {", "spec: {qos: {classes: [{name: low, replicas: 2}]}, "),
            "spec.qos.classes[0]: qos.classes.replicas is the size of a pool of one's own",
            id="a size for a pool that is shared",
        ),
        pytest.param(SERVICE.replace("pvc:", "ftp:"), "InvalidValue: spec.model.uri", id="an unknown scheme"),
        pytest.param(
            MODEL.replace("hf://Org/Name", "pvc://weights/m") + "---" + SERVICE,
            "LLMModel default/prefetched: spec: 'pvc://weights/m' names no model of a hub",
            id="a model of no hub",
        ),
        pytest.param(
            MODEL.replace("prefetched", "p" * 51) + "---" + SERVICE,
            "at most 50 characters",
            id="a model of a long name",
        ),
        pytest.param(SERVICE.replace("weights/m", "weights/../m"), "'..'", id="a way out of the volume"),
        pytest.param(
            SERVICE.replace("spec: {", "spec: {engine: {args: ['--hots']}, "),
            "UnknownFlag",
            id="an unknown flag",
        ),
        pytest.param(SERVICE.replace("chat", "a" * 51), "at most 50 characters", id="a long name"),
        pytest.param(SERVICE.replace("chat", "Chat"), "lower-case", id="a name in capitals"),
        pytest.param(SERVICE.replace("name: chat", ""), "metadata.name", id="no name"),
        pytest.param(
            SERVICE.replace("spec:", "spice:"), "spec: Field required; spice: there is no", id="no spec"
        ),
        pytest.param(
            SERVICE.replace("{model: {uri: pvc://weights/m}}", "7"), "spec: Input should", id="a number"
        ),
        pytest.param(
            SERVICE + "---" + SERVICE.replace("chat", "b").replace("uri:", "name: chat, uri:"),
            "ModelNameTaken",
            id="one model name twice",
        ),
        pytest.param(
            TENANT.replace("high", "huge") + "---" + SERVICE,
            "LLMTenant default/web: spec.qosClass",
            id="a tenant of no class",
        ),
        pytest.param(OTHER, "no LLMService of serving.tidegate.dev/v1alpha1 in -", id="no LLMService"),
        pytest.param("", "no LLMService", id="nothing"),
    ],
)
def test_what_would_be_refused_ends_with_one(text: str, says: str) -> None:
    code, _, errors = plan(text)
    assert code == 1
    assert says in errors
    assert "sk-secret" not in errors


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("a: [", "while parsing", id="broken YAML"),
        pytest.param("- 1", "where a Kubernetes object is expected", id="a list"),
        pytest.param(
            "!!python/object/apply:os.system ['true']", "could not determine", id="YAML that runs code"
        ),
    ],
)
def test_what_cannot_be_read_ends_with_two(text: str, says: str) -> None:
    code, output, errors = plan(text)
    assert (code, output) == (2, "")
    assert says in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param("drainSeconds: 0", "settings.drainSeconds", id="a value out of bounds"),
        pytest.param("surprise: 1", "settings.surprise: there is no such field", id="an unknown field"),
        pytest.param("a: 1\n---\nb: 2", "2 documents", id="two documents"),
        pytest.param("- 1", "settings", id="a list"),
    ],
)
def test_settings_that_cannot_be_read_end_with_two(tmp_path: Path, settings: str, says: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(settings)
    code, _, errors = plan(SERVICE, "--settings", str(path))
    assert code == 2
    assert says in errors


def test_a_file_that_is_not_there_ends_with_two() -> None:
    result = CliRunner().invoke(app, ["plan", "-f", "/nowhere.yaml"])
    assert result.exit_code == 2
    assert "/nowhere.yaml: No such file or directory" in result.stderr
