"""KEDA on the local cluster: built from its Go module, installed from the manifests that lie in it.

Owns what of those manifests is not as it is here: images, their programs, and the webhook that is left out.
"""

from __future__ import annotations

from demo.install import kubectl
from localcluster import images
from localcluster.errors import ClusterError
from localcluster.report import step
from localcluster.tools import go_source

MODULE = "github.com/kedacore/keda/v2"
TOOLCHAIN = "keda"
# Its operator, and the adapter that answers the HPA controller; without admission webhooks.
KUSTOMIZATION = "config/minimal"
PROGRAMS = {
    "ghcr.io/kedacore/keda:main": "keda-operator",
    "ghcr.io/kedacore/keda-metrics-apiserver:main": "keda-adapter",
}
NAMESPACE = "keda"
METRICS_API = "v1beta1.external.metrics.k8s.io"
READY = "--timeout=180s"


def install() -> None:
    """Build it where it is not built yet (six minutes), apply it, and wait until the HPA controller can ask it."""
    refs = {name: images.load_program(program) for name, program in PROGRAMS.items()}
    made = kubectl("kustomize", str(go_source(MODULE, TOOLCHAIN) / KUSTOMIZATION))
    with step("install KEDA"):
        # Server-side: one of its CRDs is larger than an annotation may be.
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=ours(made, refs))
        for deployment in ("keda-operator", "keda-metrics-apiserver"):
            kubectl("rollout", "status", f"deployment/{deployment}", "-n", NAMESPACE, READY)
        kubectl("wait", "apiservice", METRICS_API, "--for=condition=Available", READY)


def ours(manifests: str, refs: dict[str, str]) -> str:
    """Return KEDA's manifests with our images of its programs; raises ClusterError where one is not as expected."""
    edits = {
        **{f"image: {name}\n": f"image: {ref}\n" for name, ref in refs.items()},
        "imagePullPolicy: Always\n": "imagePullPolicy: Never\n",
        "- /keda\n": "- /keda-operator\n",
        "- --enable-cert-rotation=true\n": "- --enable-cert-rotation=true\n        - --enable-webhook-patching=false\n",
    }
    for found, replacement in edits.items():
        if found not in manifests:
            raise ClusterError(f"KEDA's manifests hold no {found.strip()!r}: they are of another version")
        manifests = manifests.replace(found, replacement)
    return manifests
