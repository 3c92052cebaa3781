"""The whole local cluster of this checkout, up and down.

``up()`` is idempotent: it starts what does not run. ``down()`` leaves nothing but the cache of tools and images.
"""

from __future__ import annotations

import json
import shutil
from ipaddress import IPv4Network
from pathlib import Path

from localcluster import configs, controlplane, network, packages, processes
from localcluster.components import Spec
from localcluster.errors import ClusterError
from localcluster.machine import Machine, require_supported
from localcluster.network import AddressPlan
from localcluster.node import Node, pause_image
from localcluster.paths import Layout, layout
from localcluster.report import say, step
from localcluster.runtime import Runtime
from localcluster.tools import build

MODULES = ("kubernetes", "containerd", "coredns", "pause")
DAEMONS = ("init", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE_DAEMONS = ("containerd", "kubelet", "kube-proxy", "coredns")


def up() -> Path:
    """Start the cluster, or whatever of it is missing; returns the kubeconfig."""
    place = layout()
    require_supported(place.cache)
    packages.ensure()
    for module in MODULES:
        build(module)
    machine = Machine(place, address_plan(place))
    with step(f"create the node's machine ({machine.plan.block})"):
        machine.start()
    spec = _spec(machine)
    with step("start the control plane"):
        spec.recycler.write_text(json.dumps(configs.recycler(pause_image())))
        controlplane.launch(spec)
    Node(machine, spec).start()
    say(f"  KUBECONFIG={place.kubeconfig}")
    return place.kubeconfig


def down() -> None:
    """End every process and remove every mount, link, rule, cgroup and file but the cache."""
    place = layout()
    controlplane.down()
    for home in place.planes.glob("*"):
        processes.stop_all(home, grace=0)
    if place.cluster.exists():
        with step("stop the local cluster"):
            Machine(place, address_plan(place)).stop()
    shutil.rmtree(place.state, ignore_errors=True)
    if place.state.exists():
        raise ClusterError(
            f"{place.state} could not be removed", "see which process still uses it: fuser -vm PATH"
        )


def status() -> list[tuple[str, bool]]:
    """Every daemon of the cluster and whether it runs."""
    run = layout().cluster / "run"
    found = [(name, processes.read_pidfile(run / f"{name}.pid")) for name in (*DAEMONS, *NODE_DAEMONS)]
    return [(name, bool(process and process.alive)) for name, process in found]


def is_up() -> bool:
    """Whether every program of the cluster runs."""
    return all(alive for _, alive in status())


def runtime() -> Runtime:
    """The image store of the running cluster."""
    place = layout()
    return Runtime(Machine(place, address_plan(place)))


def address_plan(place: Layout) -> AddressPlan:
    """Chosen once and kept, because the routes of a running cluster would count as taken."""
    file = place.cluster / "network"
    if file.exists():
        return AddressPlan(IPv4Network(file.read_text().strip()))
    try:
        plan = network.choose(place.id, network.occupied())
    except ValueError as error:
        raise ClusterError(str(error), "bring down a cluster of another checkout") from error
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{plan.block}\n")
    return plan


def _spec(machine: Machine) -> Spec:
    plan = machine.plan
    return Spec(
        machine.layout.cluster,
        address=str(plan.node),
        services=str(plan.services),
        first_service=str(plan.apiserver),
        controllers=True,
        nodes=True,
        launcher=machine.inside(),
    )
