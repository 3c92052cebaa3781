"""A Jaeger beside the demo: gateway and workers send it their spans, so that a request can be seen as one trace.

Owns its manifest and address, and the values that send spans there. Its module has no web pages (they are built by npm
elsewhere): what is stored is asked over its API.
"""

from __future__ import annotations

from demo.clusters import program, run
from demo.install import CHART, NAMESPACE, RELEASE, SERVICE, SYSTEM, kubectl, wait_ready
from localcluster import images
from localcluster.paths import CHECKOUT
from localcluster.report import step

MANIFEST = CHECKOUT / "hack" / "demo" / "jaeger.yaml"
IMAGE = "localhost/tidegate-jaeger"
ENDPOINT = "http://jaeger.monitoring.svc:4318"


def install() -> None:
    """Build it where it is not built yet (see `make help`), apply it, and send it the spans of gateway and workers."""
    image = images.load_program("jaeger")
    with step("kubectl apply -f hack/demo/jaeger.yaml"):
        kubectl("apply", "-f", "-", stdin=manifest(image))
        kubectl("rollout", "status", "deployment/jaeger", "-n", "monitoring", "--timeout=120s")
    with step(f"helm upgrade {RELEASE} with tracing and dashboards"):
        values = (f"--set=tracing.endpoint={ENDPOINT}", "--set=dashboards.enabled=true")
        flags = ("--namespace", SYSTEM, "--reset-then-reuse-values", "--wait", "--timeout=5m")
        run(program("helm"), "upgrade", RELEASE, str(CHART), *flags, *values)
    renew()


def renew() -> None:
    """Let the demo's workers begin to send spans: those that run are left as they are otherwise."""
    with step(f"tidegate services renew {SERVICE}"):
        run(str(CHECKOUT / ".venv/bin/tidegate"), "services", "renew", SERVICE, "-n", NAMESPACE)
    wait_ready()


def manifest(image: str) -> str:
    """Return its objects as YAML, with the image that was built."""
    return MANIFEST.read_text().replace(f"image: {IMAGE}\n", f"image: {image}\n")
