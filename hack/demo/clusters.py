"""The three clusters that the demo can run on, behind one face: bring it up, load our images, take it down.

Owns the choice (`CLUSTER`). Must not know the chart, the model or the question.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from localcluster import cluster as local
from localcluster import images, packages, tools
from localcluster.errors import ClusterError, unsupported
from localcluster.machine import require_supported
from localcluster.paths import CHECKOUT, cache_dir, layout
from localcluster.report import step

TARGETS = ("operator", "gateway", "console", "loader", "worker-cpu", "example-model")
# A second engine and its model: only for who asks for them.
ENGINES = ("engine-llamacpp", "example-gguf")
VERSION = "0.1.0"
# An image by the name that the chart and the examples use for it.
Images = Mapping[str, str]


class Cluster(Protocol):
    """Somewhere to install Tidegate."""

    # Whether a Prometheus of ours comes with it.
    has_prometheus: bool

    def build(self) -> None:
        """Build what `load` and `load_engines` bring, so that these find it; needs no cluster."""

    def begin(self) -> None:
        """Start to build our images, where that can go on beside `up`."""

    def up(self) -> Path:
        """Make it answer; return its kubeconfig."""

    def load(self) -> Images:
        """Bring our images to its nodes; return the reference of each target."""

    def load_engines(self) -> None:
        """Bring a second engine and its model to its nodes, under the names that examples use."""

    def down(self) -> None:
        """Undo `up`."""


class Local:
    """A Kubernetes of our own on this machine, without Docker."""

    has_prometheus = True

    def __init__(self) -> None:
        self._building = ThreadPoolExecutor(max_workers=1, thread_name_prefix="images")
        self._built: Future[dict[str, str]] | None = None

    def build(self) -> None:
        require_supported(cache_dir())
        packages.ensure()
        images.build([*TARGETS, *ENGINES])

    def begin(self) -> None:
        require_supported(cache_dir())
        packages.ensure()
        # Images wait for the network and the disk, Kubernetes for the compiler: side by side, both are ready sooner.
        self._built = self._building.submit(images.build, list(TARGETS))

    def up(self) -> Path:
        kubeconfig = local.up()
        tools.build("helm")
        return kubeconfig

    def load(self) -> Images:
        built = self._built.result() if self._built else images.build(list(TARGETS))
        refs = images.load(built)
        _alias(refs, ("example-model", "loader"))
        return {**refs, "example-model": released("example-model")}

    def load_engines(self) -> None:
        _alias(images.load(images.build(list(ENGINES))), ENGINES)

    def down(self) -> None:
        local.down()


class Kind:
    """A kind cluster; needs Docker and kind."""

    name = "tidegate"
    has_prometheus = False

    def build(self) -> None:
        """Nothing: `load` builds, with Docker."""

    def begin(self) -> None:
        """Nothing: `load` builds, with Docker."""

    def up(self) -> Path:
        for program in ("docker", "kind"):
            if shutil.which(program) is None:
                raise unsupported(f"CLUSTER=kind needs {program}, which is not installed")
        config = layout().state / "kind-kubeconfig"
        config.parent.mkdir(parents=True, exist_ok=True)
        if self.name not in run("kind", "get", "clusters").split():
            with step("create the kind cluster"):
                run(
                    "kind",
                    "create",
                    "cluster",
                    f"--name={self.name}",
                    f"--config={CHECKOUT / 'hack/kind.yaml'}",
                )
        config.write_text(run("kind", "get", "kubeconfig", f"--name={self.name}"))
        return config

    def load(self) -> Images:
        return self._bring(TARGETS)

    def load_engines(self) -> None:
        self._bring(ENGINES)

    def _bring(self, targets: Sequence[str]) -> Images:
        for target in targets:
            with step(f"build image {target}"):
                named = (f"--target={target}", f"--tag={released(target)}")
                run("docker", "build", *named, *images.passed_on(os.environ), str(CHECKOUT))
            with step(f"load image {target}"):
                run("kind", "load", "docker-image", f"--name={self.name}", released(target))
        return {target: released(target) for target in targets}

    def down(self) -> None:
        run("kind", "delete", "cluster", f"--name={self.name}")


class Current:
    """The cluster of the user's own kubeconfig, with images that it can pull."""

    has_prometheus = False

    def build(self) -> None:
        """Nothing: its images are there."""

    def begin(self) -> None:
        """Nothing: its images are there."""

    def up(self) -> Path:
        config = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
        if not config.is_file():
            raise ClusterError(f"CLUSTER=current needs a kubeconfig, and {config} is none", "set KUBECONFIG")
        return config

    def load(self) -> Images:
        prefix = os.environ.get("TIDEGATE_IMAGE_PREFIX", "")
        return {target: f"{prefix}{released(target)}" for target in TARGETS}

    def load_engines(self) -> None:
        """Nothing: its nodes pull what they are told to."""

    def down(self) -> None:
        """The cluster is the user's: only what the demo installed goes, which is done before."""


CLUSTERS: Mapping[str, type[Cluster]] = {"local": Local, "kind": Kind, "current": Current}


def chosen() -> Cluster:
    """Return the cluster that `CLUSTER` names."""
    name = os.environ.get("CLUSTER") or "local"
    if name not in CLUSTERS:
        raise ClusterError(f"CLUSTER={name} is not one of {', '.join(CLUSTERS)}")
    return CLUSTERS[name]()


def _alias(refs: Images, targets: Sequence[str]) -> None:
    """Give images the names under which they are released: examples are applied as they stand."""
    for target in targets:
        images.alias(refs[target], f"docker.io/{released(target)}")


def released(target: str) -> str:
    """Return the name under which an image is released."""
    return f"tidegate/{target}:{VERSION}"


def run(*argv: str, stdin: str | None = None) -> str:
    """Run a program and return what it printed; raise ClusterError with its own words."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(argv[:4])} … failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def program(name: str) -> str:
    """Return the path of kubectl or helm: the built one, except where the user brings the cluster."""
    own = shutil.which(name) if os.environ.get("CLUSTER") in {"kind", "current"} else None
    return own or str(tools.tool(name))
