"""The command line against the real thing: what is deployed, what is seen of it, what it answers, what is found wrong.

It changes nothing of the demo: its own service is made of the demo's model, and goes again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from e2e.cluster import Namespace, kubectl
from e2e.conftest import SERVICE, tenant_key

NAME = "e2e-cli"
MODEL = "pvc://models/smollm2-135m-instruct"


def tidegate(
    *words: str, key: str = "", stdin: str = "", timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command as its user does."""
    return subprocess.run(
        [sys.executable, "-m", "tidegate_cli", *words],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "TIDEGATE_API_KEY": key},
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def key(demo: Namespace) -> Iterator[str]:
    """A key of a tenant of the demo's namespace."""
    with tenant_key(demo.name, NAME) as made:
        yield made


@pytest.fixture
def gone(demo: Namespace) -> Iterator[None]:
    """Sees to it that the tests' own service is not there afterwards."""
    yield
    kubectl("delete", "llmservice", "-n", demo.name, NAME, "--ignore-not-found", "--wait=false")


def test_a_model_is_deployed_and_the_end_says_how_to_call_it(demo: Namespace, gone: None) -> None:
    """Without a worker, so that the machine need not hold two models: the operator answers for it all the same."""
    words = ["deploy", MODEL, "--name", NAME, "-n", demo.name, "--replicas", "0"]
    tried = tidegate(*words, "--dry-run", "-o", "json")
    assert tried.returncode == 0, tried.stderr
    assert json.loads(tried.stdout)["items"][0]["spec"]["replicas"] == 0
    made = tidegate(*words)
    assert made.returncode == 0, made.stderr
    assert f"tidegate chat {NAME}" in made.stdout
    assert demo.get("llmservice", NAME)["spec"]["model"]["uri"] == MODEL
    listed = tidegate("status", "-n", demo.name)
    assert {line.split()[0] for line in listed.stdout.splitlines()} >= {"NAME", SERVICE, NAME}


def test_a_service_that_answers_is_waited_for_no_longer_and_says_hello(demo: Namespace, key: str) -> None:
    uri = demo.get("llmservice", SERVICE)["spec"]["model"]["uri"]
    manifest = json.dumps(
        {
            "apiVersion": "serving.tidegate.dev/v1alpha1",
            "kind": "LLMService",
            "metadata": {"name": SERVICE},
            "spec": {"model": {"uri": uri}},
        }
    )
    done = tidegate("deploy", "-", "-n", demo.name, "--wait", "--timeout", "60", key=key, stdin=manifest)
    assert done.returncode == 0, done.stderr
    assert f"LLMService {demo.name}/{SERVICE} answers after" in done.stderr
    assert "Asked to say hello, it has: first token" in done.stderr


def test_the_status_says_where_the_model_really_runs(demo: Namespace) -> None:
    done = tidegate("status", SERVICE, "-n", demo.name, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["phase"], found["missing"]) == ("Ready", {})
    [worker] = [one for one in found["workers"] if one["ready"]]
    assert worker["device"] == "CPU"
    assert worker["kvBlocks"] > 0
    assert worker["kvBlockTokens"] > 0
    assert "Ready" in {one["type"] for one in found["conditions"] if one["status"] == "True"}


def test_a_question_is_answered_with_its_times_and_the_top_has_seen_it(demo: Namespace, key: str) -> None:
    asked = ["chat", SERVICE, "-n", demo.name, "--max-tokens", "16", "--temperature", "0"]
    answered = tidegate(*asked, "What is the capital of France? Answer in one sentence.", key=key)
    assert answered.returncode == 0, answered.stderr
    assert "Paris" in answered.stdout
    assert "first token" in answered.stderr
    assert key not in answered.stdout + answered.stderr
    piped = tidegate(*asked, "-o", "json", stdin="Say hello.", key=key)
    assert piped.returncode == 0, piped.stderr
    told = json.loads(piped.stdout)
    assert told["answer"]
    assert told["completionTokens"] > 0
    assert told["firstTokenSeconds"] > 0
    done = tidegate("top", "-n", demo.name, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["gateways"], found["missing"]) == (1, None)
    [live] = [one["live"] for one in found["services"] if one["name"] == SERVICE]
    assert live["pools"][0]["workersReady"] == 1


def test_a_key_that_is_none_is_refused_with_the_way_to_one(demo: Namespace) -> None:
    refused = tidegate("chat", SERVICE, "hi", "-n", demo.name, "--key", "sk-" + "0" * 43)
    assert refused.returncode == 1
    assert "refused (401)" in refused.stderr
    assert "tidegate keys create" in refused.stderr


def test_a_load_is_measured_request_by_request(demo: Namespace, key: str) -> None:
    sizes = ["--requests", "2", "--concurrency", "2", "--prompt-tokens", "8", "--output-tokens", "4"]
    done = tidegate("bench", SERVICE, "-n", demo.name, *sizes, "-o", "json", key=key)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["requests"], found["failed"], found["completionTokens"]) == (2, 0, 8)
    assert found["firstTokenSeconds"]["p50"] > 0


def test_the_doctor_finds_the_demo_in_good_health(demo: Namespace) -> None:
    done = tidegate("doctor", "-n", demo.name, "-o", "json")
    found = {one["check"]: one["verdict"] for one in json.loads(done.stdout)}
    assert "fail" not in found.values(), done.stdout
    assert done.returncode == 0
    assert (found["operator leads"], found["gateway"], found["custom resources"]) == ("ok", "ok", "ok")


def test_a_shell_completes_the_names_of_the_cluster(demo: Namespace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidegate_cli"],
        env={
            **os.environ,
            "_TIDEGATE_COMPLETE": "complete_bash",
            "COMP_WORDS": f"tidegate status -n {demo.name} {SERVICE[:2]}",
            "COMP_CWORD": "4",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert SERVICE in done.stdout.split()
