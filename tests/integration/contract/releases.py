"""A release of the chart on a control plane of its own, where nobody applied the definitions before.

Owns the calls of helm. Must not know what is right or wrong.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from chart.rendering import CHART, NAMESPACE, RELEASE
from localcluster.kubectl import Kubectl
from localcluster.tools import go_environment, tool

KINDS = (
    "deployment,configmap,service,serviceaccount,clusterrole,clusterrolebinding,role,rolebinding,crd,"
    "priorityclass,poddisruptionbudget,networkpolicy"
)


@dataclass(frozen=True)
class Downloaded:
    """A folder of a Go module that holds manifests of another project, pinned by version and hash."""

    module: str
    sum: str
    folder: str

    def source(self) -> Path:
        """Download it where it is not there yet; raises where it is not what the hash says."""
        argv = ["go", "mod", "download", "-json", self.module]
        env = {**go_environment(), "GOFLAGS": "-modcacherw"}
        done = subprocess.run(argv, cwd="/", env=env, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)
        if told["Sum"] != self.sum:
            raise ValueError(f"{self.module} has the hash {told['Sum']}, not {self.sum}")
        return Path(told["Dir"]) / self.folder


class Release:
    """The release, installed as users install it."""

    def __init__(self, kubeconfig: Path, chart: Path = CHART) -> None:
        self.kubectl = Kubectl(kubeconfig)
        self.chart = chart
        self._kubeconfig = kubeconfig

    def helm(self, *words: str, namespace: str = NAMESPACE) -> str:
        """Run helm; raises CalledProcessError with what it said."""
        argv = [str(tool("helm")), *words, "--namespace", namespace, "--kubeconfig", str(self._kubeconfig)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def upgrade(self, *flags: str) -> str:
        """Install it, or upgrade what is there."""
        return self.helm("upgrade", "--install", RELEASE, str(self.chart), "--create-namespace", *flags)

    def versions(self) -> str:
        """Return every object of the release with the version that the API server counts up at each change."""
        columns = "-o=custom-columns=KIND:.kind,NAME:.metadata.name,VERSION:.metadata.resourceVersion"
        return self.kubectl(
            "get", KINDS, "-n", NAMESPACE, "-l", "app.kubernetes.io/part-of=tidegate", columns
        )

    def can(self, part: str, *what: str) -> bool:
        """Tell whether the account of a part may do something."""
        account = f"system:serviceaccount:{NAMESPACE}:tidegate-{part}"
        return self.kubectl.succeeds("auth", "can-i", *what, "--as", account)
