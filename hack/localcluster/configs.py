"""Configuration files of the node's programs and the objects every cluster starts with. Pure: plan in, text out."""

from __future__ import annotations

from pathlib import Path

from localcluster.network import AddressPlan

NODE = "tidegate-local"
DOMAIN = "cluster.local"
VOLUMES = 6
VOLUME_SIZE = "8Gi"
SOCKET = "unix:///run/containerd/containerd.sock"
Json = dict[str, object]


def containerd(home: Path, runc: Path, shim: Path, pause_image: str) -> str:
    """All paths but those of our own files are the defaults: they are private to the machine."""
    runtimes = "plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc"
    return f"""version = 3
imports = []

[plugins.'io.containerd.internal.v1.opt']
  path = '/var/lib/containerd/opt'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{pause_image}'

[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE a score may not be lowered, and runc would die of it.
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni']
  conf_dir = '{home / "cni"}'

[{runtimes}]
  runtime_type = 'io.containerd.runc.v2'
  runtime_path = '{shim}'

[{runtimes}.options]
  BinaryName = '{runc}'
  SystemdCgroup = false
"""


def cni(plan: AddressPlan) -> Json:
    """A routed cable per pod instead of a bridge: replies between pods then always pass the NAT of Services."""
    ranges = [[{"subnet": str(plan.pods)}]]
    ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    plugin = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    return {"cniVersion": "1.0.0", "name": "tidegate", "plugins": [plugin]}


def kubelet(plan: AddressPlan, home: Path, cgroup: str) -> Json:
    pki = home / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "containerRuntimeEndpoint": SOCKET,
        "clusterDNS": [str(plan.dns)],
        "clusterDomain": DOMAIN,
        "resolvConf": str(home / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        # A developer's disk is often fuller than a node's may be; images must not vanish because of it.
        "evictionHard": {"memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "oomScoreAdj": 0,
        "serializeImagePulls": False,
    }


def kube_proxy(plan: AddressPlan, home: Path) -> Json:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(home / "kube-proxy.kubeconfig")},
        "mode": "nftables",
        "clusterCIDR": str(plan.pods),
        "hostnameOverride": NODE,
        "oomScoreAdj": 0,
        # These belong to the whole machine and cannot be set from the node's own network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
    }


def resolv_conf(servers: list[str]) -> str:
    return "".join(f"nameserver {server}\n" for server in servers)


def corefile(plan: AddressPlan, home: Path, servers: list[str]) -> str:
    """Names of the cluster from the API, all others from the servers of the host."""
    forward = f"  forward . {' '.join(servers)}\n" if servers else ""
    zones = f"{DOMAIN} in-addr.arpa ip6.arpa"
    return f""".:53 {{
  bind {plan.node}
  errors
  kubernetes {zones} {{
    kubeconfig {home / "coredns.kubeconfig"}
    pods insecure
    ttl 5
  }}
{forward}  cache 5
  loop
  reload
}}
"""


def recycler(pause_image: str) -> Json:
    """The pod that empties a released volume, so that six volumes last forever."""
    container = {
        "name": "scrub",
        "image": pause_image,
        "imagePullPolicy": "Never",
        "command": ["/pause", "scrub", "/volume"],
        "volumeMounts": [{"name": "volume", "mountPath": "/volume"}],
    }
    volumes = [{"name": "volume", "hostPath": {"path": "/replaced/by/the/controller"}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "volume-recycler-", "namespace": "kube-system"},
        "spec": {"restartPolicy": "Never", "volumes": volumes, "containers": [container]},
    }


def objects(plan: AddressPlan, volumes: Path) -> list[Json]:
    """What the API server is given once: DNS and storage."""
    disks = [_volume(number, volumes) for number in range(VOLUMES)]
    return [*_dns(plan), _storage_class(), *disks]


def _dns(plan: AddressPlan) -> list[Json]:
    ports = [("dns", "UDP", 53), ("dns-tcp", "TCP", 53)]
    listed = [{"name": name, "protocol": protocol, "port": port} for name, protocol, port in ports]
    meta = {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    service = {"clusterIP": str(plan.dns), "ports": listed}
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:coredns"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tidegate-local:coredns"}
    name = {"name": "tidegate-local:coredns"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kube-dns",
                "namespace": "kube-system",
                "labels": {"kubernetes.io/service-name": "kube-dns"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [str(plan.node)], "conditions": {"ready": True}}],
            "ports": listed,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": name,
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": name,
            "roleRef": role,
            "subjects": [subject],
        },
    ]


def _storage_class() -> Json:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local", "annotations": default},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }


def _volume(number: int, volumes: Path) -> Json:
    name = f"local-{number}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": VOLUME_SIZE},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
            "storageClassName": "local",
            "persistentVolumeReclaimPolicy": "Recycle",
            "hostPath": {"path": str(volumes / name), "type": "Directory"},
        },
    }
