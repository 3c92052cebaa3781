"""Campaign `versions`: another version of the operator takes over, older or newer, and comes back.

Owns where older versions come from: the repository's own history, as nothing was released yet. Services of an older
version are handed to this one and back, with the definitions of each: no worker is replaced, and no field of a spec is
lost. There is one version of the API, v1alpha1, so nothing is converted.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic, sleep

import yaml

from chaos.faults import ASIDE
from chaos.meanings import GROUNDS
from chaos.runner import Verdict
from chaos.world import CONVERGE_SECONDS, POLL_SECONDS, Ground, plane
from integration.api import Object, eventually
from integration.operator.rig import (
    Operator,
    Release,
    claim,
    gateway,
    kill,
    service,
    workers_of,
)
from localcluster.tools import tool

WORDS = "an operator of an older commit makes workers, this one takes over, and the older one comes back"
PART = "versions"
ROOT = Path(__file__).parents[2]
# How many commits to the operator ago: the last one, and some hours of work back.
BACK = (1, 20, 60)
QUIET_SECONDS = 5.0
_HOME = "versions-home"
# What needs nothing but the claim: the others wait for a model that nobody brings here.
SPECS = ("plain", "guessing", "custom", "classes", "canary", "full")


def trials() -> list[tuple[str, str]]:
    """Return all trials; none where there is no history."""
    return [(f"back-{back}", commit) for back in BACK for commit in _commits()[back : back + 1]]


def verdicts(asked: Sequence[tuple[str, str]]) -> Iterator[Verdict]:
    """Yield how each trial ended, each on a control plane of its own: definitions are the whole cluster's."""
    for words, commit in asked:
        began = monotonic()
        with plane() as on, tempfile.TemporaryDirectory(prefix="tidegate-versions-") as folder:
            try:
                wrong = tuple(_there_and_back(on, commit, Path(folder)))
            except AssertionError as error:
                wrong = (f"{error}"[:1500],)
        yield Verdict(PART, words, commit, True, wrong, monotonic() - began, 0)


@dataclass
class Older(Operator):
    """The operator as a folder has it."""

    tree: Path = ROOT

    def environment(self) -> dict[str, str]:
        """Return all that its process is told from outside, and where its modules are."""
        paths = [str(self.tree / name) for name in ("operator", "crds")]
        return {**super().environment(), "PYTHONPATH": os.pathsep.join(paths)}


def _there_and_back(on: Ground, commit: str, home: Path) -> Iterator[str]:
    older = home / "tree"
    older.mkdir()
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(older)], input=archive, check=True)
    for name in (_HOME, *SPECS):
        on.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        gateway(on.api, name)
        claim(on.api, name)
    with _running(on, older, home):
        for name in SPECS:
            on.api.create({**service(name), "spec": GROUNDS[name]})
        eventually(lambda: all(_workers(on, name) for name in SPECS), CONVERGE_SECONDS)
        _await_silence(on)
        before = {name: _seen(on, name) for name in SPECS}
    for tree in (ROOT, older):
        with _running(on, tree, home):
            _await_silence(on)
            words = "this version" if tree == ROOT else "the older one again"
            for name in SPECS:
                yield from (f"{name}, {words}: {one}" for one in _lost(before[name], _seen(on, name)))


@contextlib.contextmanager
def _running(on: Ground, tree: Path, home: Path) -> Iterator[None]:
    """Have the definitions, rights and settings of a version, and its operator lead."""
    on.api.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(tree / "crds"))
    operator = Older(_release(on, tree, home), home, _HOME, (), resync_seconds=1.0, tree=tree)
    operator.start()
    try:
        eventually(operator.leads, CONVERGE_SECONDS, why=operator.tail)
        yield
    finally:
        kill(operator)


def _release(on: Ground, tree: Path, home: Path) -> Release:
    """Apply what the chart of a version gives its operator."""
    files = ("--show-only=templates/operator/rbac.yaml", "--show-only=templates/operator/settings.yaml")
    helm = [
        str(tool("helm")),
        "template",
        "tidegate",
        str(tree / "charts" / "tidegate"),
        f"--namespace={_HOME}",
    ]
    text = subprocess.run([*helm, *files], capture_output=True, text=True, check=True).stdout
    manifests = home / "release.yaml"
    manifests.write_text(text)
    on.api.kubectl("apply", "--server-side", "--force-conflicts", "-n", _HOME, "-f", str(manifests))
    objects = [one for one in yaml.safe_load_all(text) if one]
    settings = home / "settings.yaml"
    settings.write_text(next(one["data"]["settings.yaml"] for one in objects if one["kind"] == "ConfigMap"))
    known = json.loads(on.api.plane.kubeconfig.read_text())
    known["users"][0]["user"] = {"token": on.api.token(_HOME, "tidegate-operator")}
    limited = home / "kubeconfig"
    limited.write_text(json.dumps(known))
    return Release(limited, settings)


def _await_silence(on: Ground) -> None:
    """Wait until for some looks at everything nobody writes anything."""
    limit, count, since = monotonic() + CONVERGE_SECONDS, -1, monotonic()
    while monotonic() - since < QUIET_SECONDS:
        assert monotonic() < limit, f"no silence within {CONVERGE_SECONDS:g} s"
        writes = [one for name in SPECS for one in on.audit.of(name)]
        now = sum(one.target.partition("/")[0] not in ASIDE for one in writes)
        if now != count:
            count, since = now, monotonic()
        sleep(POLL_SECONDS)


def _seen(on: Ground, name: str) -> tuple[list[str], Object]:
    found = on.api.get("LLMService", name, "chat")
    assert found
    return _workers(on, name), found["spec"]


def _workers(on: Ground, name: str) -> list[str]:
    return sorted(one["metadata"]["uid"] for one in workers_of(on.api, name))


def _lost(before: tuple[list[str], Object], after: tuple[list[str], Object]) -> Iterator[str]:
    if before[0] != after[0]:
        yield f"workers {before[0]} became {after[0]}"
    for key, value in before[1].items():
        if after[1].get(key) != value:
            yield f"spec.{key} was {value}, is {after[1].get(key)}"


@cache
def _commits() -> tuple[str, ...]:
    """Return the commits to the operator, the newest first."""
    asked = ["git", "-C", str(ROOT), "log", "--format=%h", "--", "operator", "crds"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return tuple(found.stdout.split())
