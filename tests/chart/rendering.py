"""The chart as Helm renders it, for many sets of values; each is rendered once.

Owns the sets and the one way to call helm. Must not judge what comes out.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from localcluster import tools
from tidegate_api.values import Placement, Values

CHART = Path(__file__).parents[2] / "charts" / "tidegate"
RELEASE, NAMESPACE = "tidegate", "tidegate-system"
Object = dict[str, Any]

HELD_BY_OPERATOR = {
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"}}
            ]
        }
    },
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priorityClassName": "system-cluster-critical",
    "podAnnotations": {"example.com/note": "yes"},
}
MONITORING = "monitoring.coreos.com/v1"
# The workloads of the chart, by the name of their values.
PARTS = tuple(name for name in Values.model_fields if isinstance(getattr(Values(), name), Placement))


def of_parts(**values: object) -> Object:
    """Return these values for each workload, and those that can be turned off turned on."""
    switch = {
        name: {"enabled": True} if hasattr(getattr(Values(), name), "enabled") else {} for name in PARTS
    }
    return {name: {**switch[name], **values} for name in PARTS}


# Value sets that a real installation might have; every test of what the chart makes runs over all of them.
SETS: Mapping[str, Object] = {
    "the defaults": {},
    "two watched namespaces": {
        "watchNamespaces": ["team-a", "team-b"],
        "priorityClasses": {"create": False},
    },
    "its own namespace alone": {"watchNamespaces": [NAMESPACE], "crds": {"enabled": False}},
    "several replicas": of_parts(replicas=2),
    "closed by network policies": {"networkPolicies": {"enabled": True, "prometheusNamespace": "monitoring"}},
    "closed, without Prometheus": {"networkPolicies": {"enabled": True, "apiServerPorts": [16443]}},
    "watched by Prometheus": {"podMonitors": {"enabled": True, "labels": {"release": "prom"}}},
    "watched by people": {
        "alerts": {
            "enabled": True,
            "labels": {"release": "prom"},
            "disabled": ["TidegateAtMaxReplicas"],
            "runbookBase": "https://wiki.example.com/alerts",
        },
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "LLM"}},
    },
    "alerts as they come": {"alerts": {"enabled": True}},
    "images from a mirror, by digest": {
        "images": {
            "registry": "registry.example.com/mirror",
            "operator": "tidegate/operator@sha256:" + "0" * 64,
            "pullPolicy": "Always",
            "pullSecrets": ["mirror"],
        }
    },
    "everything that places Pods": of_parts(**HELD_BY_OPERATOR),
    "each part turned on": of_parts(),
    "another name and more labels": {"fullnameOverride": "llm", "commonLabels": {"team": "ml", "cost": "42"}},
    "a gateway for the world": {
        "gateway": {
            "url": "https://llm.example.com",
            "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"example.com/lb": "x"}},
            "drainSeconds": 60,
            "accessLog": True,
        },
        "test": {"service": "chat", "namespace": "team-a"},
    },
    "profiles of one's own": {
        "resourceProfiles": {
            "nvidia": None,
            "big": {"accelerator": "nvidia", "limits": {"nvidia.com/gpu": 8}},
        },
        "allowedFilePaths": ["/srv/models"],
        "worker": {"priorityClassName": "tidegate-low", "drainSeconds": 30},
    },
    "open to all, traced and closed": {
        "gateway": {"anonymousTenant": "team-a/public"},
        "tracing": {"endpoint": "https://collector.example.com:4318/otlp", "sampleRatio": 0.1},
        "networkPolicies": {"enabled": True},
        "watchNamespaces": ["team-a"],
        "priorityClasses": {"create": False, "high": {"name": "first"}, "low": {"name": ""}},
    },
    "scaled by what Prometheus says": {
        "prometheus": {"url": "http://prometheus.monitoring.svc:9091/prom", "timeoutSeconds": 3},
        "scaling": {"maxAccelerators": 1_000_000},
        "networkPolicies": {"enabled": True},
    },
    "objects of one's own": {
        "commonLabels": {"team": "ml"},
        "extraObjects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "{{ .Release.Name }}-ca", "labels": {"app.kubernetes.io/version": "7"}},
                "data": {"where": '{{ include "tidegate.gatewayURL" . }}'},
            }
        ],
    },
    "next to nothing": {
        "crds": {"enabled": False},
        "priorityClasses": {"create": False},
        "rbac": {"aggregateRoles": False},
        "resourceProfiles": {"nvidia-l4": None},
    },
}


class HelmRefused(Exception):
    """What Helm said instead of rendering."""


@dataclass(frozen=True)
class Rendered:
    """What Helm made of one set of values."""

    name: str
    values: Object
    objects: list[Object] = field(repr=False)

    def all(self, kind: str) -> list[Object]:
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        return next(item for item in self.all(kind) if item["metadata"]["name"].endswith(name))

    def pods(self) -> dict[str, Object]:
        """Return the Pod spec of everything that runs, by kind and name."""
        found = {f"Pod/{item['metadata']['name']}": item["spec"] for item in self.all("Pod")}
        for item in self.all("Deployment"):
            found[f"Deployment/{item['metadata']['name']}"] = item["spec"]["template"]["spec"]
        return found

    def settings(self) -> Object:
        """Return what the operator is told."""
        return yaml.safe_load(self.one("ConfigMap", "-operator")["data"]["settings.yaml"])


def helm(*words: str, values: Object | None = None) -> str:
    """Run helm with a set of values; raises HelmRefused with what it said."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        argv = [str(tools.tool("helm")), *words, "--values", file.name]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmRefused(done.stderr)
    return done.stdout


@cache
def render(name: str) -> Rendered:
    """Return what one of the sets makes."""
    values = SETS[name]
    text = helm(
        *("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--api-versions", MONITORING),
        values=values,
    )
    return Rendered(name, values, [item for item in yaml.safe_load_all(text) if item])
