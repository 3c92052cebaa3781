"""Changes of what runs, on a real cluster: no stream breaks, and a bad version takes nothing down.

Most stories are told of llama.cpp's server, which is up in seconds; two of vLLM. Each begins where the last has ended.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from e2e.asking import known
from e2e.cluster import Json, Namespace, eventually, kubectl
from e2e.conftest import SYSTEM, restricted_namespace, tenant_key
from e2e.traffic import traffic
from e2e.turns import changing_chart
from tidegate_api.names import API_VERSION, REVISION_LABEL, SERVICE_KIND

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "13-other-engines" / "llamacpp.yaml"
HELM = os.environ.get("TIDEGATE_HELM", "helm")
RELEASE = "tidegate"
OPERATOR = "deployment/tidegate-operator"
SMALL = "small"
MODEL_IMAGE = "oci://docker.io/tidegate/example-model:0.1.0#model/smollm2-135m-instruct"
GOLDEN = "golden"
PARIS = [{"name": "paris", "prompt": "The capital of France is", "contains": "Paris", "maxTokens": 16}]
STEPS = [{"weight": 20, "pauseSeconds": 5}, {"weight": 50, "pauseSeconds": 5}]
# Answers its probes, and every request with an error: nothing that a start could show.
FAILING = """
import os, signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self): self.answer(200)
    def do_POST(self): self.answer(500)
    def answer(self, status):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""


def small() -> Json:
    """Return the example with a fixed number of workers."""
    made: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    del made["spec"]["scaling"]
    return made


@pytest.fixture(scope="module")
def place(engines: None) -> Iterator[Namespace]:
    """A namespace with one small worker that answers, and golden prompts for it."""
    with restricted_namespace("e2e-rollouts") as made:
        prompts = {"prompts.yaml": yaml.safe_dump(PARIS)}
        made.apply(
            small(), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": GOLDEN}, "data": prompts}
        )
        made.wait_for_ready(SMALL, 1, 120)
        yield made


@pytest.fixture(scope="module")
def client(place: Namespace, gateway: str) -> Iterator[openai.OpenAI]:
    """A caller of class high, known to the gateway."""
    with tenant_key(place.name, "caller") as key:
        yield known(gateway, key)


def change(place: Namespace, name: str, **spec: Any) -> None:
    """Change a spec as `kubectl patch` does."""
    patch = json.dumps({"spec": spec})
    kubectl("patch", "llmservice", name, "-n", place.name, "--type=merge", "-p", patch)


def canary(**analysis: Any) -> Json:
    """Return a rollout that tries first; times are compared loosely, since several engines share two cores."""
    usual = {"minRequests": 3, "maxErrorPercent": 1, "maxTTFTRegressionPercent": 1000}
    return {"canary": {"steps": STEPS, "analysis": {**usual, **analysis}}}


def rollout(place: Namespace, name: str) -> Json:
    found: Json = place.get("llmservice", name).get("status", {}).get("rollout", {})
    return found


def wait_for_phase(place: Namespace, name: str, phase: str, other: str = "", seconds: float = 180) -> Json:
    """Wait until a rollout is there, of another version than `other` in use, and return what status says of it."""
    return eventually(
        lambda: (
            said
            if (said := rollout(place, name)).get("phase") == phase and said.get("revision") != other
            else None
        ),
        f"a rollout in phase {phase}: {place.last_status(name)}",
        seconds,
        every=0.3,
    )


def is_ready(place: Namespace, name: str) -> bool:
    return place.condition(name, "Ready").get("status") == "True"


def uids(place: Namespace, name: str) -> Mapping[str, str]:
    """Return the version of each worker by its uid."""
    return {pod["metadata"]["uid"]: pod["metadata"]["labels"][REVISION_LABEL] for pod in place.pods_of(name)}


@pytest.mark.timeout(300)
def test_a_canary_that_does_well_is_promoted_by_itself(place: Namespace, client: openai.OpenAI) -> None:
    before = rollout(place, SMALL)["revision"]
    with traffic(client, SMALL, 4, 8) as seen:
        change(
            place,
            SMALL,
            engine={"args": ["--context-tokens=1536", "--threads=1"]},
            rollout=canary(goldenPromptsRef={"name": GOLDEN}),
        )
        weights = set()
        for weight in (20, 50):
            said = eventually(
                lambda: (
                    said
                    if (said := rollout(place, SMALL)).get("weight") == weight  # noqa: B023 - called at once
                    else None
                ),
                f"{weight} % go to it: {place.last_status(SMALL)}",
                120,
                every=0.2,
            )
            weights.add(said["weight"])
            assert said["golden"] == "1/1"
            assert is_ready(place, SMALL)
        after = wait_for_phase(place, SMALL, "Stable", before)
    assert after["revision"] != before
    assert seen.broken == []
    assert seen.whole > 10
    (version,) = set(uids(place, SMALL).values())
    assert version == after["revision"]


@pytest.mark.timeout(300)
def test_a_canary_that_fails_requests_is_taken_back_and_nobody_notices(
    place: Namespace, client: openai.OpenAI
) -> None:
    before, workers = rollout(place, SMALL)["revision"], set(uids(place, SMALL))
    with traffic(client, SMALL, 4, 8) as seen:
        change(
            place,
            SMALL,
            engine={"command": ["python3", "-c", FAILING], "args": []},
            rollout=canary(goldenPromptsRef=None),
        )
        said = wait_for_phase(place, SMALL, "RolledBack")
        assert is_ready(place, SMALL)
    assert (said["revision"], said["verdict"]) == (before, "Failed")
    assert "requests failed" in said["message"]
    assert seen.broken == []
    degraded = place.condition(SMALL, "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "RolloutRolledBack")
    assert degraded["message"].startswith(f"version {said['canaryRevision']} was taken back")
    assert set(uids(place, SMALL)) == workers
    assert place.get("llmservice", SMALL)["spec"]["engine"]["command"][0] == "python3"


@pytest.mark.timeout(300)
def test_a_version_that_cannot_start_takes_nothing_down(place: Namespace, client: openai.OpenAI) -> None:
    workers = set(uids(place, SMALL))
    try:
        with traffic(client, SMALL, 2, 16) as seen:
            change(place, SMALL, engine={"command": None, "args": ["--modle"]}, rollout={"canary": None})
            said = place.wait_for_reason(SMALL, "Degraded", "EngineCrashed", 120)
            assert "unrecognized arguments: --modle" in said["message"]
            assert is_ready(place, SMALL)
            assert workers < set(uids(place, SMALL))
        assert seen.broken == []
    finally:
        # Whatever became of it, the next story begins with a version that runs.
        change(place, SMALL, engine={"args": ["--context-tokens=1024", "--threads=1"]})
        wait_for_phase(place, SMALL, "Stable")
        place.wait_for_ready(SMALL, 1, 60)


@contextlib.contextmanager
def setting(*values: str) -> Iterator[None]:
    """Run the operator with another setting, as an upgrade of the chart brings it; undone when the block ends."""
    history = json.loads(helm("history", RELEASE, "--output=json"))
    words = [word for value in values for word in ("--set-string", value)]
    helm("upgrade", RELEASE, str(ROOT / "charts" / "tidegate"), "--reuse-values", "--wait", *words)
    try:
        yield
    finally:
        helm("rollback", RELEASE, str(history[-1]["revision"]), "--wait")


def helm(*words: str) -> str:
    done = subprocess.run(
        [HELM, *words, f"--namespace={SYSTEM}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rolled(demo: Namespace) -> Iterator[Namespace]:
    """A namespace with a vLLM on the example model's image, one worker of which answers."""
    service = {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {"name": "rolled"},
        "spec": {
            "model": {"uri": MODEL_IMAGE},
            "engine": {"maxModelLen": 1024, "maxNumSeqs": 20},
            "resources": {"requests": {"cpu": "100m", "memory": "2Gi"}},
            "replicas": 1,
        },
    }
    with restricted_namespace("e2e-rolled") as made:
        made.apply(service)
        made.wait_for_ready("rolled", 1)
        yield made


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_upgrade_of_the_operator_replaces_no_worker_until_its_user_says_so(
    place: Namespace, client: openai.OpenAI, rolled: Namespace, locks: Path
) -> None:
    workers, others = uids(place, SMALL), uids(rolled, "rolled")
    variable = "resourceProfiles.cpu.env[0]"
    with (
        changing_chart(locks),
        traffic(client, SMALL, 2, 16) as seen,
        setting(f"{variable}.name=E2E_RENEWED", f"{variable}.value=yes"),
    ):
        said = place.wait_for_reason(SMALL, "Progressing", "WorkersOutdated", 120)
        assert "tidegate services renew small" in said["message"]
        assert is_ready(place, SMALL)
        assert uids(place, SMALL) == workers
        assert uids(rolled, "rolled") == others
        renew = [sys.executable, "-m", "tidegate_cli", "services", "renew", SMALL, "-n", place.name]
        subprocess.run(renew, check=True, env=os.environ)
        wait_for_phase(place, SMALL, "Stable", next(iter(workers.values())))
        (pod,) = place.pods_of(SMALL)
        assert {"name": "E2E_RENEWED", "value": "yes"} in pod["spec"]["containers"][0]["env"]
    assert seen.broken == []
    assert uids(rolled, "rolled") == others


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_restarted_operator_restarts_no_worker(place: Namespace, rolled: Namespace, locks: Path) -> None:
    workers, others = uids(place, SMALL), uids(rolled, "rolled")
    with changing_chart(locks):
        kubectl("rollout", "restart", "-n", SYSTEM, OPERATOR)
        kubectl("rollout", "status", "-n", SYSTEM, OPERATOR, "--timeout=120s", timeout=150)
        for where, name in ((place, SMALL), (rolled, "rolled")):
            # A child that comes back shows that the service was looked at since.
            kubectl("delete", "service", name, "-n", where.name)
            eventually(lambda: where.get("service", name), "the Service is made again")  # noqa: B023 - called at once
    assert (uids(place, SMALL), uids(rolled, "rolled")) == (workers, others)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_streams_of_vllm_go_through_a_rolling_update(rolled: Namespace, gateway: str) -> None:
    before = uids(rolled, "rolled")
    (version,) = set(before.values())
    with tenant_key(rolled.name, "roller") as key, traffic(known(gateway, key), "rolled", 20, 96) as seen:
        change(rolled, "rolled", engine={"maxNumSeqs": 24})
        wait_for_phase(rolled, "rolled", "Stable", version, 400)
        eventually(lambda: not set(uids(rolled, "rolled")) & set(before), "the old worker goes", 120)
        assert is_ready(rolled, "rolled")
    assert seen.broken == []
    assert seen.whole >= 20


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_canary_of_vllm_that_answers_nonsense_is_taken_back_before_anybody_hears_it(
    rolled: Namespace, gateway: str
) -> None:
    workers = uids(rolled, "rolled")
    with tenant_key(rolled.name, "roller") as key, traffic(known(gateway, key), "rolled", 2) as seen:
        nonsense = "--chat-template={{ 'Bananas are yellow. Bananas are' }}"
        prompt = {"name": "paris", "contains": "Paris", "maxTokens": 16}
        chat = [{**prompt, "messages": [{"role": "user", "content": "What is the capital of France?"}]}]
        data = {"prompts.yaml": yaml.safe_dump([*PARIS, *chat])}
        rolled.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": GOLDEN}, "data": data})
        change(
            rolled, "rolled", engine={"args": [nonsense]}, rollout=canary(goldenPromptsRef={"name": GOLDEN})
        )
        said = wait_for_phase(rolled, "rolled", "RolledBack", seconds=400)
        assert is_ready(rolled, "rolled")
    assert (said["verdict"], said["golden"]) == ("Failed", "1/2")
    assert not said.get("canary", {}).get("requests")
    assert seen.broken == []
    assert uids(rolled, "rolled") == workers
