"""A Prometheus beside the demo, where the demo's cluster is ours: what replicas are decided from is measured by it.

Owns its manifest and address. Nothing waits for it: the operator says so itself while it does not answer.
"""

from __future__ import annotations

from demo.clusters import Cluster
from demo.install import kubectl
from localcluster import images
from localcluster.paths import CHECKOUT
from localcluster.report import step

MANIFEST = CHECKOUT / "hack" / "demo" / "prometheus.yaml"
URL = "http://prometheus.monitoring.svc:9090"
# As the manifest names it; the tag is the build's.
IMAGE = "localhost/tidegate-prometheus"


def install(cluster: Cluster) -> None:
    """Apply it where it comes with the cluster, built first where it is not yet; a second time nothing changes."""
    if cluster.has_prometheus:
        image = images.load_program("prometheus")
        with step("kubectl apply -f hack/demo/prometheus.yaml"):
            kubectl("apply", "-f", "-", stdin=manifest(image))


def manifest(image: str) -> str:
    """Return its objects as YAML, with the image that was built."""
    return MANIFEST.read_text().replace(f"image: {IMAGE}\n", f"image: {image}\n")


def values(cluster: Cluster) -> dict[str, str]:
    """Return the chart's values that tell the operator where it is, or will be."""
    return {"prometheus.url": URL} if cluster.has_prometheus else {}
