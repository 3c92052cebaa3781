"""What workers, gateways and Prometheus answer: one of them may have been taken over."""

import json
from collections.abc import Sequence
from contextlib import suppress
from math import isfinite
from typing import Any, Final

from hypothesis import assume, given
from hypothesis import strategies as st

from fuzz.inputs import NUMBERS, cuts, dumped, shuffled, split, spoiled, values
from tidegate_gateway.errors import Refused
from tidegate_gateway.redaction import cover
from tidegate_gateway.routes.answers import problem_of, read_event, read_result
from tidegate_gateway.routing.exposition import NAMES, read_report
from tidegate_gateway.sse import EventReader, error_event
from tidegate_gateway.usage import JsonMeter, StreamMeter
from tidegate_live.page import read as read_live
from tidegate_operator.adapters.workers import read_served, refusal
from tidegate_operator.engines import Unusable, figures
from tidegate_operator.exposition import read_page
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.promql import QUERIES, read_answers

EVENTS: Final = [
    b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1}}\r\n\r\n',
    b"data: [DONE]\n\n",
    b": waiting\n\n",
    b"event: x\ndata:y\r\r",
    b"data: a\ndata: b\n\n",
    b"\n",
    b"\r",
    b"\r\n",
    b'data: {"usage":{"completion_tokens":null}}\n\n',
    b'data: {"choices":[],"usage":null}\n\n',
    b"\xf0\x9f\x8c\x8a",
]


def metered(pieces: Sequence[bytes], *, strip: bool) -> tuple[bytes, Any]:
    """Return what a client gets of a stream, and what it cost."""
    meter = StreamMeter(strip)
    passed = b"".join(part for piece in pieces for part in meter.feed([piece]))
    return passed + meter.end(), meter.usage


@given(
    parts=st.lists(st.sampled_from(EVENTS) | st.binary(max_size=8), max_size=10),
    strip=st.booleans(),
    data=st.data(),
)
def a_stream(parts: list[bytes], strip: bool, data: st.DataObject) -> None:
    """However it is cut, the same passes and the same is counted; without reports to take out, every byte passes."""
    stream = b"".join(parts)
    whole = metered([stream], strip=strip)
    assert metered(split(stream, data.draw(cuts(len(stream)))), strip=strip) == whole
    assert metered([bytes([byte]) for byte in stream], strip=strip) == whole
    assert metered([stream], strip=False)[0] == stream
    once = EventReader().feed([stream])
    reader = EventReader()
    assert [event for byte in stream for event in reader.feed([bytes([byte])])] == once
    assert b"\n\n" in error_event(_problem(), "id", stream)


def _problem() -> Any:
    return problem_of(500, b"")


USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}}
ANSWER: Final = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": USAGE}
ERROR: Final = {"error": {"message": "at 0x7f0000000000", "type": "T", "param": None, "code": 400}}
ANSWER_TOKENS: Final = [
    b'"usage":',
    b"{",
    b"}",
    b"null",
    b'"',
    b"\\ud800",
    b"\xff",
    b"1e400",
    b"-1",
    b"9" * 5000,
]


@given(
    body=shuffled([dumped(ANSWER), dumped(ERROR)], ANSWER_TOKENS)
    | (spoiled(ANSWER) | spoiled(ERROR)).map(dumped),
    data=st.data(),
)
def an_answer(body: bytes, data: st.DataObject) -> None:
    """Read, or taken for a failed worker; what is told of it is short, and tells nothing of the worker."""
    for read in (read_event, lambda one: read_result(0, one)):
        try:
            read(body)
        except Refused as refused:
            assert refused.problem.status >= 500
    problem = problem_of(400, body)
    assert len(problem.message) <= 2000
    assert cover(problem.message.encode("utf-8", "replace")).count(b"*") >= problem.message.count("*")
    meters = [JsonMeter(), JsonMeter()]
    meters[0].feed([body])
    meters[1].feed(split(body, data.draw(cuts(len(body)))))
    assert [isinstance(meter.usage, object) for meter in meters] == [True, True]


METRICS: Final = [
    *NAMES,
    "vllm:prompt_tokens_total",
    "vllm:num_requests_waiting_by_reason",
    "vllm:cache_config_info",
    "tidegate_gateway_requests_total",
    "llm_batch_size",
    "tidegate_gateway_time_to_first_token_seconds_bucket",
]
LABELS: Final = st.dictionaries(
    st.sampled_from(
        [
            "engine",
            "reason",
            "num_gpu_blocks",
            "block_size",
            "kv_cache_size_tokens",
            "max_lora",
            "running_lora_adapters",
            "le",
            "namespace",
            "code",
        ]
    ),
    st.sampled_from(
        ["0", "capacity", "9" * 5000, "9" * 400, "-1", "é", "٣", "²", 'a\\"b', "a,b", "+Inf", ""]
    ),
    max_size=4,
)
VALUES: Final = NUMBERS | st.sampled_from(["1", "0.5", "-inf", "1e308", "1_0", "٣", ""])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Return a line of a page of metrics that may be almost one."""
    labels = ",".join(f'{name}="{value}"' for name, value in draw(LABELS).items())
    inner = draw(st.sampled_from([f"{{{labels}}}", "", labels, f"{{{labels}", f"{{{labels},}}"]))
    return (
        draw(st.sampled_from(METRICS))
        + inner
        + " "
        + draw(VALUES)
        + draw(st.sampled_from(["", " 1", " x", "\0"]))
    )


GOOD: Final = "vllm:num_requests_running 1\nvllm:num_requests_waiting 2\nvllm:kv_cache_usage_perc 0.5\n"
PAGES: Final = st.builds(
    lambda good, more: good + "\n".join(more), st.sampled_from(["", GOOD]), st.lists(lines(), max_size=6)
)


@given(
    page=PAGES
    | shuffled([GOOD.encode()], [b"{", b"}", b'"', b"\n", b"# ", b"\\"]).map(lambda b: b.decode("latin-1"))
)
def a_page_of_metrics(page: str) -> None:
    """Gateway, operator and console find figures that can be, or none; a page of one worker raises nothing else."""
    report = read_report(page.encode(), 0.0)
    assert report is None or (0 <= report.kv_used <= 1 and report.kv_tokens >= 0)
    with suppress(Unusable):
        figures(read_page(page), 0.0, 0.0)
    try:
        told = read_live(page)
    except ValueError:
        return
    assert all(isfinite(value) for value in (*told.gauges.values(), *told.counters.values()))


SAMPLE: Final = {
    "metric": {"namespace": "ns", "pod": "p", "num_gpu_blocks": "5", "block_size": "16"},
    "value": [1.0, "2"],
}


@given(answers=st.dictionaries(st.sampled_from(sorted(QUERIES)), spoiled([SAMPLE, SAMPLE]), max_size=4))
def an_answer_of_Prometheus(answers: dict[str, Any]) -> None:
    """What is no sample is passed over; the rest are numbers of Pods."""
    for pod, signals in read_answers(answers).items():
        assert pod.namespace
        assert pod.name
        assert all(isinstance(value, float) for value in signals.values())
        assume("at" in signals)
        try:
            figures(dict(signals), signals["at"], signals["at"])
        except Unusable:
            continue


CARDS: Final = {"data": [{"id": "a", "root": "/x", "parent": "m"}, {"id": "m"}]}


@given(
    body=(spoiled(CARDS) | spoiled(ERROR) | values()).map(dumped) | st.binary(max_size=40),
    status=st.integers(100, 599),
)
def adapters_of_a_worker(body: bytes, status: int) -> None:
    """Names, or why they cannot be read; a refusal is told in printable words of bounded length."""
    try:
        served = read_served(body)
        assert all(isinstance(name, str) for name in (*served, *served.values()))
    except Unreadable as error:
        assert len(str(error)) < 500
    finding = refusal(status, body, "/models/a")
    assert len(finding.message) < 600
    json.dumps(finding.message, ensure_ascii=False).encode()
