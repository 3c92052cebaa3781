"""Models that cannot be served: the status says which file and what to do, and the cause removed is enough.

Broken directories are made from the example model by a Job, on a real volume, under a real engine.
"""

import pytest

from e2e.cluster import Json, Namespace, eventually, holds

MODEL = "/model/smollm2-135m-instruct"
COPY = f"import shutil; shutil.copytree('{MODEL}', '/volume/m', dirs_exist_ok=True, copy_function=shutil.copyfile)"
TRUNCATE = (
    "import pathlib; f = pathlib.Path('/volume/m/model.safetensors'); f.write_bytes(f.read_bytes()[:-4096])"
)
RENAME = (
    "import json, pathlib; f = pathlib.Path('/volume/m/config.json'); c = json.loads(f.read_text()); "
    "c['architectures'] = ['LlamoForCausalLM']; f.write_text(json.dumps(c))"
)
PICKLE = (
    "import pathlib; f = pathlib.Path('/volume/m/model.safetensors'); f.rename('/volume/m/pytorch_model.bin')"
)


@pytest.mark.parametrize(
    ("break_it", "reason", "word"),
    [
        pytest.param("pass", "ModelNotFound", "/m", id="a directory that is not there"),
        pytest.param(
            f"{COPY}\n{TRUNCATE}", "CorruptWeights", "model.safetensors", id="a truncated safetensors file"
        ),
        pytest.param(
            f"{COPY}\n{RENAME}", "UnsupportedArchitecture", "LlamoForCausalLM", id="an unknown architecture"
        ),
        pytest.param(f"{COPY}\n{PICKLE}", "UnsafeFormat", "safetensors", id="pickled weights"),
    ],
)
def test_a_broken_model_is_named(namespace: Namespace, break_it: str, reason: str, word: str) -> None:
    namespace.apply(claim(), job("break", break_it))
    eventually(lambda: finished(namespace.get("job", "break")), "the model is broken")
    namespace.apply(service())
    found = namespace.wait_for_reason("m", "ModelReady", reason)
    assert word in found["message"]
    assert namespace.condition("m", "Ready")["reason"] == reason


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_model_that_arrives_late_is_served_without_an_edit(namespace: Namespace) -> None:
    namespace.apply(claim(), service())
    namespace.wait_for_reason("m", "ModelReady", "ModelNotFound")
    namespace.apply(job("bring", COPY))
    assert namespace.wait_for_reason("m", "Ready", "Serving", seconds=600)["status"] == "True"


def test_too_little_memory_is_named_with_the_numbers(namespace: Namespace) -> None:
    namespace.apply(claim(), job("bring", COPY))
    eventually(lambda: finished(namespace.get("job", "bring")), "the model is on the volume")
    namespace.apply(
        service(resources={"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}})
    )
    found = namespace.wait_for_reason("m", "WorkloadsReady", "InsufficientMemory")
    assert "0.5 GiB" in found["message"]


def test_a_missing_volume_claim_is_named_and_its_arrival_is_enough(namespace: Namespace) -> None:
    namespace.apply(service())
    namespace.wait_for_reason("m", "ModelReady", "VolumeClaimNotFound")
    namespace.apply(claim())
    assert namespace.wait_for_reason("m", "ModelReady", "ModelNotFound")["status"] == "False"


def test_an_image_that_cannot_be_pulled_is_named(namespace: Namespace) -> None:
    namespace.apply(claim(), service(engine={"image": "tidegate/no-such-worker:0"}))
    assert "no-such-worker" in namespace.wait_for_reason("m", "WorkloadsReady", "ImagePullFailed")["message"]


def test_a_node_too_small_is_told_in_the_words_of_the_scheduler(namespace: Namespace) -> None:
    namespace.apply(claim(), service(resources={"requests": {"cpu": "512"}}))
    assert "Insufficient cpu" in namespace.wait_for_reason("m", "WorkloadsReady", "Unschedulable")["message"]


def test_an_unknown_flag_starts_no_pod(namespace: Namespace) -> None:
    namespace.apply(claim(), service(engine={"args": ["--max-model-length=4096"]}))
    assert "--max-model-len" in namespace.wait_for_reason("m", "ConfigValid", "UnknownFlag")["message"]
    assert namespace.pods_of("m") == []


def claim() -> Json:
    """A small volume."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "m"}, "spec": spec}


def service(**spec: object) -> Json:
    """A service of the model in /m of the volume, which finds place beside those of other stories."""
    wanted = {"model": {"uri": "pvc://m/m"}, "resources": {"requests": {"cpu": "100m"}}, **spec}
    metadata = {"name": "m"}
    return {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": metadata,
        "spec": wanted,
    }


def job(name: str, script: str) -> Json:
    """A Job that runs Python in the example model's image, with the volume at /volume."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": "tidegate/example-model:0.1.0",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", script],
        "securityContext": security,
        "volumeMounts": [{"name": "m", "mountPath": "/volume"}],
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "m", "persistentVolumeClaim": {"claimName": "m"}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


def finished(found: Json) -> bool:
    """Tell whether a Job is complete."""
    return holds(found, "Complete")
