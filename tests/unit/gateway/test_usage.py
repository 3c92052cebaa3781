"""What an answer cost, and a stream from which the report of it was taken: the same however the bytes are cut."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.usage import LONGEST_EVENT, LONGEST_USAGE, JsonMeter, StreamMeter, Usage

# As vLLM 0.32 writes them: without spaces, unset fields left out.
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%b]}\n\n'
REPORT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":42,"total_tokens":45,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":32}}}'
    b"\n\n"
)
COMPLETION_REPORT = (
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":42,"total_tokens":45,"completion_tokens":3},"system_fingerprint":"vllm-0.32"}\n\n'
)
DONE = b"data: [DONE]\n\n"
WANT = Usage(42, 3, 32)


def delta(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return CHUNK % json.dumps(choice, ensure_ascii=False, separators=(",", ":")).encode()


HELLO = delta("héllo 🌊")


def run(parts: list[bytes], strip: bool = True) -> tuple[bytes, StreamMeter]:
    meter = StreamMeter(strip)
    passed = b"".join(b"".join(meter.feed([part])) for part in parts)
    return passed + meter.end(), meter


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


# Passed as they are, each ending with an empty line.
KEPT = {
    "a token": HELLO,
    "the words in a token's text": delta('he said "usage": {"choices":[]} \\"usage\\":'),
    "a comment": b": still here\n\n",
    "data without a space": b'data:{"choices":[{}]}\n\n',
    "several lines": b"event: x\nid: 7\ndata: one\ndata: two\n\n",
    "an empty event": b"\n\n",
    "a usage of null": b'data: {"choices":[],"usage":null}\n\n',
    "a usage beside a choice": b'data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1}}\n\n',
    "a usage without choices": b'data: {"usage":{"prompt_tokens":1}}\n\n',
    "a logprob of the word": b'data: {"choices":[{"logprobs":{"top_logprobs":[{"usage":-0.5}]}}]}\n\n',
    "what is not JSON": b'data: "usage" was {\n\n',
    "a usage of text": b'data: {"choices":[],"usage":{"prompt_tokens":"many"}}\n\n',
    "an event that is too long": b'data: {"choices":[],"usage":{"prompt_tokens":1},"x":"%b"}\n\n'
    % (b"x" * 9000),
    "the end": DONE,
}
REPORTS = {
    "of a chat": REPORT,
    "of a completion": COMPLETION_REPORT,
    "with spaces": b'data: {"choices": [], "usage" : {"prompt_tokens": 42, "completion_tokens": 3}}\n\n',
    "without a space": b'data:{"usage":{"prompt_tokens":42,"completion_tokens":3},"choices":[]}\n\n',
    "over two lines": b'data: {"choices":[],\ndata: "usage":{"prompt_tokens":42,"completion_tokens":3}}\n\n',
    "beside a comment": b": ping\nid: 1\n" + REPORT,
}
LINE_ENDS = {"LF": b"\n", "CR LF": b"\r\n", "CR": b"\r"}


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("event", KEPT.values(), ids=KEPT.keys())
def test_what_is_no_report_passes_as_it_is(event: bytes, line_end: bytes) -> None:
    data = (HELLO + event + event + DONE).replace(b"\n", line_end)
    assert run([data])[0] == data


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
def test_a_report_is_read_and_taken_out_at_every_split(report: bytes, line_end: bytes) -> None:
    before, report, after = (part.replace(b"\n", line_end) for part in (HELLO, report, DONE))
    data = before + report + after
    for place in range(len(data) + 1):
        passed, meter = run(cut(data, [place]))
        assert passed == before + after, place
        assert meter.usage is not None
        assert (meter.usage.prompt_tokens, meter.usage.completion_tokens) == (42, 3)


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
def test_a_stream_in_single_bytes_is_the_same(line_end: bytes) -> None:
    before, report, after = (part.replace(b"\n", line_end) for part in (HELLO * 3, REPORT, DONE))
    data = before + report + after
    passed, meter = run([data[i : i + 1] for i in range(len(data))])
    assert (passed, meter.usage, meter.events) == (before + after, WANT, 5)


@settings(deadline=None, max_examples=300)
@given(
    events=st.lists(
        st.tuples(st.sampled_from([*KEPT.values()]), st.just(True))
        | st.tuples(st.sampled_from([*REPORTS.values()]), st.just(False)),
        max_size=8,
    ),
    line_end=st.sampled_from([*LINE_ENDS.values()]),
    places=st.lists(st.integers(0, 2**16), max_size=12),
    batches=st.integers(1, 3),
    tail=st.sampled_from([b"", b"data: {", b"data: x\n", b": ", b"data: x\r"]),
)
def test_cuts_change_nothing(
    events: list[tuple[bytes, bool]], line_end: bytes, places: list[int], batches: int, tail: bytes
) -> None:
    told = [(event.replace(b"\n", line_end), kept) for event, kept in events]
    # A line feed behind a carriage return would be part of the end before it.
    data = b"".join(event for event, _ in told) + tail
    want = b"".join(event for event, kept in told if kept) + tail
    meter = StreamMeter(strip=True)
    parts = cut(data, places)
    passed = b"".join(b"".join(meter.feed(parts[i : i + batches])) for i in range(0, len(parts), batches))
    assert passed + meter.end() == want


@settings(deadline=None, max_examples=200)
@given(
    data=st.lists(st.sampled_from([b"\r", b"\n", b"d", b"data: ", b'"usage":', REPORT])),
    places=st.lists(st.integers(0, 2**16)),
)
def test_without_stripping_every_byte_passes(data: list[bytes], places: list[int]) -> None:
    sent = b"".join(data)
    assert run(cut(sent, places), strip=False)[0] == sent


def test_a_report_that_was_asked_for_is_read_and_stays() -> None:
    data = HELLO + REPORT + DONE
    passed, meter = run([data], strip=False)
    assert (passed, meter.usage) == (data, WANT)


def test_a_token_passes_as_the_same_object() -> None:
    meter = StreamMeter(strip=True)
    parts = [HELLO, DONE]
    assert meter.feed(parts) is parts
    assert meter.events == 2


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
def test_a_complete_event_is_never_held_back(line_end: bytes) -> None:
    meter = StreamMeter(strip=True)
    data = (HELLO * 3).replace(b"\n", line_end)
    size, passed = len(data) // 3, 0
    for i in range(len(data)):
        passed += len(b"".join(meter.feed([data[i : i + 1]])))
        # In CR LF the empty line is over with its CR, for all that can be known.
        assert passed >= (i + 1) // size * size


def test_no_more_is_held_than_a_report_is_long() -> None:
    meter = StreamMeter(strip=True)
    held = 0
    for number in range(50):
        held += 1000 - len(b"".join(meter.feed([b"x" * 1000])))
        assert held == (1000 * (number + 1) if number < 8 else 0)
    assert meter.feed([b"\n", b"\n"]) == [b"\n\n"]
    assert meter.feed([REPORT, HELLO]) == [HELLO]
    assert meter.usage == WANT


TOO_LONG = b"data: " + b"x" * LONGEST_EVENT


@pytest.mark.parametrize(
    ("parts", "want"),
    [
        ([TOO_LONG + b"\n", b"\n", REPORT, DONE], TOO_LONG + b"\n\n" + DONE),
        ([TOO_LONG + b"\r\n\r", b"\n", REPORT, DONE], TOO_LONG + b"\r\n\r\n" + DONE),
        ([TOO_LONG + b"\n", REPORT, DONE], TOO_LONG + b"\n" + REPORT + DONE),
        ([REPORT.rstrip() + b"\r\n\r", b"\n" + DONE], DONE),
        ([HELLO.rstrip() + b"\r\n\r", b"\n" + REPORT, DONE], HELLO.rstrip() + b"\r\n\r\n" + DONE),
    ],
    ids=["LF", "CR LF", "a line of the same event", "an LF of what was taken out", "an LF of what passed"],
)
def test_a_cut_in_the_end_of_an_event_misleads_nobody(parts: list[bytes], want: bytes) -> None:
    assert run(parts)[0] == want


@pytest.mark.parametrize(
    ("ending", "passes"),
    [(b"data: {", True), (b"data: x\n", True), (b"", True), (REPORT.rstrip(), False), (REPORT[:-1], False)],
)
def test_what_a_stream_ends_with_passes_unless_it_is_the_report(ending: bytes, passes: bool) -> None:
    passed, _ = run([HELLO, ending])
    assert passed == HELLO + (ending if passes else b"")


def answer(**fields: object) -> bytes:
    usage = {
        "prompt_tokens": 42,
        "total_tokens": 45,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 32},
    }
    return json.dumps({"id": "c", "choices": [], "usage": usage} | fields, separators=(",", ":")).encode()


ANSWERS = {
    "as engines write it": answer(service_tier=None, system_fingerprint=None),
    "with spaces": json.dumps(json.loads(answer()), indent=2).encode(),
    "with much behind it": answer(prompt_token_ids=[*range(10_000)], prompt_text='"usage":'),
    "with the word before it": b'{"top_logprobs":[{"usage":-1.5}],' + answer()[1:],
}


@pytest.mark.parametrize("data", ANSWERS.values(), ids=ANSWERS.keys())
def test_usage_is_found_in_an_answer_at_every_split(data: bytes) -> None:
    around = data.rfind(b'"usage":{') % len(data)
    for place in (*range(min(len(data), 400)), *range(around, around + 200), len(data) - 1):
        meter = JsonMeter()
        meter.feed(cut(data, [place]))
        assert meter.usage == WANT, place
    meter = JsonMeter()
    meter.feed([data[i : i + 1] for i in range(len(data))])
    assert meter.usage == WANT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"usage":null}',
        b'{"usage":7}',
        b'{"usage":',
        b'{"error":{"message":"usage"}}',
        b'"usage":{"prompt',
        b"\xff" * 5000,
    ],
)
def test_an_answer_without_usage_has_none(data: bytes) -> None:
    for size in (1, 7, 100_000):
        meter = JsonMeter()
        meter.feed([data[i : i + size] for i in range(0, len(data), size)])
        assert meter.usage is None


def test_little_of_an_answer_is_kept() -> None:
    meter = JsonMeter()
    for _ in range(100):
        meter.feed([b"x" * 5000, answer(), b"y" * 70_000])
        assert len(meter._kept) <= LONGEST_USAGE
    assert meter.usage == WANT
