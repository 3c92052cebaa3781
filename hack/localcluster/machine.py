"""The machine the node runs on: its own mount, network and process namespaces below one init process.

Killing that init ends every process in it, and the kernel then drops its mounts, links, nftables rules and
network namespaces. So nothing has to be cleaned up one by one, and two checkouts never see each other: the
node's fixed ports, paths and tables are fixed only inside. Knows nothing of Kubernetes.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localcluster import processes, sysctls
from localcluster.errors import ClusterError, unsupported
from localcluster.network import AddressPlan
from localcluster.paths import Layout
from localcluster.processes import Daemon
from localcluster.shell import run, succeeds
from localcluster.tools import tool

NAMESPACES = ("--mount", "--net", "--pid")
HIDDEN = (Path("/run"), Path("/var/lib"), Path("/var/log"))
# Mounts made inside stay inside (slave), yet pods may share mounts among each other (shared).
INIT_SCRIPT = """set -e
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$1/var-lib" /var/lib
mount --bind "$1/var-log" /var/log
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
exec "$2"
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """One checkout's machine."""

    layout: Layout
    plan: AddressPlan

    @property
    def disk(self) -> Path:
        return self.layout.cluster / "disk"

    def on_host(self, path: Path) -> Path:
        """A path below the machine's /var/lib as the host sees it (links cannot cross mounts)."""
        return self.disk / "var-lib" / path.relative_to("/var/lib")

    @property
    def _daemon(self) -> Daemon:
        script = ["sh", "-c", INIT_SCRIPT, "init", str(self.disk), str(tool("pause"))]
        flags = [*NAMESPACES, "--propagation", "slave", "--fork", "--kill-child", "--mount-proc"]
        return Daemon("init", ["unshare", *flags, *script], self.layout.cluster)

    def init(self) -> int | None:
        """The pid, seen from the host, of the process that all others live below."""
        outer = processes.read_pidfile(self.layout.cluster / "run" / "init.pid")
        inner = processes.children(outer.pid) if outer and outer.alive else []
        return inner[0] if inner else None

    def inside(self) -> list[str]:
        """The words before a command that is to run on this machine."""
        pid = self.init()
        if pid is None:
            raise ClusterError("the local cluster is not running", "python -m localcluster up")
        return ["nsenter", "--target", str(pid), *NAMESPACES, "--"]

    def start(self) -> None:
        """Create the namespaces and cable them to the host."""
        for folder in ("var-lib", "var-log"):
            (self.disk / folder).mkdir(parents=True, exist_ok=True)
        if self._daemon.start():
            self._daemon.await_ready(self._settled, 10)
        sysctls.remember(self.layout.cache / "sysctls.json")
        sysctls.forward_packets()
        make_cgroup(self.layout.cgroup)
        if not Path(f"/sys/class/net/{self.layout.link}").exists():
            self._cable()
        run(["nft", "-f", "-"], stdin=masquerade(self.layout, self.plan))

    def _settled(self) -> bool:
        pid = self.init()
        with suppress(OSError):
            return pid is not None and Path(f"/proc/{pid}/comm").read_text().strip() == "pause"
        return False

    def _cable(self) -> None:
        plan, link = self.plan, self.layout.link
        inside = [*self.inside(), "ip"]
        run(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self.init())])
        run(["ip", "address", "add", f"{plan.host}/30", "dev", link])
        run(["ip", "link", "set", link, "up"])
        run([*inside, "address", "add", f"{plan.node}/30", "dev", "eth0"])
        run([*inside, "link", "set", "eth0", "up"])
        run([*inside, "route", "add", "default", "via", str(plan.host)])
        run(["ip", "route", "replace", str(plan.block), "via", str(plan.node), "dev", link])

    def stop(self) -> None:
        """End everything on the machine, then take away what the host holds for it."""
        pid = self.init()
        if pid is not None:
            os.kill(pid, 9)
        processes.stop_all(self.layout.cluster, grace=2)
        succeeds(["ip", "link", "delete", self.layout.link])
        succeeds(["nft", "delete", "table", "ip", self.layout.table])
        remove_cgroup(self.layout.cgroup)
        if not other_machines(self.layout.link):
            sysctls.restore(self.layout.cache / "sysctls.json")


def require_supported(cache: Path) -> None:
    """Say in one sentence why this machine cannot do it, before anything is changed."""
    if os.geteuid() != 0:
        raise unsupported("the local cluster runs containers and therefore needs root")
    if not succeeds(["unshare", *NAMESPACES, "--fork", "true"]):
        raise unsupported("this machine lets nobody create mount, network and process namespaces")
    if not any(os.access(root, os.W_OK) for root in cgroup_roots()):
        raise unsupported("this machine's cgroups cannot be written, so it cannot run containers")
    if any(cache.is_relative_to(hidden) for hidden in HIDDEN):
        raise ClusterError(
            f"the cache directory {cache} is hidden from the node", "choose another TIDEGATE_CACHE"
        )


def masquerade(layout: Layout, plan: AddressPlan) -> str:
    """What leaves the node for elsewhere takes the host's address. Declared twice, so that it is replaced."""
    return f"""table ip {layout.table} {{}}
delete table ip {layout.table}
table ip {layout.table} {{
  chain out {{
    type nat hook postrouting priority srcnat
    ip saddr {plan.block} oifname != "{layout.link}" masquerade
  }}
}}
"""


def other_machines(link: str) -> list[str]:
    """Links of clusters from other checkouts."""
    return [p.name for p in Path("/sys/class/net").glob("tg" + "[0-9a-f]" * 8) if p.name != link]


def cgroup_roots(mountinfo: str | None = None) -> list[Path]:
    """Where this kernel's cgroup hierarchies are mounted (one in version 2, several in version 1)."""
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    halves = [line.split(" - ") for line in text.splitlines()]
    return [Path(left.split()[4]) for left, right in halves if right.split()[0] in ("cgroup", "cgroup2")]


def make_cgroup(name: str) -> None:
    """The kubelet wants its root to exist in every hierarchy."""
    for root in cgroup_roots():
        folder = root / name
        folder.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # Version 1 starts empty and lets no process in until these are filled.
            if (root / setting).exists() and not (root / "cgroup.controllers").exists():
                (folder / setting).write_text((root / setting).read_text())


def remove_cgroup(name: str) -> None:
    """Remove the tree, deepest first; killed processes leave it only a moment later."""
    folders = _cgroup_folders(name)
    for attempt in range(50):
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        folders = _cgroup_folders(name)
        if not folders:
            return
        time.sleep(0.02 * attempt)


def _cgroup_folders(name: str) -> list[Path]:
    tops = [root / name for root in cgroup_roots() if (root / name).exists()]
    return [Path(folder) for top in tops for folder, _, _ in os.walk(top, topdown=False)]
