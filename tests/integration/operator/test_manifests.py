"""What is built, handed to a real API server: taken, allowed under Pod Security "restricted", and then at rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from integration.api import Api, Object
from objects import SETTINGS, observed, service
from tidegate_api.settings import Settings
from tidegate_operator.build import build
from tidegate_operator.diff import needs_write
from tidegate_operator.plan import make_plan
from tidegate_operator.resolve import resolve

EVERYTHING = Settings.model_validate(
    {
        "networkPolicy": {"enabled": True, "prometheusNamespace": "monitoring"},
        "imagePullSecrets": ["pull"],
        "resourceProfiles": {
            "cpu": {"accelerator": "cpu", "requests": {"cpu": "0.5", "memory": "1024Mi"}},
            "gpu": {
                "accelerator": "nvidia",
                "limits": {"nvidia.com/gpu": "1", "memory": "1.5Gi"},
                "nodeSelector": {"gpu": "x"},
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
            },
        },
    }
)
TEMPLATE = {
    "metadata": {"labels": {"team": "a"}, "annotations": {"note": "x"}},
    "spec": {
        "priorityClassName": None,
        "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "spot"}],
        "volumes": [{"name": "shm", "emptyDir": {"sizeLimit": "2048Mi"}}, {"name": "more", "emptyDir": {}}],
        "containers": [
            {
                "name": "main",
                "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "resources": {"limits": {"cpu": "2000m"}},
                "volumeMounts": [{"name": "more", "mountPath": "/more"}],
            }
        ],
    },
}


def apply(api: Api, manifest: Object, home: Path) -> Object:
    """Apply as the operator does: server-side, forced, unknown fields refused."""
    file = home / "manifest.json"
    file.write_text(json.dumps(manifest))
    words = ("--server-side", "--force-conflicts", "--validate=strict", "--field-manager=tidegate-operator")
    found: Object = json.loads(api.kubectl("apply", *words, "-o", "json", "-f", str(file)))
    return found


def built(api: Api, namespace: str, settings: Settings, **spec: Any) -> list[Object]:
    """Return the manifests of an LLMService that is there: without an owner they would be collected at once."""
    wanted = service(namespace=namespace, **spec)
    metadata = {"name": "chat", "namespace": namespace}
    facts = observed(api.create({**wanted, "metadata": metadata}, namespace))
    return build(make_plan(resolve(facts, settings), facts, settings))


@pytest.mark.parametrize(
    ("settings", "spec"),
    [
        pytest.param(SETTINGS, {}, id="the least that can be said"),
        pytest.param(EVERYTHING, {"replicas": 2, "resourceProfile": "gpu:2"}, id="GPUs, a closed network"),
        pytest.param(
            EVERYTHING,
            {"resources": {"requests": {"cpu": "0.25", "memory": "1500M"}}, "podTemplate": TEMPLATE},
            id="resources and a Pod template of the user's",
        ),
        pytest.param(SETTINGS, {"suspend": True}, id="suspended"),
        pytest.param(SETTINGS, {"model": {"uri": "file:///srv/models/x"}}, id="a directory of the node"),
    ],
)
def test_what_is_built_is_taken_and_then_at_rest(
    api: Api, namespace: str, tmp_path: Path, settings: Settings, spec: dict[str, Any]
) -> None:
    for manifest in built(api, namespace, settings, **spec):
        once = apply(api, manifest, tmp_path)
        assert not needs_write(manifest, once), manifest["kind"]
        again = apply(api, manifest, tmp_path)
        assert not needs_write(manifest, again), manifest["kind"]
        # Controllers write into the status meanwhile; the generation counts the writes to the spec.
        assert again["metadata"].get("generation") == once["metadata"].get("generation"), manifest["kind"]


def test_a_worker_is_allowed_under_pod_security_restricted(api: Api, namespace: str, tmp_path: Path) -> None:
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.patch("Namespace", "", namespace, {"metadata": {"labels": enforce}})
    manifests = {one["kind"]: one for one in built(api, namespace, SETTINGS)}
    apply(api, manifests["ServiceAccount"], tmp_path)
    template = manifests["Deployment"]["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "worker", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }
    assert api.create(pod, namespace)["metadata"]["name"] == "worker"
