"""A hub inside the cluster: the local Hub server in a Pod, with the example model and two small ones of its own.

Owns its manifests and its controls. The server is mounted from a ConfigMap, so that it is the tree's.
"""

import contextlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import Json, kubectl, port_forward
from e2e.turns import changing_chart

NAMESPACE = "e2e-hub"
URL = f"http://hub.{NAMESPACE}.svc:8000"
CONTENT_URL = f"http://content.{NAMESPACE}.svc:8001"
# The demo's own model; one of a single large tensor that nobody has to understand; a small one behind a gate.
WHOLE, PARTS, GATED = "demo/SmolLM2-135M-Instruct", "demo/Parts", "demo/Gated"
PARTS_BYTES = 64 << 20
# Whose it is, the licence of `GATED` was accepted.
TOKEN = "hf_accepted"
_SERVER = Path(__file__).parents[1] / "hub"
_CHART = Path(__file__).parents[2] / "charts" / "tidegate"

_SHELF = f"""
import json, os, pathlib, runpy, sys
source, root = pathlib.Path("/model/smollm2-135m-instruct"), pathlib.Path("/shelf")
def repo(name, size=0, **settings):
    folder = root / name
    folder.mkdir(parents=True)
    for file in source.iterdir():
        if not (size and file.name.endswith(".safetensors")):
            (folder / file.name).symlink_to(file)
    if size:
        head = json.dumps({{"weight": {{"dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size]}}}}).encode()
        weights = len(head).to_bytes(8, "little") + head + os.urandom(size)
        (folder / "model.safetensors").write_bytes(weights)
    (folder / ".hub.json").write_text(json.dumps({{"license": "apache-2.0", **settings}}))
repo("{WHOLE}", downloads=7)
repo("{PARTS}", {PARTS_BYTES})
repo("{GATED}", {1 << 20}, gated="manual")
sys.path.insert(0, "/hub")
sys.argv[1:] = ["--root=/shelf", "--content-port=8001", "--content-url={CONTENT_URL}", "--token={TOKEN}={GATED}"]
runpy.run_module("hub", run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub's controls, forwarded from its Pod."""

    url: str

    def slow(self, model: str, bytes_per_second: int) -> None:
        """Send the content of one model's large files so fast and no faster; of all others as ever."""
        fault = {"kind": "slow", "path": f"-content/{model}/", "rate": bytes_per_second}
        self._ask("POST", "/-/faults", [fault])

    def fast(self) -> None:
        """Slow nothing down."""
        self._ask("POST", "/-/faults", [])

    def bytes_sent(self, model: str) -> int:
        """Return how many bytes of a model's files have been sent since the hub began."""
        return sum(
            entry["bytes"] for entry in self._ask("GET", "/-/requests") if f"{model}/" in entry["path"]
        )

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}{path}", data, method=method), timeout=30
        ) as answer:
            said = answer.read()
        return json.loads(said) if said else None


@contextlib.contextmanager
def running(locks: Path) -> Iterator[Hub]:
    """Run the hub while the block does, and let the operator take models from it; both are undone after."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", NAMESPACE)
    try:
        items = {"apiVersion": "v1", "kind": "List", "items": [*_manifests()]}
        kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(items))
        kubectl("wait", "-n", NAMESPACE, "pod/hub", "--for=condition=Ready", "--timeout=120s", timeout=130)
        endpoint(URL, locks)
        with port_forward(NAMESPACE, "pod/hub", 8000) as url:
            yield Hub(url)
    finally:
        endpoint("", locks)
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def endpoint(url: str, locks: Path) -> None:
    """Let the operator take models of `hf://` from this address; empty is the Hub itself."""
    words = [os.environ.get("TIDEGATE_HELM", "helm"), "upgrade", "tidegate", str(_CHART)]
    options = ["--namespace", "tidegate-system", "--reuse-values", "--wait", "--timeout=3m"]
    words += [*options, "--set", f"models.hubEndpoint={url}"]
    with changing_chart(locks):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _manifests() -> Iterator[Json]:
    files = {file.name: file.read_text() for file in sorted(_SERVER.glob("*.py"))}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hub"}, "data": files}
    for name, port in (("hub", 8000), ("content", 8001)):
        spec = {"selector": {"app": "hub"}, "ports": [{"port": port}]}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    container = {
        "name": "hub",
        "image": "tidegate/example-model:0.1.0",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-u", "-c", _SHELF],
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        # The first answer waits until all files are hashed.
        "readinessProbe": {"httpGet": {"path": "/api/models", "port": 8000}, "timeoutSeconds": 20},
        "volumeMounts": [
            {"name": "server", "mountPath": "/hub/hub"},
            {"name": "shelf", "mountPath": "/shelf"},
        ],
    }
    volumes = [{"name": "server", "configMap": {"name": "hub"}}, {"name": "shelf", "emptyDir": {}}]
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hub", "labels": {"app": "hub"}},
        "spec": {"containers": [container], "volumes": volumes, "securityContext": {"fsGroup": 65532}},
    }
