"""A model that needs no download: out of an image, or an object store; and refused where it cannot run."""

from pathlib import Path

import pytest

from e2e.asking import ask
from e2e.cluster import Json, Namespace, eventually, kubectl
from tidegate_api.names import API_VERSION, SERVICE_KIND

MODEL_IN_IMAGE = "/model/smollm2-135m-instruct"
URI = f"oci://docker.io/tidegate/example-model:0.1.0#{MODEL_IN_IMAGE.lstrip('/')}"
KEY = "e2e-key"
# 30 layers with 3 key-value heads of 64, in bfloat16.
BYTES_PER_TOKEN = 2 * 30 * 3 * 64 * 2


def service(name: str, *args: str, **source: object) -> Json:
    """Return a service of the model in the image, or of another source, small enough to run beside the demo's."""
    engine = {
        "maxModelLen": 1024,
        "maxNumSeqs": 4,
        "args": list(args),
        "env": [{"name": "VLLM_CPU_OMP_THREADS_BIND", "value": "nobind"}],
    }
    small = {"requests": {"cpu": "100m", "memory": "2Gi"}}
    wanted = {"model": source or {"uri": URI}, "engine": engine, "resources": small}
    return {"apiVersion": API_VERSION, "kind": SERVICE_KIND, "metadata": {"name": name}, "spec": wanted}


def object_store() -> list[Json]:
    """Return an object store with the example model in it, and the Secret with which it is read."""
    script = Path(__file__).parents[1] / "integration" / "worker" / "objectstore.py"
    serve = ["python3", "/store/objectstore.py", "models", KEY, "smollm2", MODEL_IN_IMAGE, "9000"]
    container = {
        "name": "store",
        "image": "docker.io/tidegate/example-model:0.1.0",
        "command": serve,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "script", "mountPath": "/store"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": "store"}}],
    }
    variables = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://store:9000",
        "AWS_EC2_METADATA_DISABLED": "true",
        "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "0",
    }
    named = {"name": "store", "labels": {"app": "store"}}
    ports = {"selector": {"app": "store"}, "ports": [{"port": 9000}]}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": named,
            "data": {script.name: script.read_text()},
        },
        {"apiVersion": "v1", "kind": "Secret", "metadata": named, "stringData": variables},
        {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": ports},
        {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": pod},
    ]


def test_heads_that_cannot_be_divided_are_read_from_the_image_and_refused(
    demo: Namespace, namespace: Namespace
) -> None:
    namespace.apply(service("split", "--tensor-parallel-size=2"))
    said = namespace.wait_for_reason("split", "ModelReady", "InvalidParallelism", 120)
    assert "9 attention heads" in said["message"]
    assert namespace.pods_of("split") == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_in_an_image_is_mounted_and_answers(
    demo: Namespace, namespace: Namespace, gateway: str
) -> None:
    namespace.apply(service("pictured"))
    estimate = eventually(
        lambda: namespace.get("llmservice", "pictured").get("status", {}).get("estimate"), "an estimate", 120
    )
    assert estimate["kvBytesPerToken"] == BYTES_PER_TOKEN
    (pod,) = namespace.wait_for_ready("pictured", 1)
    mounted = kubectl("exec", "-n", namespace.name, pod, "--", "sh", "-c", "grep ' /models ' /proc/mounts")
    assert mounted.split()[3].split(",")[0] == "ro"
    assert "Paris" in ask(namespace, gateway, "pictured")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_in_an_object_store_is_streamed_and_answers(
    demo: Namespace, namespace: Namespace, gateway: str
) -> None:
    source = {"uri": "s3://models/smollm2", "credentialsSecretRef": {"name": "store"}}
    namespace.apply(service("streamed", **source))
    said = namespace.wait_for_reason("streamed", "WorkloadsReady", "SecretNotFound", 120)
    assert "'store'" in said["message"]
    namespace.apply(*object_store())
    namespace.wait_for_ready("streamed", 1)
    assert "object store" in namespace.get("llmservice", "streamed")["status"]["estimate"]["message"]
    assert "Paris" in ask(namespace, gateway, "streamed")
