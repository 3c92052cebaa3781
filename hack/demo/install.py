"""Installs the chart and the quickstart, and waits until the model answers; says what is wrong meanwhile.

Owns the names of the demo's release and namespace. Must not know which kind of cluster it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.clusters import program, released, run
from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT
from localcluster.report import say, step

RELEASE = "tidegate"
SYSTEM = "tidegate-system"
NAMESPACE = "tidegate-demo"
SERVICE = "chat"
QUICKSTART = CHECKOUT / "examples" / "01-quickstart"
CHART = CHECKOUT / "charts" / "tidegate"
READY_SECONDS = 600
# For small models; the volumes of the local cluster have 8 GiB.
MODEL_CACHE_SIZE = "4Gi"


def kubectl(*words: str, stdin: str | None = None) -> str:
    """Run kubectl on the demo's cluster."""
    return run(program("kubectl"), *words, stdin=stdin)


def install_chart(images: Mapping[str, str], more: Mapping[str, str]) -> None:
    """`helm upgrade --install` with the images and values given, and wait until operator and gateway are up."""
    values = {
        "images.operator": images["operator"],
        "images.gateway": images["gateway"],
        "images.console": images["console"],
        "images.loader": images["loader"],
        "models.size": MODEL_CACHE_SIZE,
        "images.worker.cpu": images["worker-cpu"],
        **more,
    }
    flags = [f"--set={name}={value}" for name, value in values.items()]
    forget_interrupted_install()
    with step(f"helm install {RELEASE} in {SYSTEM}"):
        run(
            *(program("helm"), "upgrade", "--install", RELEASE, str(CHART)),
            *("--namespace", SYSTEM, "--create-namespace", "--wait", "--timeout=5m"),
            *flags,
        )


def forget_interrupted_install() -> None:
    """Remove the mark that an interrupted helm left on the release: every later run would stop at it."""
    marks = kubectl("get", "secrets", "-n", SYSTEM, "-l", f"owner=helm,name={RELEASE}", "-o", "json")
    for mark in json.loads(marks)["items"]:
        if mark["metadata"]["labels"]["status"].startswith("pending-"):
            with step(f"forget the interrupted helm run {mark['metadata']['name']}"):
                kubectl("delete", "secret", "-n", SYSTEM, mark["metadata"]["name"])


def apply_quickstart(images: Mapping[str, str]) -> None:
    """Make the demo's namespace, under Pod Security `restricted`, and apply the example.

    It stands as it is, except where the images come from a registry of the user's.
    """
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    with step(f"kubectl apply -n {NAMESPACE} -f examples/01-quickstart/"):
        kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
        for file in sorted(QUICKSTART.glob("*.yaml")):
            text = file.read_text().replace(released("example-model"), images["example-model"])
            kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=text)


def wait_ready() -> None:
    """Wait until the service is Ready, repeating each new reason that its status gives."""
    told = ""
    with step(f"llmservice/{SERVICE} is Ready"):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            ready = condition("Ready")
            if ready.get("status") == "True":
                return
            if (news := f"{ready.get('reason', 'Pending')}: {ready.get('message', 'not seen yet')}") != told:
                say(f"  {news}")
                told = news
            time.sleep(1)
        raise ClusterError(
            f"llmservice/{SERVICE} was not Ready within {READY_SECONDS} s; it says {told}",
            f"kubectl -n {NAMESPACE} describe llmservice {SERVICE}",
        )


def condition(kind: str) -> dict[str, Any]:
    """Return one condition of the demo's service, empty while there is none."""
    found = json.loads(kubectl("get", "llmservice", SERVICE, "-n", NAMESPACE, "-o", "json"))
    conditions: list[dict[str, Any]] = found.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def service_line() -> str:
    """Return what `kubectl get llmsvc` prints."""
    return kubectl("get", "llmsvc", SERVICE, "-n", NAMESPACE).rstrip()


def make_key() -> str:
    """Make the quickstart tenant's key anew, as a user would, and return it."""
    tidegate = str(Path(CHECKOUT, ".venv/bin/tidegate"))
    tenant = ("quickstart", "-n", NAMESPACE)
    with step("tidegate keys create quickstart"):
        if '"demo"' in kubectl("get", "llmtenant", *tenant, "-o", "json"):
            run(tidegate, "keys", "revoke", tenant[0], "demo", *tenant[1:])
        return run(tidegate, "keys", "create", *tenant, "--name=demo").strip()


def uninstall() -> None:
    """Remove what the demo installed in a cluster that stays."""
    if subprocess.run([program("kubectl"), "version"], capture_output=True, check=False).returncode:
        return
    with step("uninstall the quickstart and the chart"):
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
        run(program("helm"), "uninstall", RELEASE, "--namespace", SYSTEM, "--ignore-not-found", "--wait")
        kubectl("delete", "namespace", SYSTEM, "--ignore-not-found")


def use(kubeconfig: Path) -> None:
    """Point every later command at the cluster."""
    os.environ["KUBECONFIG"] = str(kubeconfig)
