"""Another engine than vLLM on a real kubelet: llama.cpp's own server, as examples/13-other-engines has it.

It has no metrics that Tidegate reads: what gateways hold is all that its workers are counted by.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from e2e.asking import QUESTION, ask, known
from e2e.cluster import Json, Namespace, eventually, kubectl
from e2e.conftest import restricted_namespace, tenant_key
from tidegate_api.names import pool_name

EXAMPLE = Path(__file__).parents[2] / "examples" / "13-other-engines" / "llamacpp.yaml"
STORY = "Write a very long story about a lighthouse keeper."


def example(name: str, **engine: object) -> Json:
    """Return the example under another name, with other words for its engine."""
    made: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    made["metadata"]["name"] = name
    made["spec"]["engine"].update(engine)
    return made


@pytest.fixture(scope="module")
def place(engines: None) -> Iterator[Namespace]:
    """A namespace with the example as it stands, and one worker that answers."""
    with restricted_namespace("e2e-engines") as made:
        kubectl("apply", "-n", made.name, "-f", str(EXAMPLE))
        made.wait_for_ready("small", 1, 120)
        yield made


@pytest.fixture(scope="module")
def client(place: Namespace, gateway: str) -> Iterator[openai.OpenAI]:
    """A caller of class high, known to the gateway."""
    with tenant_key(place.name, "caller") as key:
        yield known(gateway, key)


def stream(client: openai.OpenAI, tokens: int) -> openai.Stream[Any]:
    return client.chat.completions.create(
        model="small",
        messages=[{"role": "user", "content": STORY}],
        max_tokens=tokens,
        stream=True,
        extra_body={"ignore_eos": True},
    )


def test_it_answers_through_the_gateway_and_nothing_is_reckoned_of_it(place: Namespace, gateway: str) -> None:
    assert "Paris" in ask(place, gateway, "small")
    said = place.get("llmservice", "small")["status"]
    assert "spec.engine.type is Custom" in said["estimate"]["message"]
    assert said["image"] == "docker.io/tidegate/engine-llamacpp:0.1.0"


def test_it_streams_and_counts_its_tokens(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="small",
            messages=QUESTION,
            max_tokens=32,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "Paris" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_a_worker_that_is_deleted_finishes_what_it_has_begun(place: Namespace, client: openai.OpenAI) -> None:
    (victim,) = place.wait_for_ready("small", 1)
    streams = [stream(client, 300) for _ in range(3)]
    firsts = [next(iter(one)) for one in streams]
    kubectl("delete", "pod", "-n", place.name, victim, "--wait=false")
    with ThreadPoolExecutor(len(streams)) as readers:
        wholes = list(readers.map(list, streams))
    assert all(firsts)
    for whole in wholes:
        assert [one.choices[0].finish_reason for one in whole if one.choices][-1] == "length"
    eventually(
        lambda: [name for name in place.ready_pods_of("small") if name != victim], "another one is there", 60
    )


def test_a_wrong_word_is_told_in_the_engine_s_own(place: Namespace) -> None:
    place.apply(example("wrong", args=["--modle"]))
    try:
        said = place.wait_for_reason("wrong", "WorkloadsReady", "EngineCrashed", 60)
        assert "unrecognized arguments: --modle" in said["message"]
    finally:
        kubectl("delete", "llmservice", "wrong", "-n", place.name)


@pytest.mark.timeout(400)
def test_more_requests_are_more_workers_and_none_are_none_until_the_next(
    place: Namespace, client: openai.OpenAI
) -> None:
    patch = (
        '{"spec":{"scaling":{"idleSeconds":60,"behavior":{"scaleDown":{"stabilizationWindowSeconds":10}}}}}'
    )
    kubectl("patch", "llmservice", "small", "-n", place.name, "--type=merge", "-p", patch)
    ended = threading.Event()

    def busy() -> int:
        answered = 0
        while not ended.is_set():
            answered += any(list(stream(client, 64)))
        return answered

    with ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(busy) for _ in range(8)]
        try:
            place.wait_for_ready("small", 2, 120)
        finally:
            ended.set()
    assert all(one.result() for one in asked)
    scaled = place.condition("small", "ScalingActive")
    assert (scaled["status"], scaled["reason"]) == ("True", "FollowingDemand")
    deployment = pool_name("small", "shared")
    eventually(
        lambda: place.get("deployment", deployment)["spec"]["replicas"] == 0 and not place.pods_of("small"),
        f"nobody asks, and it sleeps: {place.last_status('small')}",
        240,
    )
    woken = client.chat.completions.create(model="small", messages=QUESTION, max_tokens=32, temperature=0)
    assert "Paris" in (woken.choices[0].message.content or "")
