"""Workers come, go and die under load: what a client notices is nothing, or an honest error."""

import json
import urllib.error

import openai
import pytest

from e2e.cluster import Namespace, eventually, kubectl
from e2e.conftest import SERVICE, Caller
from e2e.test_answers import QUESTION, post

STORY = [{"role": "user", "content": "Tell a very long story about a lighthouse keeper, with many chapters."}]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_share_drain_and_die_without_a_lost_request(demo: Namespace, caller: Caller) -> None:
    """One long test, because a second worker takes a minute to load: each step starts where the last one ended."""
    kubectl("scale", "llmservice", SERVICE, "-n", demo.name, "--replicas=2")
    try:
        both = demo.wait_for_ready(SERVICE, 2)
        assert demo.get("poddisruptionbudget", f"{SERVICE}-shared")["spec"]["maxUnavailable"] == 1
        a_draining_worker_finishes_its_streams(demo, caller)
        survivors = [name for name in demo.wait_for_ready(SERVICE, 2) if name not in both]
        assert survivors, "the deleted worker was replaced"
        a_killed_worker_costs_no_request_that_had_no_answer_yet(demo, caller)
        demo.wait_for_ready(SERVICE, 2)
        a_worker_killed_in_the_middle_is_an_error_and_no_done(demo, caller)
    finally:
        kubectl("scale", "llmservice", SERVICE, "-n", demo.name, "--replicas=1")
        demo.wait_for_ready(SERVICE, 1)


def a_draining_worker_finishes_its_streams(demo: Namespace, caller: Caller) -> None:
    streams = [long_stream(caller) for _ in range(2)]  # one on each worker
    firsts = [next(iter(stream)) for stream in streams]
    victim = demo.ready_pods_of(SERVICE)[0]
    kubectl("delete", "pod", "-n", demo.name, victim, "--wait=false")
    for first, stream in zip(firsts, streams, strict=True):
        *_, last = [first, *stream]
        assert last.choices[0].finish_reason in {"length", "stop"}


def a_killed_worker_costs_no_request_that_had_no_answer_yet(demo: Namespace, caller: Caller) -> None:
    victim = demo.ready_pods_of(SERVICE)[0]
    kubectl("delete", "pod", "-n", demo.name, victim, "--force", "--grace-period=0", "--wait=false")
    for _ in range(6):
        answer = caller.client().chat.completions.create(model=SERVICE, messages=QUESTION, max_tokens=4)
        assert answer.choices


def a_worker_killed_in_the_middle_is_an_error_and_no_done(demo: Namespace, caller: Caller) -> None:
    body = {"model": SERVICE, "messages": STORY, "max_tokens": 500, "ignore_eos": True, "stream": True}
    streams = [post(caller, body) for _ in range(2)]  # one on each worker
    starts = [stream.readline() for stream in streams]
    victim = demo.ready_pods_of(SERVICE)[0]
    kubectl("delete", "pod", "-n", demo.name, victim, "--force", "--grace-period=0", "--wait=false")
    whole = [start + stream.read() for start, stream in zip(starts, streams, strict=True)]
    broken = [text for text in whole if b"[DONE]" not in text]
    assert len(broken) == 1, "one stream was on the killed worker, the other was not"
    assert "error" in json.loads(broken[0].strip().split(b"\n\n")[-1].removeprefix(b"data: "))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_suspended_service_answers_503_with_retry_after_and_comes_back(
    demo: Namespace, caller: Caller
) -> None:
    suspend(demo, True)
    try:
        demo.wait_for_reason(SERVICE, "Ready", "Suspended")
        eventually(lambda: not demo.ready_pods_of(SERVICE), "no worker is left")
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(caller, {"model": SERVICE, "messages": QUESTION})
        assert refused.value.code == 503
        assert int(refused.value.headers["retry-after"]) > 0
        assert SERVICE in [model.id for model in caller.client().models.list()]
    finally:
        suspend(demo, False)
        demo.wait_for_ready(SERVICE, 1)
    demo.wait_for_reason(SERVICE, "Ready", "Serving")


def suspend(demo: Namespace, value: bool) -> None:
    patch = json.dumps({"spec": {"suspend": value}})
    kubectl("patch", "llmservice", SERVICE, "-n", demo.name, "--type=merge", "-p", patch)


def long_stream(caller: Caller) -> "openai.Stream[openai.types.chat.ChatCompletionChunk]":
    return caller.client().chat.completions.create(
        model=SERVICE, messages=STORY, max_tokens=200, stream=True, extra_body={"ignore_eos": True}
    )
