"""Runs buildah with a store of its own in the cache, and what a build may use of this machine.

Owns buildah's options and the housekeeping of its store. Knows no target and no cluster.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.shell import succeeds
from localcluster.storage import Storage
from localcluster.tools import locked, unless_locked

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Inside the build.
DOWNLOADS = "/var/cache/uv"
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
NPM_VARIABLES = ("NPM_CONFIG_REGISTRY", "npm_config_registry")
FOLDERS = ("storage", "run", "tmp", "downloads", "var-lib")
IN_USE = "images-in-use"
# Where buildah keeps what RUN --mount=type=cache keeps, beside its scratch.
RUN_CACHES = "buildah-cache"


@dataclass(frozen=True, slots=True)
class Built:
    """The image of a build, and every step it went through, by the beginning of its id."""

    image: str
    steps: frozenset[str]


@dataclass(frozen=True, slots=True)
class Builder:
    """One store of images below ``home``."""

    home: Path

    @property
    def storage(self) -> Storage:
        return Storage(self.home / "storage")

    def prepare(self) -> None:
        """Write what the builds mount: all of it is the host's, so it is written anew each time."""
        for folder in FOLDERS:
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        index = next((os.environ[name] for name in INDEX_VARIABLES if os.environ.get(name)), None)
        (self.home / "pip.conf").write_text(pip_conf(index))
        (self.home / "uv.toml").write_text(uv_toml(index))
        registry = next((os.environ[name] for name in NPM_VARIABLES if os.environ.get(name)), None)
        (self.home / "npmrc").write_text(npmrc(registry))
        # Images come from this machine only, so there is no signature to ask for.
        (self.home / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def has(self, name: str) -> bool:
        return succeeds(self._command("inspect", "--type", "image", name))

    def build(self, *arguments: str) -> Built:
        """Build quietly; what the build said is shown only when it fails."""
        before = frozenset(self.storage.unnamed())
        with tempfile.NamedTemporaryFile(dir=self.home / "tmp") as file:
            options = ["--isolation", "chroot", "--network", "host", "--layers", "--pull-never"]
            options += ["--signature-policy", str(self.home / "policy.json"), "--iidfile", file.name]
            said = self._run("bud", *options, *self._mounts(), *arguments)
            image = Path(file.name).read_text().strip().removeprefix("sha256:")
        # With --iidfile buildah names only the steps it had; those it made are the ones that were not there.
        made = frozenset(self.storage.unnamed()) - before
        return Built(image, mentioned(said) | made | {image})

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While builds run and until their steps are noted: nothing may be forgotten."""
        with locked(IN_USE, shared=True):
            yield

    def sweep(self) -> None:
        """Remove what builds left that were interrupted, gigabytes at times; not while another run builds."""
        with unless_locked(IN_USE) as free:
            if not free:
                return
            for left in (self.home / "tmp").iterdir():
                if left.is_dir() and not left.name.startswith(RUN_CACHES):
                    shutil.rmtree(left, ignore_errors=True)
                elif left.is_file():
                    left.unlink(missing_ok=True)
            if self.storage.containers():
                self._run("rm", "--all")

    def forget_but(self, kept: Collection[str]) -> None:
        """Remove what no build of late went through; not while another run builds."""
        with unless_locked(IN_USE) as free:
            for image in self.storage.unnamed() if free else ():
                if not image.startswith(tuple(kept)):
                    # Removing an image removes parents that only it had, so some are gone already.
                    with suppress(ClusterError):
                        self._run("rmi", "--force", image)

    def _run(self, *arguments: str) -> str:
        # Its scratch and the caches of RUN --mount=type=cache go where TMPDIR says.
        env = {**os.environ, "TMPDIR": str(self.home / "tmp")}
        done = subprocess.run(
            self._command(*arguments),
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stdout[-4000:]
            raise ClusterError(f"buildah {arguments[0]} failed\n{said}", "mend the step shown last")
        return done.stdout

    def _command(self, *arguments: str) -> list[str]:
        """In a mount namespace of its own: storage's mounts end with the command, and what buildah insists on
        keeping below /var/lib lands in the cache."""
        script = 'mount --bind "$1" /var/lib && shift && exec buildah "$@"'
        own = ["unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", script, "sh"]
        store = ["--root", str(self.home / "storage"), "--runroot", str(self.home / "run")]
        return [*own, str(self.home / "var-lib"), *store, "--storage-driver", "overlay", *arguments]

    def _mounts(self) -> Iterator[str]:
        """Trusted authorities, package indexes and downloaded packages of this machine.

        Mounted, not copied and no build arguments: nothing of it is in the image or its history.
        """
        mounts = {
            self.home / "downloads": DOWNLOADS,
            self.home / "pip.conf": "/etc/pip.conf:ro",
            self.home / "uv.toml": "/etc/uv/uv.toml:ro",
            self.home / "npmrc": "/etc/npmrc:ro",
        }
        if CERTIFICATES.exists():
            mounts[CERTIFICATES] = f"{CERTIFICATES}:ro"
        for source, target in mounts.items():
            yield from ("--volume", f"{source}:{target}")


def mentioned(said: str) -> frozenset[str]:
    """The images that a build's output names, new ones and those from its cache."""
    return frozenset(re.findall(r"^--> (?:Using cache )?([0-9a-f]{11,64})$", said, re.MULTILINE))


def pip_conf(index: str | None) -> str:
    lines = ["[global]", f"cert = {CERTIFICATES}", "disable-pip-version-check = true"]
    return "\n".join([*lines, f"index-url = {index}" if index else ""]).rstrip() + "\n"


def uv_toml(index: str | None) -> str:
    """uv trusts its own list of authorities unless told to use the system's."""
    chosen = f'[[index]]\nurl = "{index}"\ndefault = true\n' if index else ""
    return f'native-tls = true\ncache-dir = "{DOWNLOADS}"\n{chosen}'


def npmrc(registry: str | None) -> str:
    """npm trusts its own list of authorities as well; another registry stands in for the one of a lockfile."""
    lines = [f"cache={DOWNLOADS}/npm", "update-notifier=false"]
    lines += [f"cafile={CERTIFICATES}"] if CERTIFICATES.exists() else []
    return "\n".join([*lines, *([f"registry={registry}"] if registry else [])]) + "\n"
