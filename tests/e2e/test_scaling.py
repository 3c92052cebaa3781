"""Replicas follow the load on real engines: up, down, to nothing and back, and never because something is not known.

The stories use one service and stand in the order in which each finds what it needs: a worker takes a minute to start.
"""

import json
import math
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from e2e.cluster import Json, Refused, eventually, kubectl, port_forward
from e2e.conftest import SYSTEM, Caller
from e2e.scaled import DEPLOYMENT, NAME, Scaled, load, selector_of_workers, stream, watching
from e2e.turns import keeping_chart
from tidegate_api.names import DRAINING_ANNOTATION
from tidegate_operator.promql import QUERIES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MONITORING = "monitoring"
READY = '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}'
DRAINING = DRAINING_ANNOTATION.replace(".", r"\.")
CLIENTS = 16
# Beyond what an engine takes to start by itself; on a machine that is busy with the model, as much again and more.
PROMISED_EXTRA_SECONDS = 1.5


@pytest.fixture(autouse=True)
def chart(locks: Path) -> Iterator[None]:
    """Let nobody restart the operator while a story counts on what it remembers and how soon it acts."""
    with keeping_chart(locks):
        yield


@pytest.fixture(scope="module")
def prometheus(scaled: Scaled) -> Iterator[str]:
    """The address of the cluster's Prometheus, which knows the worker by now."""
    try:
        kubectl("get", "service", "prometheus", "-n", MONITORING)
    except Refused:
        pytest.skip("this cluster has no Prometheus of ours")
    kubectl("rollout", "status", "deployment/prometheus", "-n", MONITORING, "--timeout=60s")
    with port_forward(MONITORING, "service/prometheus", 9090) as url:
        [pod] = scaled.wait_for_workers(1)
        eventually(lambda: ask(url, f'vllm:num_requests_running{{pod="{pod}"}}'), "the worker is scraped", 60)
        yield url


def ask(prometheus: str, query: str) -> list[Json]:
    """Return the samples of a query now."""
    words = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{words}", timeout=10) as answer:
        found: Json = json.load(answer)
    assert found["status"] == "success"
    return list(found["data"]["result"])


def tidegate(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line that users have."""
    return subprocess.run(
        [sys.executable, "-m", "tidegate_cli", "scaling", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("namespace", "pods", "series"),
    [
        pytest.param("tidegate-demo", "scaled-.*", "vllm:kv_cache_usage_perc", id="workers"),
        pytest.param("tidegate-system", "tidegate-gateway-.*", "process_cpu_seconds_total", id="the gateway"),
        pytest.param(
            "tidegate-system", "tidegate-operator-.*", "tidegate_operator_leader", id="the operator"
        ),
    ],
)
def test_prometheus_scrapes_each_part_once_and_keeps_whose_it_is(
    prometheus: str, namespace: str, pods: str, series: str
) -> None:
    found = eventually(
        lambda: ask(prometheus, f'{series}{{namespace="{namespace}", pod=~"{pods}"}}'), "it is scraped", 60
    )
    told = {one["metric"]["pod"] for one in found}
    assert len(found) == len(told)
    # A Pod that is on its way out is a target still, and answers no more.
    targets = ask(prometheus, f'up{{namespace="{namespace}", pod=~"{"|".join(told)}"}}')
    assert [one["value"][1] for one in targets] == ["1"] * len(told)


@pytest.mark.parametrize("signal", sorted(QUERIES))
def test_every_query_that_we_ship_finds_the_worker(
    scaled: Scaled, patient: openai.OpenAI, prometheus: str, signal: str
) -> None:
    patient.completions.create(model=NAME, prompt="Hi", max_tokens=4)
    pods = set(scaled.wait_for_workers(1))
    eventually(
        lambda: pods <= {one["metric"].get("pod") for one in ask(prometheus, QUERIES[signal])},
        f"{signal}: {QUERIES[signal]} finds {pods}",
        30,
    )


def test_a_request_wakes_what_sleeps_and_is_answered(
    scaled: Scaled, patient: openai.OpenAI, caller: Caller
) -> None:
    scaled.scale(minReplicas=0)
    began = time.monotonic()
    scaled.wait_for_workers(0)
    slept = time.monotonic() - began
    assert NAME in [model.id for model in patient.models.list()]
    where = scaled.namespace.name
    with (
        watching(where, "llmservice", "{.status.demand[*].requestedAt}", NAME) as marks,
        watching(where, "deployment", "{.spec.replicas}", DEPLOYMENT) as deployment,
        watching(where, "pods", READY, selector_of_workers()) as pods,
        ThreadPoolExecutor(3) as pool,
    ):
        # A mark may stand there since the pool woke before.
        before = marks.lines[-1][1]
        sent = time.monotonic()
        held = pool.submit(raw_stream, caller)
        others = [
            pool.submit(patient.completions.create, model=NAME, prompt="Hi", max_tokens=4) for _ in range(2)
        ]
        comments, first, whole = held.result()
        assert all(other.result().choices for other in others)
    marked = marks.first(rf"(?!{re.escape(before)}$).+", after=sent)
    asked = deployment.first("1", after=sent)
    ready = pods.first(r"\S+ True", after=sent)
    extra = (asked - sent) + (first - ready)
    print(
        f"\n1 -> 0: {slept:.0f} s; 0 -> 1: marked after {marked - sent:.2f} s, asked for after "
        f"{asked - sent:.2f} s, engine {ready - asked:.0f} s, first token {first - ready:.2f} s after Ready: "
        f"{extra:.2f} s beside the engine; {comments} heartbeats"
    )
    assert comments >= math.floor((ready - sent - 5) / 5) - 1
    assert whole.count(b"data: [DONE]") == 1
    assert extra < PROMISED_EXTRA_SECONDS + 4
    scaled.scale()


def raw_stream(caller: Caller) -> tuple[int, float, bytes]:
    """Ask for a stream; return its comments, when its first event came, and all of it."""
    body = {"model": NAME, "prompt": "Hi", "max_tokens": 8, "stream": True}
    headers = {"authorization": f"Bearer {caller.key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{caller.url}/v1/completions", json.dumps(body).encode(), headers)
    comments, first, lines = 0, math.inf, []
    with urllib.request.urlopen(request, timeout=400) as answer:
        for line in answer:
            lines.append(line)
            comments += line.startswith(b":")
            if line.startswith(b"data:"):
                first = min(first, time.monotonic())
    return comments, first, b"".join(lines)


def test_advice_is_told_and_changes_nothing(scaled: Scaled, patient: openai.OpenAI) -> None:
    scaled.scale(mode="Advise")
    try:
        with load(patient, CLIENTS) as seen:
            advice = scaled.wait_for_wanted(2)
            time.sleep(12)
            assert scaled.replicas() == 1
        assert advice["mode"] == "Advise"
        assert not seen.failures
    finally:
        scaled.scale()


def test_one_worker_becomes_two_under_a_load_that_fills_it(
    scaled: Scaled, patient: openai.OpenAI, tmp_path: Path
) -> None:
    scaled.scale()
    with load(patient, CLIENTS) as seen:
        began = time.monotonic()
        decision = scaled.wait_for_wanted(2)
        decided = time.monotonic() - began
        assert decision["binding"] in {term["name"] for term in decision["terms"]}
        assert any(float(term["replicas"]) > 1 for term in decision["terms"])
        scaled.wait_for_workers(2)
        ready = time.monotonic() - began
        told = tidegate("explain", NAME, "-n", scaled.namespace.name)
        before = seen.answered
        eventually(lambda: seen.answered >= before + 2 * CLIENTS, "both workers answer")
    print(f"\n1 -> 2: decided after {decided:.1f} s, ready after {ready:.0f} s; {seen.answered} answers")
    assert "POOL shared: 2 wanted" in told.stdout
    assert "<- binding" in told.stdout
    assert not seen.failures
    recording = tidegate("record", NAME, "-n", scaled.namespace.name)
    file = tmp_path / "records.jsonl"
    file.write_text(recording.stdout)
    replayed = tidegate("replay", str(file))
    assert (replayed.returncode, replayed.stdout) == (0, ""), replayed.stderr
    assert len(recording.stdout.splitlines()) > 20


def test_replicas_stay_while_prometheus_does_not_answer(
    scaled: Scaled, patient: openai.OpenAI, prometheus: str
) -> None:
    scaled.scale(minReplicas=2)
    both = scaled.wait_for_workers(2)
    assert readings("prometheus") > 0
    kubectl("scale", "deployment", "prometheus", "-n", MONITORING, "--replicas=0")
    try:
        direct = readings("direct")
        with load(patient, CLIENTS) as seen:
            scaled.scale()
            eventually(lambda: readings("direct") >= direct + 6, "workers are read directly", 90)
            assert sorted(scaled.wait_for_workers(2, seconds=1)) == sorted(both)
        assert not seen.failures
        assert scaled.namespace.condition(NAME, "ScalingActive")["status"] == "True"
    finally:
        kubectl("scale", "deployment", "prometheus", "-n", MONITORING, "--replicas=1")


def readings(way: str) -> float:
    """Return how often the operator has read a worker by one way."""
    with (
        port_forward(SYSTEM, "deployment/tidegate-operator", 9090) as admin,
        urllib.request.urlopen(f"{admin}/metrics", timeout=10) as answer,
    ):
        text = answer.read().decode()
    labels = rf'\{{outcome="done",way="{way}"\}}'
    found = re.search(rf"^tidegate_operator_engine_reads_total{labels} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_two_workers_become_one_once_nobody_asks(scaled: Scaled) -> None:
    scaled.scale()
    began = time.monotonic()
    decision = scaled.wait_for_wanted(1, 240)
    decided = time.monotonic() - began
    scaled.wait_for_workers(1)
    print(f"\n2 -> 1: decided after {decided:.0f} s, done after {time.monotonic() - began:.0f} s")
    assert decision["binding"] == "Idle"


def test_no_stream_breaks_when_two_workers_become_one(scaled: Scaled, patient: openai.OpenAI) -> None:
    scaled.scale(minReplicas=2)
    scaled.wait_for_workers(2)
    path = f"{{.metadata.name}} {{.metadata.annotations.{DRAINING}}}"
    with (
        watching(scaled.namespace.name, "pods", path, selector_of_workers()) as pods,
        ThreadPoolExecutor(20) as pool,
    ):
        runs = [pool.submit(lambda: last_reason(stream(patient, 96))) for _ in range(20)]
        time.sleep(3)
        began = time.monotonic()
        scaled.scale(maxReplicas=1)
        assert [run.result() for run in runs] == ["length"] * 20
        ended = time.monotonic()
        marked = pods.first(r"\S+ \S+", after=began)
    assert marked < ended, "streams were running when a worker was told to take no more"
    scaled.wait_for_workers(1)
    print(
        f"\n20 streams, 0 broken: drained {ended - marked:.1f} s; one worker {time.monotonic() - began:.0f} s"
    )


def last_reason(running: "openai.Stream[openai.types.Completion]") -> str | None:
    """Read a stream to its end, and return why it ended."""
    return [part.choices[0].finish_reason for part in running if part.choices][-1]
