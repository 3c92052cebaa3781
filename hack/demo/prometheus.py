"""A Prometheus beside the demo, where the demo's cluster is ours: what replicas are decided from is measured by it.

Owns its manifest, address and rules. Nothing waits for it: the operator says so itself while it does not answer.
"""

from __future__ import annotations

import hashlib
from typing import Any

import yaml

from demo.clusters import Cluster
from demo.install import kubectl
from localcluster import images
from localcluster.paths import CHECKOUT
from localcluster.report import step

RULES = CHECKOUT / "charts" / "tidegate" / "rules" / "alerts.yaml"
MANIFEST = CHECKOUT / "hack" / "demo" / "prometheus.yaml"
URL = "http://prometheus.monitoring.svc:9090"
# As the manifest names it; the tag is the build's.
IMAGE = "localhost/tidegate-prometheus"
HASH = "the hash of it"


def install(cluster: Cluster) -> None:
    """Apply it where it comes with the cluster, built first where it is not yet; a second time nothing changes."""
    if cluster.has_prometheus:
        image = images.load_program("prometheus")
        with step("kubectl apply -f hack/demo/prometheus.yaml"):
            kubectl("apply", "-f", "-", stdin=manifest(image))


def manifest(image: str) -> str:
    """Return its objects as YAML, with the image that was built and the chart's alerts.

    It reads what it is told once: the hash of that lets it start anew where something has changed.
    """
    text = MANIFEST.read_text().replace(f"image: {IMAGE}\n", f"image: {image}\n")
    digest = hashlib.sha256(text.encode() + RULES.read_bytes()).hexdigest()[:12]
    return f"{text.replace(HASH, digest)}---\n{yaml.safe_dump(_rules())}"


def _rules() -> dict[str, Any]:
    """Return the alerts as its Pod mounts them."""
    metadata = {"name": "prometheus-rules", "namespace": "monitoring"}
    data = {RULES.name: RULES.read_text()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def values(cluster: Cluster) -> dict[str, str]:
    """Return the chart's values that tell the operator where it is, or will be."""
    return {"prometheus.url": URL} if cluster.has_prometheus else {}
