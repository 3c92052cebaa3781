"""The operator as a process, an LLMService to give it, and a stand-in for the kubelet.

Owns how they are started and stopped. The pods of these tests never run: there is no node.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from adminpages import ask, value_of
from integration.api import Api, Object, eventually
from localcluster.tools import tool
from ports import free_port
from tidegate_api.names import SERVICE_LABEL

AGENT = "tidegate-operator"
NAME = "chat"
GATEWAY = "tidegate-gateway"
CHILDREN = (
    ("ServiceAccount", NAME),
    ("Service", NAME),
    ("Deployment", f"{NAME}-shared"),
    ("NetworkPolicy", NAME),
    ("PodDisruptionBudget", f"{NAME}-shared"),
)


CHART = Path(__file__).parents[3] / "charts" / "tidegate"


@dataclass(frozen=True)
class Release:
    """What the chart gives the operator: an account with its rights, and its settings."""

    kubeconfig: Path
    settings: Path


def install(api: Api, namespace: str, home: Path, watched: Sequence[str]) -> Release:
    """Apply the chart's RBAC of the operator; no `watched` namespaces means all. Nothing else of the chart runs."""
    return installed(api, namespace, home, rendered(namespace, watched))


def rendered(namespace: str, watched: Sequence[str]) -> str:
    """Return the chart's RBAC and settings of the operator as YAML."""
    values = [
        "--set-json",
        f"watchNamespaces={json.dumps(list(watched))}",
        "--set",
        "networkPolicies.enabled=true",
    ]
    files = [
        word for name in ("rbac", "settings") for word in ("--show-only", f"templates/operator/{name}.yaml")
    ]
    helm = [str(tool("helm")), "template", "tidegate", str(CHART), "--namespace", namespace, *values, *files]
    return subprocess.run(helm, check=True, capture_output=True, text=True).stdout


def installed(api: Api, namespace: str, home: Path, manifests: str) -> Release:
    """Apply what was rendered; return what the operator is given."""
    objects = [one for one in yaml.safe_load_all(manifests) if one]
    for one in objects:
        api.create(one, one["metadata"].get("namespace"))
    settings = home / "settings.yaml"
    settings.write_text(next(one["data"]["settings.yaml"] for one in objects if one["kind"] == "ConfigMap"))
    token = api.token(namespace, "tidegate-operator")
    kubeconfig = json.loads(api.plane.kubeconfig.read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    limited = home / "kubeconfig"
    limited.write_text(json.dumps(kubeconfig))
    return Release(limited, settings)


@dataclass
class Operator:
    """`python -m tidegate_operator run` as a process of its own, with no more rights than the chart gives it."""

    release: Release
    home: Path
    namespace: str
    watched: Sequence[str]
    name: str = "operator-0"
    resync_seconds: float = 300
    gateway_seconds: float = 10
    program: Sequence[str] = ("-m", "tidegate_operator", "run")
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.home / f"{self.name}.log"

    def environment(self) -> dict[str, str]:
        """Return all that its process is told from outside."""
        return {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(self.release.kubeconfig),
            "TIDEGATE_NAMESPACES": ",".join(self.watched),
            "TIDEGATE_SETTINGS": str(self.release.settings),
            "TIDEGATE_ADMIN_PORT": str(self.port),
            "TIDEGATE_RESYNC_SECONDS": str(self.resync_seconds),
            "TIDEGATE_GATEWAY_SECONDS": str(self.gateway_seconds),
            "POD_NAMESPACE": self.namespace,
            "POD_NAME": self.name,
        }

    def start(self) -> Operator:
        """Start it; return without waiting."""
        self.port = free_port()
        with self.log.open("ab") as log:
            # It ends with the tests, even where these are killed: it would ask an API server that is gone, for ever.
            ends = ("setpriv", "--pdeathsig", "KILL")
            command = [*ends, sys.executable, *self.program]
            self.process = subprocess.Popen(command, env=self.environment(), stderr=log, stdout=log)
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Ask its admin port; status 0 when nobody answers."""
        return ask(f"http://127.0.0.1:{self.port}{path}")

    def metric(self, line: str) -> float | None:
        """Return the value of one line of /metrics."""
        return value_of(line, self.get("/metrics")[1])

    def leads(self) -> bool:
        """Return whether it holds the Lease and has read everything."""
        return self.metric("tidegate_operator_leader") == 1 and self.get("/readyz")[0] == 200

    def started(self) -> Operator:
        """Start it and wait until it leads."""
        self.start()
        eventually(self.leads, 60, why=self.tail)
        return self

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-30:])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and return its exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(20)

    @property
    def rss_mb(self) -> float:
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def kill(operator: Operator) -> None:
    """End it whatever state it is in."""
    if operator.process and operator.process.poll() is None:
        operator.process.kill()
        operator.process.wait()


def service(namespace: str, name: str = NAME, uri: str = "pvc://models/tiny", **spec: object) -> Object:
    """Return a minimal LLMService."""
    return {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"uri": uri}, **spec},
    }


def claim(api: Api, namespace: str, name: str = "models") -> None:
    """Make the claim that the model is on, and a volume that the real volume controller binds to it."""
    volume = f"{namespace}-{name}"
    size = {"storage": "1Gi"}
    modes = ["ReadWriteOnce"]
    api.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": size,
                "accessModes": modes,
                "hostPath": {"path": "/nowhere"},
                "claimRef": {"namespace": namespace, "name": name},
                "storageClassName": "",
            },
        }
    )
    api.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "accessModes": modes,
                "resources": {"requests": size},
                "storageClassName": "",
                "volumeName": volume,
            },
        },
        namespace,
    )


def gateway(api: Api, namespace: str, name: str = GATEWAY, ready: bool = True) -> None:
    """Make the EndpointSlice of a gateway with one Pod."""
    endpoint = {"addresses": ["10.1.2.3"], "conditions": {"ready": ready}}
    labels = {"kubernetes.io/service-name": name}
    api.create(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-abc", "namespace": namespace, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [endpoint],
            "ports": [{"name": "http", "port": 8080}],
        },
        namespace,
    )


def status_of(api: Api, namespace: str, name: str = NAME, kind: str = "LLMService") -> Object:
    found = api.get(kind, namespace, name)
    return (found or {}).get("status", {})


def condition(
    api: Api, namespace: str, kind: str, name: str = NAME, of: str = "LLMService"
) -> tuple[str, str]:
    """Return status and reason of a condition."""
    for one in status_of(api, namespace, name, of).get("conditions", []):
        if one["type"] == kind:
            return one["status"], one["reason"]
    return "", ""


class StandInKubelet:
    """Plays the kubelet for the Pods of one namespace: says of each that it runs and is ready. Runs nothing."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self.failure: BaseException | None = None

    def __enter__(self) -> StandInKubelet:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.failure is None, self.failure

    def _play(self) -> None:
        try:
            while not self._stop.wait(0.1):
                for pod in self._api.list("Pod", self._namespace):
                    if "deletionTimestamp" not in pod["metadata"] and not is_ready(pod):
                        say_of_pod(self._api, pod, ready=True, state={"running": {"startedAt": now()}})
        except BaseException as failure:
            self.failure = failure


def is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def workers_of(api: Api, namespace: str) -> list[Object]:
    """Return the Pods of workers: not that of the Job which looks into the model."""
    return api.list("Pod", namespace, SERVICE_LABEL)


def say_of_pod(
    api: Api,
    pod: Object,
    *,
    ready: bool,
    state: Mapping[str, object],
    last: Mapping[str, object] | None = None,
) -> None:
    """Write the status of a Pod as a kubelet would that sees its container in this state."""
    let_the_scheduler_speak_first(api, pod)
    word = "True" if ready else "False"
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    conditions = [
        {"type": kind, "status": "True" if kind in kinds[:2] else word, "lastTransitionTime": now()}
        for kind in kinds
    ]
    container = {
        "name": "main",
        "image": "x",
        "imageID": "",
        "ready": ready,
        "restartCount": 3 if last else 0,
        "state": state,
        **({"lastState": last} if last else {}),
    }
    api.patch_status(
        "Pod",
        pod["metadata"]["namespace"],
        pod["metadata"]["name"],
        {
            "phase": "Running" if ready else "Pending",
            "conditions": conditions,
            "containerStatuses": [container],
        },
    )


def let_the_scheduler_speak_first(api: Api, pod: Object) -> None:
    """Wait for the real scheduler's one word on a Pod: coming after ours, it would replace what we say."""

    def has_spoken() -> bool:
        live = api.get("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
        return live is None or any(one["type"] == "PodScheduled" for one in live["status"]["conditions"])

    eventually(has_spoken)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pretty(what: object) -> str:
    return json.dumps(what, indent=1, default=str)
