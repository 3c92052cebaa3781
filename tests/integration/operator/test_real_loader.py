"""Operator and loader together: Jobs are run as they are written, by a process on this machine, against a local hub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.server import Hub, running
from integration.api import Api, Object, eventually
from integration.loader.loading import GOOD, OTHER, ROOT, SMALL, publish, publish_large
from integration.operator.loaders import ends, llm_model, pod_of, runs
from integration.operator.rig import Operator, claim, condition, status_of

# Where a loader's process answers: it listens on every address.
ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Site:
    """A namespace with a cache (a claim for the operator, a folder for the loader), and a hub with its shelf."""

    api: Api
    namespace: str
    cache: Path
    hub: Hub
    shelf: Path

    def wants(self, uri: str) -> None:
        """Make an LLMModel."""
        self.api.create(llm_model(self.namespace, uri=uri))

    def pod(self, job: str | None = None) -> Object:
        """Return the Pod of the loader, once there is one."""
        return pod_of(self.api, self.namespace, "tiny", job)

    def says(self, reason: str) -> Object:
        """Wait until the LLMModel says why it is as it is; return its status."""

        def status() -> Object:
            return status_of(self.api, self.namespace, "tiny", "LLMModel")

        eventually(
            lambda: condition(self.api, self.namespace, "Ready", "tiny", "LLMModel")[1] == reason, why=status
        )
        return status()

    def removal(self) -> str | None:
        """Return the name of the Job that takes files out of the cache."""
        names = [job["metadata"]["name"] for job in self.api.list("Job", self.namespace)]
        return next((name for name in names if "-remove-" in name), None)


@contextmanager
def a_site(api: Api, namespace: str, home: Path, tokens: Mapping[str, list[str]]) -> Iterator[Site]:
    """Make a cache, and a hub that knows these tokens and what was granted to each."""
    claim(api, namespace, "tidegate-models")
    for name in ("cache", "shelf"):
        (home / name).mkdir()
    with running(home / "shelf", tokens=dict(tokens)) as hub:
        yield Site(api, namespace, home / "cache", hub, home / "shelf")


@pytest.fixture
def site(api: Api, namespace: str, tmp_path: Path) -> Iterator[Site]:
    """A hub with a token that was granted what is closed, and one that was not."""
    with a_site(api, namespace, tmp_path, {GOOD: ["Org/Closed"], OTHER: []}) as made:
        yield made


def plays_the_kubelet(site: Site, pod: Object, **secrets: str) -> subprocess.CompletedProcess[str]:
    """Run the container of a Pod as it is written, and say how it ended."""
    [container] = pod["spec"]["containers"]
    given = {one["name"]: one.get("value", secrets.get(one["name"], "")) for one in container["env"]}
    assert {one["name"] for one in container["env"] if "valueFrom" in one} == set(secrets)
    env = {
        **os.environ,
        **given,
        "HF_ENDPOINT": site.hub.url,
        "MODELSCOPE_ENDPOINT": site.hub.url,
        "PYTHONPATH": f"{ROOT / 'worker'}:{ROOT / 'crds'}",
    }
    words = [word if word != "/cache" else str(site.cache) for word in container["args"]]
    last = site.cache.parent / "last"
    runs(site.api, pod, ADDRESS)
    command = [sys.executable, *container["command"][1:], *words, f"--termination-message={last}"]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    ends(site.api, pod, last.read_text(), done.returncode)
    return done


def test_a_model_comes_is_pinned_and_goes(site: Site, operator: Operator) -> None:
    publish_large(site.shelf, "Org/Model", 12)
    site.wants("hf://Org/Model")
    plays_the_kubelet(site, site.pod())
    status = site.says("ModelCached")
    folder = site.cache / status["path"]
    assert (status["phase"], status["progress"], status["license"]) == ("Ready", "100%", "apache-2.0")
    assert status["sizeBytes"] > 12_000_000
    assert status["shape"]["layers"] == 2
    assert folder.name == status["revision"]
    assert len(list(folder.glob("*.safetensors"))) == 3
    site.api.delete("LLMModel", site.namespace, "tiny")
    removal = site.pod(eventually(site.removal))
    assert plays_the_kubelet(site, removal).returncode == 0
    assert not folder.exists()


PICKLE = {"config.json": {"model_type": "llama"}, "pytorch_model.bin": b"x"}
CODE = {"config.json": {"model_type": "llama"}, "model.safetensors": SMALL, "model.py": b"x"}
REFUSED: list[tuple[str, str, dict[str, object] | None, str, str]] = [
    ("no such model", "hf://Org/None", None, "ModelNotFound", "Org/None"),
    ("pickles only", "hf://Org/Pickle", PICKLE, "UnsafeFormat", "safetensors"),
    ("code of its own", "hf://Org/Code", CODE, "UnsafeFormat", "model.py"),
    ("code of its own, on ModelScope", "ms://Org/Code", CODE, "UnsafeFormat", "model.py"),
    ("no such model on ModelScope", "ms://Org/None", None, "ModelNotFound", "Org/None"),
]


@pytest.mark.parametrize("case", [pytest.param(case[1:], id=case[0]) for case in REFUSED])
def test_what_cannot_be_had_says_why(
    site: Site, everywhere: Operator, case: tuple[str, dict[str, object] | None, str, str]
) -> None:
    uri, files, reason, words = case
    if files is not None:
        publish(site.shelf, uri.partition("://")[2], files)
    site.wants(uri)
    plays_the_kubelet(site, site.pod())
    status = site.says(reason)
    assert status["phase"] == "Failed"
    assert words in status["conditions"][0]["message"]


def test_a_gated_model_comes_with_the_right_token_only_and_without_waiting(
    site: Site, operator: Operator
) -> None:
    publish(site.shelf, "Org/Closed", gated=True)
    site.wants("hf://Org/Closed")
    plays_the_kubelet(site, site.pod())
    assert "Org/Closed" in site.says("TokenMissing")["conditions"][0]["message"]
    for secret, token, reason in (("other", OTHER, "AccessDenied"), ("good", GOOD, "ModelCached")):
        site.api.patch("LLMModel", site.namespace, "tiny", {"spec": {"tokenSecretRef": {"name": secret}}})
        eventually(lambda secret=secret: _secret(site.pod()) == secret)
        done = plays_the_kubelet(site, site.pod(), HF_TOKEN=token)
        assert token not in str(site.says(reason)) + done.stderr
    assert site.says("ModelCached")["attempts"] == 3


def _secret(pod: Object) -> str | None:
    [container] = pod["spec"]["containers"]
    named = [one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one]
    return named[0] if named else None
