"""Any model of a hub: brought in with progress, shared, kept, paused by a kill, refused at a gate, listed and removed.

The stories build on each other, in their order: a model that is there is not brought in again.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from e2e import modelhub
from e2e.asking import ask, known
from e2e.cluster import Json, Namespace, Refused, eventually, kubectl
from e2e.conftest import restricted_namespace, tenant_key
from e2e.modelhub import GATED, PARTS, PARTS_BYTES, TOKEN, WHOLE, Hub
from e2e.scaled import watching
from tidegate_api.names import API_VERSION, COMPONENT_LABEL, LOADER_COMPONENT, MODEL_KIND, SERVICE_KIND

PROGRESS = "{.status.phase} {.status.bytesDone} {.status.percent}"


@pytest.fixture(scope="module")
def hub(locks: Path) -> Iterator[Hub]:
    """A hub in the cluster, from which the operator takes its models."""
    with modelhub.running(locks) as hub:
        yield hub


@pytest.fixture(scope="module")
def place() -> Iterator[Namespace]:
    """The namespace of all stories, under Pod Security `restricted`."""
    with restricted_namespace("e2e-models") as place:
        yield place


def tidegate(place: Namespace, *words: str) -> tuple[int, str, str]:
    """Run the command line as a user does; return its exit code, output and errors."""
    command = [sys.executable, "-m", "tidegate_cli", *words, "-n", place.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def service(name: str, model: str, **spec: object) -> Json:
    """Return a service of a model of the hub, small enough for a second one."""
    wanted = {
        "model": {"uri": f"hf://{model}"},
        "engine": {
            "maxModelLen": 1024,
            "maxNumSeqs": 4,
            "env": [{"name": "VLLM_CPU_OMP_THREADS_BIND", "value": "nobind"}],
        },
        "resources": {"requests": {"cpu": "100m", "memory": "2Gi"}},
        **spec,
    }
    return {"apiVersion": API_VERSION, "kind": SERVICE_KIND, "metadata": {"name": name}, "spec": wanted}


def only_model(place: Namespace, model: str) -> Json:
    """Return the one LLMModel of a model of the hub, empty while there is none."""
    found = json.loads(kubectl("get", "llmmodels", "-n", place.name, "-o", "json"))["items"]
    same = [one for one in found if one["spec"]["uri"] == f"hf://{model}"]
    assert len(same) < 2, "one download for all who want it"
    return same[0] if same else {}


def status(place: Namespace, model: str) -> Json:
    found: Json = only_model(place, model).get("status") or {}
    return found


def reason(place: Namespace, model: str) -> str:
    conditions = status(place, model).get("conditions", [])
    return next((f"{one['reason']}: {one['message']}" for one in conditions if one["type"] == "Ready"), "")


def wait_for_model(place: Namespace, model: str, phase: str, seconds: float = 120) -> Json:
    """Wait until the model is in that phase, and return its status."""
    return eventually(
        lambda: found if (found := status(place, model)).get("phase") == phase else None,
        f"{model} is {phase}; it is {reason(place, model)}",
        seconds,
    )


def assert_monotonic(lines: list[str]) -> None:
    """Bytes and percent never fall while a model is brought in, and 100 is for what is verified only."""
    seen = [line.split() for line in lines]
    figures = [
        (phase, int(done), int(percent)) for phase, done, percent in (one for one in seen if len(one) == 3)
    ]
    for column in (1, 2):
        course = [one[column] for one in figures]
        assert course == sorted(course), lines
    assert all(phase == "Ready" for phase, _, percent in figures if percent == 100), lines
    assert len({percent for _, _, percent in figures if 0 < percent < 100}) >= 2, (
        f"no progress was seen: {lines}"
    )


@pytest.mark.timeout(600)  # The chart is changed first, and others may have to be waited for.
def test_a_gate_is_named_with_its_page_and_opens_by_itself_with_the_secret(
    hub: Hub, place: Namespace
) -> None:
    code, _, said = tidegate(place, "models", "pull", f"hf://{GATED}")
    assert code == 1
    assert "TokenMissing" in said
    assert f"{modelhub.URL}/{GATED}" in said
    assert tidegate(place, "models", "pull", f"hf://{GATED}", "--token-secret", "hub", "--no-wait")[0] == 0
    eventually(lambda: "SecretNotFound" in reason(place, GATED), "the Secret is missing", 60)
    assert "hub" in reason(place, GATED)
    kubectl("create", "secret", "generic", "hub", "-n", place.name, f"--from-literal=token={TOKEN}")
    began = time.monotonic()
    wait_for_model(place, GATED, "Ready", 60)
    print(f"\na Secret that came: the model was there {time.monotonic() - began:.0f} s later")
    assert TOKEN not in kubectl("get", "llmmodels,jobs,pods,events", "-n", place.name, "-o", "json")


def test_a_loader_that_is_killed_goes_on_where_it_was(hub: Hub, place: Namespace) -> None:
    hub.slow(PARTS, 6 << 20)
    began = time.monotonic()
    name = tidegate(place, "models", "pull", f"hf://{PARTS}", "--no-wait", "-o", "json")[1]
    name = json.loads(name)["name"]
    with watching(place.name, "llmmodel", PROGRESS, f"--field-selector=metadata.name={name}") as seen:
        eventually(lambda: status(place, PARTS).get("percent", 0) >= 30, "a third of it is there", 60, 0.2)
        loaders = f"-l{COMPONENT_LABEL}={LOADER_COMPONENT},serving.tidegate.dev/model={name}"
        kubectl("delete", "pod", "-n", place.name, loaders, "--force", "--grace-period=0", "--wait=false")
        eventually(lambda: status(place, PARTS).get("attempts", 0) >= 2, "another loader begins", 60)
        hub.fast()
        wait_for_model(place, PARTS, "Ready")
    print(f"\na killed loader: all there after {time.monotonic() - began:.0f} s")
    assert_monotonic([line for _, line in seen.lines])
    assert hub.bytes_sent(PARTS) < 1.3 * PARTS_BYTES


def test_a_pause_stops_the_download_and_what_is_there_stays(hub: Hub, place: Namespace) -> None:
    assert tidegate(place, "models", "remove", f"hf://{PARTS}")[0] == 0
    eventually(lambda: not only_model(place, PARTS), "the model is gone")
    before = hub.bytes_sent(PARTS)
    hub.slow(PARTS, 6 << 20)
    tidegate(place, "models", "pull", f"hf://{PARTS}", "--no-wait")
    eventually(lambda: status(place, PARTS).get("percent", 0) >= 20, "a fifth of it is there", 60, 0.2)
    assert tidegate(place, "models", "pause", f"hf://{PARTS}")[0] == 0
    paused = wait_for_model(place, PARTS, "Suspended", 60)
    assert paused["bytesDone"] > 0
    eventually(lambda: not loaders(place), "no loader runs")
    hub.fast()
    assert tidegate(place, "models", "resume", f"hf://{PARTS}")[0] == 0
    wait_for_model(place, PARTS, "Ready")
    sent = hub.bytes_sent(PARTS) - before
    assert PARTS_BYTES <= sent < 1.3 * PARTS_BYTES, (
        "removed files were fetched anew, those of a pause were not"
    )


def loaders(place: Namespace) -> list[str]:
    """Return the loaders that run."""
    words = ("-l", f"{COMPONENT_LABEL}={LOADER_COMPONENT}", "--field-selector=status.phase=Running")
    return kubectl("get", "pods", "-n", place.name, *words, "-o", "name").split()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_of_a_hub_is_brought_in_with_progress_and_answers(
    hub: Hub, place: Namespace, gateway: str
) -> None:
    hub.slow(WHOLE, 24 << 20)
    began = time.monotonic()
    place.apply(service("first", WHOLE))
    with watching(place.name, "llmmodel", PROGRESS) as seen:
        place.wait_for_reason("first", "ModelReady", "ModelDownloading", 60)
        eventually(lambda: place.get("llmservice", "first")["status"]["model"]["percent"] > 0, "progress", 60)
        assert "%" in kubectl("get", "llmm", only_model(place, WHOLE)["metadata"]["name"], "-n", place.name)
        assert "ModelDownloading" in kubectl("get", "llmsvc", "first", "-n", place.name)
        assert place.pods_of("first") == []
        wait_for_model(place, WHOLE, "Ready", 180)
    print(f"\nthe model was there after {time.monotonic() - began:.0f} s")
    lines = [line for _, line in seen.lines]
    # Other models of the namespace are there already, and printed first.
    assert_monotonic([line for line in lines if not line.startswith("Ready")])
    hub.fast()
    place.wait_for_ready("first", 1)
    print(f"\nthe first answer could be asked for after {time.monotonic() - began:.0f} s")
    assert "Paris" in ask(place, gateway, "first")


def test_a_second_service_of_the_same_model_downloads_nothing(hub: Hub, place: Namespace) -> None:
    before = hub.bytes_sent(WHOLE)
    place.apply(service("second", WHOLE, suspend=True))
    eventually(lambda: status(place, WHOLE).get("usedBy") == ["first", "second"], "both use it")
    seen = eventually(
        lambda: place.get("llmservice", "second").get("status", {}).get("model"), "it shows its model", 30
    )
    assert (seen["name"], seen["percent"]) == (only_model(place, WHOLE)["metadata"]["name"], 100)
    assert hub.bytes_sent(WHOLE) == before
    code, output, _ = tidegate(place, "models", "list")
    assert code == 0
    [row] = [line for line in output.splitlines() if WHOLE in line]
    assert row.endswith("first, second")
    assert "Ready" in row


def test_what_is_used_is_not_removed(hub: Hub, place: Namespace) -> None:
    code, _, said = tidegate(place, "models", "remove", f"hf://{WHOLE}")
    assert code == 1
    assert "used by first, second" in said
    # Whoever goes past the command gets it back at once, and no file is touched.
    before, old = hub.bytes_sent(WHOLE), only_model(place, WHOLE)
    kubectl("delete", "llmmodel", old["metadata"]["name"], "-n", place.name)
    wait_for_model(place, WHOLE, "Ready")
    assert only_model(place, WHOLE)["metadata"]["uid"] != old["metadata"]["uid"]
    assert hub.bytes_sent(WHOLE) - before < 1 << 20, "at most its small files were asked for again"
    assert len(place.ready_pods_of("first")) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_unloaded_service_answers_503_with_retry_after_keeps_its_cache_and_starts_warm(
    hub: Hub, place: Namespace, gateway: str
) -> None:
    before = hub.bytes_sent(WHOLE)
    assert tidegate(place, "services", "unload", "first")[0] == 0
    place.wait_for_reason("first", "Ready", "Suspended")
    eventually(lambda: not place.pods_of("first"), "the workers are gone")
    refused, listed = asked_in_vain(place, gateway, "first")
    assert refused.status_code == 503
    assert int(refused.response.headers["retry-after"]) > 0
    assert "first" in listed
    assert status(place, WHOLE)["phase"] == "Ready"
    began = time.monotonic()
    assert tidegate(place, "services", "load", "first")[0] == 0
    place.wait_for_ready("first", 1)
    print(f"\na warm start took {time.monotonic() - began:.0f} s")
    place.wait_for_reason("first", "Ready", "Serving")
    assert hub.bytes_sent(WHOLE) == before
    assert "Paris" in ask(place, gateway, "first")


def asked_in_vain(place: Namespace, gateway: str, model: str) -> tuple[openai.APIStatusError, list[str]]:
    """Ask a model that does not answer; return the refusal, and the models that are listed."""
    with tenant_key(place.name, "e2e") as key:
        caller = known(gateway, key)
        with pytest.raises(openai.APIStatusError) as refused:
            caller.completions.create(model=model, prompt="Hi", max_tokens=1)
        return refused.value, [one.id for one in caller.models.list()]


def test_what_nobody_uses_any_more_is_removed(hub: Hub, place: Namespace) -> None:
    kubectl("delete", "llmservice", "first", "second", "-n", place.name)
    eventually(lambda: "lastUsedAt" in status(place, WHOLE), "nobody uses it", 60)
    code, output, _ = tidegate(place, "models", "list", "-o", "json")
    assert code == 0
    listed = {one["uri"]: one for one in json.loads(output)}
    assert listed[f"hf://{WHOLE}"]["usedBy"] == []
    assert listed[f"hf://{WHOLE}"]["sizeBytes"] > 200_000_000
    assert tidegate(place, "models", "remove", f"hf://{WHOLE}")[0] == 0
    with pytest.raises(Refused, match="not found"):
        place.get(MODEL_KIND, listed[f"hf://{WHOLE}"]["name"])
