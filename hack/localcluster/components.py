"""The programs of a control plane: what is asked of etcd, kube-apiserver, controller-manager and scheduler.

Renders command lines, and issues the certificates they name; starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.pki import Authority
from localcluster.tools import tool

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True)
class Spec:
    """Where a control plane lives and listens. ``launcher`` is put before every command."""

    home: Path
    address: str = "127.0.0.1"
    port: int = 6443
    services: str = "10.0.0.0/24"
    first_service: str = "10.0.0.1"
    controllers: bool = False
    nodes: bool = False
    launcher: Sequence[str] = ()

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def authority(self) -> Authority:
        return Authority(self.home / "pki")

    @property
    def recycler(self) -> Path:
        return self.home / "recycler.json"

    @property
    def audit_log(self) -> Path:
        return self.home / "audit.log"


def etcd_command(spec: Spec) -> list[str]:
    """Unix sockets: no port to collide on, and no one but this user can read Secrets from it."""
    clients, peers = (f"unix://{spec.home}/etcd-{kind}.sock" for kind in ("clients", "peers"))
    return [
        str(tool("etcd")),
        "--name=local",
        f"--data-dir={spec.home / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=local={peers}",
        # Nothing here has to survive a power cut.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver_command(spec: Spec) -> list[str]:
    authority = spec.authority
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names += ["kubernetes.default.svc.cluster.local", "127.0.0.1", spec.first_service]
    hosts = list(dict.fromkeys([*names, spec.address]))
    serving = authority.issue("kube-apiserver", "kube-apiserver", hosts=hosts)
    kubelet = authority.issue("kubelet-client", "kube-apiserver-kubelet-client", ["system:masters"])
    flags = {
        "etcd-servers": f"unix://{spec.home}/etcd-clients.sock",
        "bind-address": spec.address,
        "advertise-address": spec.address,
        "secure-port": spec.port,
        "service-cluster-ip-range": spec.services,
        "tls-cert-file": serving.cert,
        "tls-private-key-file": serving.key,
        "client-ca-file": authority.pair.cert,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": authority.service_account_public_key,
        "service-account-signing-key-file": authority.service_account_key,
        "kubelet-certificate-authority": authority.pair.cert,
        "kubelet-client-certificate": kubelet.cert,
        "kubelet-client-key": kubelet.key,
        "kubelet-preferred-address-types": "InternalIP",
        "audit-policy-file": spec.home / "audit-policy.json",
        "audit-log-path": spec.audit_log,
        "audit-log-maxsize": 200,
        "audit-log-maxbackup": 1,
        # Without nodes nobody dials the kubernetes Service, and loopback may not be its endpoint.
        "endpoint-reconciler-type": "lease" if spec.nodes else "none",
        **(_aggregation(spec) if spec.nodes else {}),
    }
    return [str(tool("kube-apiserver")), *(f"--{name}={value}" for name, value in flags.items())]


def _aggregation(spec: Spec) -> dict[str, object]:
    """For APIs that Pods serve, such as the external metrics that KEDA gives to the HPA."""
    authority = spec.authority
    proxy = authority.issue("front-proxy", "front-proxy")
    return {
        "proxy-client-cert-file": proxy.cert,
        "proxy-client-key-file": proxy.key,
        "requestheader-client-ca-file": authority.pair.cert,
        # One authority signs all clients here, so this name alone may speak for others.
        "requestheader-allowed-names": "front-proxy",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
    }


def controller_manager_command(spec: Spec) -> list[str]:
    config = _client(spec, "kube-controller-manager")
    authority = spec.authority
    return [
        str(tool("kube-controller-manager")),
        f"--kubeconfig={config}",
        f"--root-ca-file={authority.pair.cert}",
        f"--service-account-private-key-file={authority.service_account_key}",
        f"--cluster-signing-cert-file={authority.pair.cert}",
        f"--cluster-signing-key-file={authority.pair.key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        *_recycling(spec),
    ]


def _recycling(spec: Spec) -> list[str]:
    """Released volumes are emptied by a pod of ours; without nodes there is none to run it."""
    return [f"--pv-recycler-pod-template-filepath-hostpath={spec.recycler}"] if spec.nodes else []


def scheduler_command(spec: Spec) -> list[str]:
    config = _client(spec, "kube-scheduler")
    return [str(tool("kube-scheduler")), f"--kubeconfig={config}", "--leader-elect=false", "--secure-port=0"]


def _client(spec: Spec, name: str) -> Path:
    pair = spec.authority.issue(name, f"system:{name}")
    return spec.authority.kubeconfig(spec.home / f"{name}.kubeconfig", spec.server, pair)
