"""Who calls matters: classes, limits and revocation, on a real engine with a real model."""

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import openai
import pytest

from e2e.cluster import Namespace, kubectl, port_forward
from e2e.conftest import SYSTEM, Caller, tenant_key

PROMPT = "Write a very long story about a lighthouse keeper."
# What an administrator is promised, and what a watch and a sweep may add on a machine that is busy with a model.
PROMISED_SECONDS = 2


@pytest.fixture
def low(demo: Namespace) -> Iterator[str]:
    """A key of class low."""
    with tenant_key(demo.name, "e2e-low", "low") as key:
        yield key


def patch_tenant(namespace: str, name: str, spec: object) -> None:
    """Change an LLMTenant as its administrator does."""
    patch = json.dumps({"spec": spec})
    kubectl("patch", "llmtenant", name, "-n", namespace, "--type=merge", "-p", patch)


def story(client: openai.OpenAI, tokens: int) -> openai.Stream:  # type: ignore[type-arg]
    """Begin a stream of exactly this many tokens."""
    return client.completions.create(
        model="chat", prompt=PROMPT, max_tokens=tokens, stream=True, extra_body={"ignore_eos": True}
    )


def seconds_to_first_token(client: openai.OpenAI) -> float:
    """Return how long a short request waits for its first token."""
    began = time.monotonic()
    with story(client, 2) as stream:
        next(iter(stream))
        return time.monotonic() - began


@pytest.mark.case(21)
@pytest.mark.case(22)
def test_high_is_hardly_slower_while_low_floods_and_low_goes_on(caller: Caller, low: str) -> None:
    high = caller.client()
    seconds_to_first_token(high)
    idle = median(seconds_to_first_token(high) for _ in range(5))
    ended = threading.Event()
    finished = 0

    def flood() -> None:
        nonlocal finished
        client = caller.client(low)
        while not ended.is_set():
            client.completions.create(
                model="chat", prompt=PROMPT, max_tokens=48, extra_body={"ignore_eos": True}
            )
            finished += 1

    with ThreadPoolExecutor(24) as pool:
        runs = [pool.submit(flood) for _ in range(24)]
        time.sleep(4)
        loaded = median(seconds_to_first_token(high) for _ in range(7))
        ended.set()
        for run in runs:
            run.result()
    print(f"\nfirst token of high: idle {idle * 1000:.0f} ms, beside 24 of low {loaded * 1000:.0f} ms")
    assert finished >= 24
    # Beside a full batch each step of a CPU takes longer; without classes it would wait for whole answers.
    assert loaded < idle * 8 + 0.5


@pytest.mark.case(15)
def test_revoking_a_key_ends_its_stream_and_the_engines_work(demo: Namespace, gateway: str) -> None:
    with tenant_key(demo.name, "e2e-revoked") as key:
        client = Caller(gateway, key).client()
        stream = story(client, 1500)
        next(iter(stream))
        words = [sys.executable, "-m", "tidegate_cli", "keys", "list", "e2e-revoked", "-n", demo.name]
        assert subprocess.run(words, capture_output=True, text=True, check=True).stdout
        kubectl(
            "patch", "llmtenant", "e2e-revoked", "-n", demo.name, "--type=merge", "-p", '{"spec":{"keys":[]}}'
        )
        revoked = time.monotonic()
        with pytest.raises(openai.APIError, match="API key"):
            for _ in stream:
                pass
        seconds = time.monotonic() - revoked
        print(f"\nstream of a revoked key: ended after {seconds:.1f} s")
        # The promise, and as much again and more for a machine whose cores are busy with the model.
        assert seconds < PROMISED_SECONDS + 4
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


@pytest.mark.case(26)
def test_a_limit_holds_and_lowering_it_acts_within_two_seconds(demo: Namespace, gateway: str) -> None:
    with tenant_key(demo.name, "e2e-limited") as key:
        client = Caller(gateway, key).client()
        patch_tenant(demo.name, "e2e-limited", {"limits": {"requestsPerMinute": 3}})
        time.sleep(PROMISED_SECONDS)
        statuses = []
        for _ in range(5):
            try:
                client.completions.create(model="chat", prompt="Hi", max_tokens=1)
                statuses.append(200)
            except openai.RateLimitError as refused:
                statuses.append(429)
                assert int(refused.response.headers["retry-after"]) <= 60
        assert statuses == [200, 200, 200, 429, 429]


@pytest.mark.case(16)
def test_usage_is_what_the_engine_counted_and_reaches_the_status(demo: Namespace, gateway: str) -> None:
    with tenant_key(demo.name, "e2e-counted") as key:
        client = Caller(gateway, key).client()
        answers = [client.completions.create(model="chat", prompt="One two", max_tokens=5) for _ in range(3)]
        stream = client.completions.create(
            model="chat",
            prompt="One two",
            max_tokens=5,
            stream=True,
            stream_options={"include_usage": True},
        )
        reported = [part.usage for part in stream if part.usage]
        assert len(reported) == 1
        usages = [*(answer.usage for answer in answers), *reported]
        expected = {
            "requests": 4,
            "promptTokens": sum(u.prompt_tokens for u in usages if u),
            "completionTokens": sum(u.completion_tokens for u in usages if u),
        }
        until = time.monotonic() + 60
        seen: dict[str, int] = {}
        while time.monotonic() < until and seen != expected:
            time.sleep(1)
            found = kubectl(
                "get", "llmtenant", "e2e-counted", "-n", demo.name, "-o", "jsonpath={.status.usage}"
            )
            usage = json.loads(found or "{}")
            seen = {name: usage.get(name) for name in expected}
        assert seen == expected


@pytest.mark.case(1)
def test_a_stream_is_byte_for_byte_what_the_engine_sends(caller: Caller, demo: Namespace) -> None:
    body = {
        "model": "chat",
        "messages": [{"role": "user", "content": "Count to five."}],
        "temperature": 0,
        "max_tokens": 24,
        "stream": True,
    }
    pod = demo.ready_pods_of("chat")[0]
    with port_forward(demo.name, f"pod/{pod}", 8000) as direct:
        ours = stable(read_stream(caller.url, caller.key, body))
        # The engine is always asked for its report of usage, which comes in an event of its own.
        theirs = stable(read_stream(direct, caller.key, body | {"stream_options": {"include_usage": True}}))
    assert ours == [event for event in theirs if '"choices":[]' not in event]
    assert len(theirs) == len(ours) + 1
    assert len(ours) > 20


def read_stream(url: str, key: str, body: object) -> list[str]:
    """Return the events of a stream as they are written."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read().decode().split("\n\n")


def stable(events: list[str]) -> list[str]:
    """Return events without what differs between two runs: ids and times."""
    return [re.sub(r'"(id|created|request_id)":("[^"]*"|\d+)', r'"\1":0', event) for event in events]


@pytest.mark.case(11)
def test_a_question_for_logprobs_does_not_end_the_worker(caller: Caller) -> None:
    for _ in range(2):
        answer = caller.client().chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": "Hi"}],
            max_tokens=2,
            logprobs=True,
            top_logprobs=2,
        )
        logprobs = answer.choices[0].logprobs
        assert logprobs is not None
        assert len((logprobs.content or [])[0].top_logprobs) == 2


@pytest.mark.case(11)
def test_structured_output_and_several_choices_pass_through(caller: Caller) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    answer = caller.client().chat.completions.create(
        model="chat",
        messages=[{"role": "user", "content": "Give me a number as JSON."}],
        max_tokens=40,
        n=2,
        temperature=0.8,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "number", "schema": schema, "strict": True},
        },
    )
    assert len(answer.choices) == 2
    finished = [choice for choice in answer.choices if choice.finish_reason == "stop"]
    assert all(isinstance(json.loads(choice.message.content or "")["n"], int) for choice in finished)


def test_the_gateway_tells_what_each_class_has(caller: Caller, demo: Namespace) -> None:
    caller.client().completions.create(model="chat", prompt="Hi", max_tokens=1)
    with (
        port_forward(SYSTEM, "deployment/tidegate-gateway", 9090) as admin,
        urllib.request.urlopen(f"{admin}/state", timeout=10) as answer,
    ):
        state = json.load(answer)
    pools = [p for p in state["pools"] if (p["namespace"], p["service"]) == (demo.name, "chat")]
    assert [pool["pool"] for pool in pools] == ["shared"]
    assert {c["name"] for c in pools[0]["classes"]} == {"high", "medium", "low"}
    assert pools[0]["creditsLimit"] > 0
