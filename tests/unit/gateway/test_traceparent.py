"""The trace that a client says its request is of."""

import pytest

from tidegate_gateway.traceparent import split, trace_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_only_the_traces_own_headers_are_taken_out() -> None:
    lines = b"accept: a\r\ntraceparent: 00-1\r\nuser-agent: b\r\ntracestate: c=d\r\n"
    assert split(lines) == (
        {"traceparent": "00-1", "tracestate": "c=d"},
        b"accept: a\r\nuser-agent: b\r\n",
    )


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        pytest.param(f"00-{TRACE}-b7ad6b7169203331-01", TRACE, id="of the version that there is"),
        pytest.param(f"01-{TRACE}-b7ad6b7169203331-01-more", TRACE, id="of a later one, which adds to it"),
        pytest.param(f"00-{'0' * 32}-b7ad6b7169203331-01", "", id="zeros are no trace"),
        pytest.param(f"00-{TRACE.upper()}-b7ad6b7169203331-01", "", id="digits are small"),
        pytest.param('00-"}{', "", id="rubbish is not written into a log"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_is_no_trace_is_none(sent: str, found: str) -> None:
    assert trace_id(f"accept: a\r\ntraceparent: {sent}\r\n".encode()) == found


def test_a_request_without_one_has_none() -> None:
    assert trace_id(b"accept: a\r\n") == ""
