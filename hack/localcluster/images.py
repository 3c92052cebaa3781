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
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster import cluster, packages
from localcluster.errors import ClusterError
from localcluster.machine import require_supported
from localcluster.paths import CHECKOUT, cache_dir, layout
from localcluster.report import say, step
from localcluster.shell import run, succeeds
from localcluster.storage import Storage
from localcluster.tools import locked

SUITE = "bookworm"
INCLUDED = ("python3", "python3-venv", "ca-certificates")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
REPOSITORY = "localhost/tidegate"


def build(
    targets: Sequence[str], *, dockerfile: Path = CHECKOUT / "Dockerfile", context: Path = CHECKOUT
) -> dict[str, str]:
    """Build the targets; returns the reference of each."""
    require_supported(cache_dir())
    packages.ensure()
    for folder in ("storage", "run", "tmp", "downloads", "var-lib"):
        (_home() / folder).mkdir(parents=True, exist_ok=True)
    with locked("base-image"):
        base = _base()
    refs = {target: _build_one(target, base, dockerfile, context) for target in targets}
    known = {**tags(), **refs}
    _tags_file().parent.mkdir(parents=True, exist_ok=True)
    _tags_file().write_text(json.dumps(known, indent=2))
    return refs


def tags() -> dict[str, str]:
    """The references of the last builds of this checkout."""
    file = _tags_file()
    return dict(json.loads(file.read_text())) if file.exists() else {}


def load(refs: Mapping[str, str]) -> dict[str, str]:
    """Bring built images into the running cluster; returns the same references."""
    runtime, store = cluster.runtime(), Storage(_home() / "storage")
    present = runtime.images()
    for target, ref in refs.items():
        if ref not in present:
            with step(f"load image {target} into the cluster"):
                image = store.image(ref.rpartition(":")[2])
                new = runtime.load(image, ref)
            say(f"  {new} of {len(image.layers)} layers were new to it")
    return dict(refs)


def alias(ref: str, name: str) -> None:
    """Give an image of the cluster a second name, such as one that a manifest uses."""
    cluster.runtime().tag(ref, name)


def clear() -> None:
    """Forget every built image and layer, of all checkouts."""
    with step("remove all built images from the cache"):
        shutil.rmtree(_home(), ignore_errors=True)


def _home() -> Path:
    return cache_dir() / "images"


def _tags_file() -> Path:
    return layout().state / "images.json"


def _build_one(target: str, base: str, dockerfile: Path, context: Path) -> str:
    with step(f"build image {target}"):
        image = _bud("--target", target, "--build-arg", f"BASE={base}", "-f", str(dockerfile), str(context))
    return f"{REPOSITORY}/{target}:{image[:12]}"


def _base() -> str:
    """A minimal Debian with Python, which stands in for a base image from a registry."""
    key = hashlib.sha256(f"{SUITE} {INCLUDED}".encode()).hexdigest()[:12]
    name = f"{REPOSITORY}-base:{key}"
    if succeeds(_command("inspect", "--type", "image", name)):
        return name
    folder = _home() / "base"
    folder.mkdir(parents=True, exist_ok=True)
    with step(f"make the base image (Debian {SUITE}, {', '.join(INCLUDED)})"):
        archive = folder / "base.tar"
        recipe = ["mmdebstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}", SUITE, str(archive)]
        run(recipe, remedy="check that the Debian mirror is reachable: apt-get update")
        (folder / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        _bud("--tag", name, str(folder))
        archive.unlink()
    return name


def _bud(*arguments: str) -> str:
    """Build, showing what the build says only when it fails; returns the image's id."""
    result = _home() / f"image-id-{os.getpid()}"
    options = [
        "--isolation",
        "chroot",
        "--network",
        "host",
        "--layers",
        "--pull-never",
        "--iidfile",
        str(result),
    ]
    done = _buildah("bud", *options, *_policy(), *_host_mounts(), *arguments)
    try:
        return result.read_text().strip().removeprefix("sha256:")
    except OSError as error:
        raise ClusterError(f"buildah named no image\n{done[-2000:]}") from error
    finally:
        result.unlink(missing_ok=True)


def _buildah(*arguments: str) -> str:
    # Its scratch and the caches of RUN --mount=type=cache go where TMPDIR says.
    env = {**os.environ, "TMPDIR": str(_home() / "tmp")}
    done = subprocess.run(
        _command(*arguments),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ClusterError(
            f"buildah {arguments[0]} failed\n{done.stdout[-4000:]}", "mend the step shown last"
        )
    return done.stdout


def _command(*arguments: str) -> list[str]:
    """In a mount namespace of its own: storage's mounts end with the command, and what buildah insists on
    keeping below /var/lib lands in the cache."""
    script = 'mount --bind "$1" /var/lib && shift && exec buildah "$@"'
    own = [
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        "--",
        "sh",
        "-c",
        script,
        "sh",
        str(_home() / "var-lib"),
    ]
    store = [
        "--root",
        str(_home() / "storage"),
        "--runroot",
        str(_home() / "run"),
        "--storage-driver",
        "overlay",
    ]
    return [*own, *store, *arguments]


def _policy() -> list[str]:
    """Images come from this machine only, so there is no signature to ask for."""
    file = _home() / "policy.json"
    file.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return ["--signature-policy", str(file)]


def _host_mounts() -> list[str]:
    """What the build may use of this machine: trusted authorities, package indexes, downloaded packages.

    Mounted, not copied and no build arguments: nothing of it is in the image or its history.
    """
    home = _home()
    index = (
        os.environ.get("UV_DEFAULT_INDEX")
        or os.environ.get("UV_INDEX_URL")
        or os.environ.get("PIP_INDEX_URL")
    )
    (home / "pip.conf").write_text(pip_conf(index))
    (home / "uv.toml").write_text(uv_toml(index))
    mounts = {home / "downloads": "/root/.cache/uv", home / "pip.conf": "/etc/pip.conf:ro"}
    mounts[home / "uv.toml"] = "/etc/uv/uv.toml:ro"
    if CERTIFICATES.exists():
        mounts[CERTIFICATES] = f"{CERTIFICATES}:ro"
    return [word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}")]


def pip_conf(index: str | None) -> str:
    lines = ["[global]", f"cert = {CERTIFICATES}", "disable-pip-version-check = true"]
    return "\n".join([*lines, f"index-url = {index}" if index else ""]).rstrip() + "\n"


def uv_toml(index: str | None) -> str:
    """uv trusts its own list of authorities unless told to use the system's."""
    chosen = f'[[index]]\nurl = "{index}"\ndefault = true\n' if index else ""
    return f"native-tls = true\n{chosen}"
