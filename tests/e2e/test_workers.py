"""Workers come, go and die under load: what a client notices is nothing, or an honest error."""

import json

import openai
import pytest

from e2e.cluster import Namespace, kubectl
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
        a_killed_worker_breaks_what_it_streamed_and_costs_nothing_else(demo, caller)
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


def a_killed_worker_breaks_what_it_streamed_and_costs_nothing_else(demo: Namespace, caller: Caller) -> None:
    body = {"model": SERVICE, "messages": STORY, "max_tokens": 500, "ignore_eos": True, "stream": True}
    streams = [post(caller, body) for _ in range(2)]  # one on each worker
    starts = [stream.readline() for stream in streams]
    victim = demo.ready_pods_of(SERVICE)[0]
    kubectl("delete", "pod", "-n", demo.name, victim, "--force", "--grace-period=0", "--wait=false")
    for _ in range(6):  # none of these had an answer yet
        answer = caller.client().chat.completions.create(model=SERVICE, messages=QUESTION, max_tokens=4)
        assert answer.choices
    whole = [start + stream.read() for start, stream in zip(starts, streams, strict=True)]
    broken = [text for text in whole if b"[DONE]" not in text]
    assert len(broken) == 1, "one stream was on the killed worker, the other was not"
    assert "error" in json.loads(broken[0].strip().split(b"\n\n")[-1].removeprefix(b"data: "))


def long_stream(caller: Caller) -> "openai.Stream[openai.types.chat.ChatCompletionChunk]":
    return caller.client().chat.completions.create(
        model=SERVICE, messages=STORY, max_tokens=200, stream=True, extra_body={"ignore_eos": True}
    )
