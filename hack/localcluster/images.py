"""Our images: built from the project's Dockerfile without Docker, and brought into the running cluster.

``build(targets)`` gives a reference per target whose tag is the image's own hash, so unchanged inputs keep their
reference and changed ones roll out. ``load(refs)`` hands over only the layers that the cluster lacks. Owns no
knowledge of what is in an image.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster import cluster, packages
from localcluster.buildah import Builder, Built
from localcluster.machine import require_supported
from localcluster.oci import program_image
from localcluster.paths import CHECKOUT, cache_dir, layout
from localcluster.report import say, step
from localcluster.shell import run
from localcluster.tools import locked, tool

SUITE = "bookworm"
INCLUDED = ("python3", "python3-venv", "ca-certificates")
REPOSITORY = "localhost/tidegate"
# Programs that are nobody's image run as whom our own images run as.
PROGRAM_USER = "65532:65532"
# Arguments of the Dockerfile that are a developer's to choose.
PASSED_ON = ("COMPILE",)
# A checkout that built nothing for so long has no claim on the shared store any more.
REMEMBERED_SECONDS = 14 * 86400


def build(
    targets: Sequence[str], *, dockerfile: Path = CHECKOUT / "Dockerfile", context: Path = CHECKOUT
) -> dict[str, str]:
    """Build the targets; returns the reference of each."""
    require_supported(cache_dir())
    packages.ensure()
    builder = _builder()
    builder.prepare()
    with locked("base-image"):
        builder.sweep()
        base = _base(builder)
    arguments = ["--build-arg", f"BASE={base}", *passed_on(os.environ), "-f", str(dockerfile), str(context)]
    refs = {}
    with builder.in_use():
        for target in targets:
            with step(f"build image {target}"):
                built = builder.build("--target", target, *arguments)
            _remember(target, built)
            refs[target] = f"{REPOSITORY}/{target}:{built.image[:12]}"
    builder.forget_but(_remembered())
    _tags_file().parent.mkdir(parents=True, exist_ok=True)
    _tags_file().write_text(json.dumps({**tags(), **refs}, indent=2))
    return refs


def passed_on(environment: Mapping[str, str]) -> list[str]:
    """Return the options of a build that it takes from the environment, where they are set."""
    return [f"--build-arg={name}={environment[name]}" for name in PASSED_ON if name in environment]


def tags() -> dict[str, str]:
    """The references of the last builds of this checkout."""
    file = _tags_file()
    return dict(json.loads(file.read_text())) if file.exists() else {}


def load(refs: Mapping[str, str]) -> dict[str, str]:
    """Bring built images into the running cluster; returns the same references."""
    runtime, storage = cluster.runtime(), _builder().storage
    present = runtime.images()
    for target, ref in refs.items():
        if ref not in present:
            with step(f"load image {target} into the cluster"):
                image = storage.image(ref.rpartition(":")[2])
                new = runtime.load(image, ref)
            say(f"  {new} of {len(image.layers)} layers were new to it")
    return dict(refs)


def load_program(name: str) -> str:
    """Bring a program of the toolchain into the running cluster as an image of its own; returns its reference."""
    program = tool(name)
    ref = f"{REPOSITORY}-{name}:{program.parent.name.rpartition('-')[2]}"
    runtime = cluster.runtime()
    if ref not in runtime.images():
        with step(f"load {name} into the cluster"):
            runtime.load(program_image(program, PROGRAM_USER), ref)
    return ref


def alias(ref: str, name: str) -> None:
    """Give an image of the cluster a second name, such as one that a manifest uses."""
    cluster.runtime().tag(ref, name)


def clear() -> None:
    """Forget every built image and layer, of all checkouts."""
    with step("remove all built images from the cache"):
        shutil.rmtree(_builder().home, ignore_errors=True)


def _builder() -> Builder:
    return Builder(cache_dir() / "images")


def _tags_file() -> Path:
    return layout().state / "images.json"


def _remember(target: str, built: Built) -> None:
    """What the next build of this target in this checkout will find in its cache."""
    file = _builder().home / "kept" / f"{layout().id}-{target}"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(sorted(built.steps)))


def _remembered() -> set[str]:
    files = (_builder().home / "kept").iterdir()
    recent = [f for f in files if time.time() - f.stat().st_mtime < REMEMBERED_SECONDS]
    return {line for file in recent for line in file.read_text().split()}


def _base(builder: Builder) -> str:
    """A minimal Debian with Python, which stands in for a base image from a registry."""
    key = hashlib.sha256(f"{SUITE} {INCLUDED}".encode()).hexdigest()[:12]
    name = f"{REPOSITORY}-base:{key}"
    if builder.has(name):
        return name
    folder = builder.home / "base"
    folder.mkdir(exist_ok=True)
    with step(f"make the base image (Debian {SUITE}, {', '.join(INCLUDED)})"):
        archive = folder / "base.tar"
        recipe = ["mmdebstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}", SUITE, str(archive)]
        run(recipe, remedy="check that the Debian mirror is reachable: apt-get update")
        (folder / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        builder.build("--tag", name, str(folder))
        archive.unlink()
    return name
