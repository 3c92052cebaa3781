"""What counts as an answer: all of it, however it was cut on its way."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_bench.answers import Expected, Reader, dechunked, tokens_if_right
from tidegate_bench.engine import CHUNK, DONE, EVENT, REPLY, STREAM_HEAD, WHOLE

STREAM = STREAM_HEAD + CHUNK * 3 + DONE
JSON = Expected(stream=False, tokens=0)
THREE = Expected(stream=True, tokens=3)


def parts(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@settings(deadline=None, max_examples=200)
@given(whole=st.sampled_from([WHOLE, STREAM]), cuts=st.lists(st.integers(0, 2000), max_size=8))
def test_an_answer_is_whole_with_its_last_byte_wherever_it_was_cut(whole: bytes, cuts: list[int]) -> None:
    reader = Reader()
    for answer in (whole, STREAM, whole):
        *before, last = parts(answer, cuts)
        assert [reader.feed(part) for part in before] == [None] * len(before)
        assert reader.feed(last) == answer


@dataclass(frozen=True)
class Case:
    told: str
    answer: bytes
    expected: Expected
    want: tuple[int, bool]

    def __str__(self) -> str:
        return self.told


RENAMED = WHOLE.replace(REPLY, REPLY.replace(b": ", b":"))
AT = EVENT.index(b"tok ") + 2
CUT_EVENT = b"%x\r\n%b\r\n%x\r\n%b\r\n" % (AT, EVENT[:AT], len(EVENT) - AT, EVENT[AT:])

CASES = [
    Case("the engine's reply is right", WHOLE, JSON, (0, True)),
    Case("a reply with another status is not", WHOLE.replace(b"200 OK", b"500 No"), JSON, (0, False)),
    Case("a reply that lacks its end is not", WHOLE[:-1], JSON, (0, False)),
    Case("a reply written anew is not the engine's", RENAMED, JSON, (0, False)),
    Case("unless that is expected", RENAMED, Expected(False, 0, verbatim=False), (0, True)),
    Case(
        "but then its text must be there",
        RENAMED.replace(b"word word", b"word"),
        Expected(False, 0, verbatim=False),
        (0, False),
    ),
    Case("a stream of all its tokens is right", STREAM, THREE, (3, True)),
    Case("a stream that lacks a token is not", STREAM_HEAD + CHUNK * 2 + DONE, THREE, (2, False)),
    Case("a stream with a token twice is not", STREAM_HEAD + CHUNK * 4 + DONE, THREE, (4, False)),
    Case("a stream without its last event is not", STREAM_HEAD + CHUNK * 3 + b"0\r\n\r\n", THREE, (3, False)),
    Case(
        "an event cut into two chunks is one token",
        STREAM_HEAD + CUT_EVENT + CHUNK * 2 + DONE,
        THREE,
        (3, True),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bodies_and_tokens_are_counted(case: Case) -> None:
    assert tokens_if_right(case.answer, case.expected) == case.want


def test_the_cut_event_is_cut_through_its_token() -> None:
    assert b'"content":"tok "' not in CUT_EVENT
    assert dechunked(STREAM_HEAD + CUT_EVENT + DONE) == EVENT + b"data: [DONE]\n\n"
