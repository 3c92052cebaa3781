"""The programs of the one node: containerd, kubelet, kube-proxy and, for names, CoreDNS.

Owns how they are started and when they count as ready; their configuration is rendered in ``configs``.
"""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from localcluster import configs
from localcluster.components import Spec
from localcluster.kubectl import Kubectl
from localcluster.machine import Machine
from localcluster.network import host_name_servers
from localcluster.oci import program_image
from localcluster.packages import SEARCH
from localcluster.processes import Daemon
from localcluster.report import step
from localcluster.runtime import Runtime
from localcluster.shell import succeeds
from localcluster.tools import tool

READY_SECONDS = 90


def pause_image() -> str:
    """Named by its content's key, so that a changed program is a new image."""
    return f"localhost/tidegate-pause:{tool('pause').parent.name.rpartition('-')[2]}"


@dataclass(frozen=True, slots=True)
class Node:
    """The node of one cluster, on its machine, next to the control plane that ``spec`` describes."""

    machine: Machine
    spec: Spec

    @property
    def home(self) -> Path:
        return self.spec.home

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.machine)

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.spec.home / "kubeconfig")

    def start(self) -> None:
        """Start what does not run yet, in the order in which each needs the one before."""
        self._write_configs()
        with step("start containerd"):
            self._start_containerd()
        with step("start kubelet, kube-proxy and CoreDNS; wait for the node"):
            daemons = [self._kubelet(), self._kube_proxy(), self._coredns()]
            for daemon in daemons:
                daemon.start()
            self.kubectl.apply(configs.objects(self.machine.plan, self.machine.layout.volumes))
            daemons[0].await_ready(self._node_ready, READY_SECONDS)
            daemons[2].await_ready(self._names_answer, READY_SECONDS)

    def _write_configs(self) -> None:
        plan, home = self.machine.plan, self.home
        servers, shim = host_name_servers(), tool("containerd-shim-runc-v2")
        self._issue_identities()
        files = {
            "containerd.toml": configs.containerd(home, _program("runc"), shim, pause_image()),
            "cni/10-tidegate.conflist": json.dumps(configs.cni(plan)),
            "kubelet.json": json.dumps(configs.kubelet(plan, home, self.machine.layout.cgroup)),
            "kube-proxy.json": json.dumps(configs.kube_proxy(plan, home)),
            "resolv.conf": configs.resolv_conf(servers),
            "Corefile": configs.corefile(plan, home, servers),
        }
        for name, text in files.items():
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_text(text)
        for number in range(configs.VOLUMES):
            folder = self.machine.layout.volumes / f"local-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            # A kubelet does not change the owner of a hostPath, and pods here are not root.
            folder.chmod(0o777)

    def _issue_identities(self) -> None:
        """Who the node's programs are to the API server."""
        authority, address = self.spec.authority, str(self.machine.plan.node)
        users = {
            "kubelet": (f"system:node:{configs.NODE}", ["system:nodes"], [configs.NODE, address]),
            "kube-proxy": ("system:kube-proxy", [], []),
            "coredns": ("system:coredns", [], []),
        }
        for name, (user, groups, hosts) in users.items():
            pair = authority.issue(name, user, groups, hosts)
            authority.kubeconfig(self.home / f"{name}.kubeconfig", self.spec.server, pair)

    def _start_containerd(self) -> None:
        daemon = self._daemon("containerd", "--config", self.home / "containerd.toml")
        daemon.start()
        daemon.await_ready(self._runtime_answers, READY_SECONDS)
        if pause_image() not in self.runtime.images():
            self.runtime.load(program_image(tool("pause")), pause_image())

    def _kubelet(self) -> Daemon:
        return self._daemon(
            "kubelet",
            f"--config={self.home / 'kubelet.json'}",
            f"--kubeconfig={self.home / 'kubelet.kubeconfig'}",
            f"--hostname-override={configs.NODE}",
            f"--node-ip={self.machine.plan.node}",
        )

    def _kube_proxy(self) -> Daemon:
        return self._daemon("kube-proxy", f"--config={self.home / 'kube-proxy.json'}")

    def _coredns(self) -> Daemon:
        return self._daemon("coredns", "-conf", self.home / "Corefile")

    def _daemon(self, name: str, *arguments: str | Path) -> Daemon:
        # Root's path may lack the directories of nft and mount when it comes from an editor or a service.
        launcher = [*self.machine.inside(), "env", f"PATH={SEARCH}"]
        return Daemon(name, [*launcher, str(tool(name)), *map(str, arguments)], self.home)

    def _runtime_answers(self) -> bool:
        return succeeds([*self.machine.inside(), tool("ctr"), "version"])

    def _node_ready(self) -> bool:
        condition = "jsonpath={.status.conditions[?(@.type=='Ready')].status}=True"
        return self.kubectl.succeeds("wait", "node", configs.NODE, f"--for={condition}", "--timeout=1s")

    def _names_answer(self) -> bool:
        try:
            with socket.create_connection((str(self.machine.plan.node), 53), timeout=1):
                return True
        except OSError:
            return False


def _program(name: str) -> Path:
    found = shutil.which(name, path=SEARCH)
    return Path(found or name)
