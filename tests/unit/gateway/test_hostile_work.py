"""What reading a body costs is bounded by its size alone, whatever is in it: counted in steps, not in seconds."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.body import REMEMBERED_BYTES, _members, read_call
from tidegate_gateway.errors import Refused
from tidegate_gateway.nesting import MOST_CONTAINERS, MOST_STRINGS, is_crowded
from tidegate_gateway.request import BODY_BYTES, LONGEST_NAME, SPELLINGS, _known, read_fields

CHAT: Final = "/v1/chat/completions"
EMBEDDINGS: Final = "/v1/embeddings"
# A step is a call in Python; so many take some tenth of a second.
MOST_STEPS: Final = 200_000
# The largest body, and the largest one in which nothing is counted beforehand.
SIZES: Final = (BODY_BYTES, 256 * 1024)
USER: Final = b'{"role":"user","content":"?"}'
OPEN: Final = b'{"model":"m","messages":[' + USER + b"],"


@dataclass(frozen=True)
class Bomb:
    """A body that is filled with one thing, again and again."""

    name: str
    before: bytes
    # What is repeated; %d is another number each time.
    filling: bytes
    after: bytes
    path: str = CHAT
    between: bytes = b","

    def __str__(self) -> str:
        return self.name

    def body(self, size: int) -> bytes:
        """Return it in this size."""
        each = self.filling.replace(b"%d", b"1000000")
        count = (size - len(self.before) - len(self.after)) // (len(each) + len(self.between))
        if each == self.filling:
            return self.before + (each + self.between) * (count - 1) + each + self.after
        numbered = [self.filling.replace(b"%d", b"%d" % (10**6 + i)) for i in range(count)]
        return self.before + self.between.join(numbered) + self.after


IN_A_MESSAGE: Final = b'{"model":"m","messages":[{"role":"user","content":'
BOMBS: Final = [
    Bomb("parameters", OPEN, b'"%d":1', b"}"),
    Bomb("parameters with spaces between", OPEN, b'"%d": 1 ', b"}"),
    Bomb("a parameter again and again", OPEN, b'"a":1', b"}"),
    Bomb("members of a message", IN_A_MESSAGE + b'[],"b":{},', b'"%d":1', b"}]}"),
    Bomb("members of a part", IN_A_MESSAGE + b'[{"type":"text",', b'"%d":1', b"}]}]}"),
    Bomb("empty parts", IN_A_MESSAGE + b"[", b"{}", b"]}]}"),
    Bomb("parts of text", IN_A_MESSAGE + b"[", b'{"type":"text","text":"a"}', b"]}]}"),
    Bomb("parts that are texts", IN_A_MESSAGE + b"[", b'"a"', b"]}]}"),
    Bomb("messages", b'{"model":"m","messages":[', USER, b"]}"),
    Bomb("messages with a list in each", b'{"model":"m","messages":[', b'{"role":"user","content":[{}]}', b"]}"),
    Bomb("empty lists of lists", OPEN + b'"a":[', b"[[[]]]", b"]}"),
    Bomb("lists at the bottom of thirty", OPEN + b'"a":[', b"[" * 28 + b"]" * 28, b"]}"),
    Bomb("objects of objects", OPEN + b'"a":[', b'{"":{"":{}}}', b"]}"),
    Bomb("backslashes", OPEN + b'"a":["', rb"\\\\", b'",[[[]]]]}', between=b""),
    Bomb("quotes in a text", OPEN + b'"a":["', rb"\"", b'",[[[]]]]}', between=b""),
    Bomb("spaces", OPEN, b" ", b'"a":1}', between=b""),
    Bomb("digits", OPEN + b'"n":', b"1", b"}", between=b""),
    Bomb("a fraction", OPEN + b'"n":1.', b"0", b"}", between=b""),
    Bomb("stops", OPEN + b'"stop":[', b'"a"', b"]}"),
    Bomb("stream options", OPEN + b'"stream":true,"stream_options":{', b'"%d":1', b"}}"),
    Bomb("a tool's parameters", OPEN + b'"tools":[', b'{"a":[{}]}', b"]}"),
    Bomb("token ids", b'{"model":"m","input":[', b"1", b"]}", EMBEDDINGS),
    Bomb("token ids as fractions", b'{"model":"m","input":[', b"1.0", b"]}", EMBEDDINGS),
    Bomb("lists of one id", b'{"model":"m","input":[', b"[1]", b"]}", EMBEDDINGS),
    Bomb("lists of one fraction", b'{"model":"m","input":[', b"[1.0]", b"]}", EMBEDDINGS),
    Bomb("inputs", b'{"model":"m","input":[', b'"a"', b"]}", EMBEDDINGS),
    Bomb("conversations", b'{"model":"m","input":[', b"[" + USER + b"]", b"]}", EMBEDDINGS),
    Bomb("a long conversation", b'{"model":"m","input":[[', b'{"role":"user","content":[{},{}]}', b"]]}", EMBEDDINGS),
]  # fmt: skip


def steps(work: Callable[[], Any]) -> int:
    """Return how many calls are made, in Python and out of it, until `work` returns or refuses."""
    count = 0

    def note(_frame: FrameType, event: str, _of: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    except Refused:
        pass
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size // 1024} KiB")
@pytest.mark.parametrize("bomb", BOMBS, ids=str)
def test_a_body_of_any_kind_is_read_in_few_steps(bomb: Bomb, size: int) -> None:
    body = bomb.body(size)
    assert 0.99 * size < len(body) <= size
    assert steps(lambda: read_call(body, bomb.path.encode(), 0)) < MOST_STEPS


def test_steps_are_counted() -> None:
    assert steps(lambda: [len(str(i)) for i in range(100)]) >= 100


VALUES = st.recursive(
    st.text(alphabet='"\\{}[],:a', max_size=6) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\{a', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def counted(value: Any) -> tuple[int, int]:
    """Return the strings, keys included, and the containers in a value."""
    if isinstance(value, str):
        return 1, 0
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [counted(one) for one in inner]
    own = len(value) if isinstance(value, dict) else 0
    is_container = isinstance(value, (dict, list))
    return own + sum(strings for strings, _ in found), is_container + sum(boxes for _, boxes in found)


@settings(max_examples=40)
@given(value=VALUES, times=st.sampled_from([20_000, 40_000, 90_000]))
def test_what_is_crowded_is_that_by_count(value: Any, times: int) -> None:
    """Backslashes may hide one of two quotes, so that up to twice as many strings pass; never are fewer refused."""
    one = json.dumps(value).encode()
    body = b"[" + b",".join([one] * times) + b',"' + b"x" * 2**18 + b'"]'
    strings, containers = (times * count for count in counted(value))
    if is_crowded(body):
        assert strings + 1 > MOST_STRINGS or containers + 1 > MOST_CONTAINERS
    else:
        assert strings < 2 * MOST_STRINGS
        assert containers < MOST_CONTAINERS


def test_prose_of_any_size_with_quotes_and_brackets_in_it_is_not_crowded() -> None:
    said = {"model": "m", "messages": [{"role": "user", "content": '{"a": ["b", {"c": "\\"}]}' * 150_000}]}
    body = json.dumps(said).encode()[: BODY_BYTES - 4] + b'"}]}'
    assert not is_crowded(body)


# Memory


def test_what_a_client_invents_is_not_kept() -> None:
    """Tables of what came before are for what comes again; one client must not fill them with megabytes."""
    options = {f"k{number}": "x" * 50_000 for number in range(1)}
    for number in range(50):
        body = json.dumps(
            {"model": "m", "prompt": "?", "stream": True, "stream_options": {**options, "n": number}}
        ).encode()
        pieces, _ = read_call(body, b"/v1/completions", 0).outgoing("salt")
        assert len(pieces[0]) > REMEMBERED_BYTES
    before = _members.cache_info()
    read_call(body, b"/v1/completions", 0).outgoing("salt")
    assert _members.cache_info() == before, "it is made anew each time"
    for number in range(100):
        read_fields([(b"x-%d-" % number + b"a" * 10_000, b"")])
    assert max(map(len, _known), default=0) <= LONGEST_NAME
    for number in range(2 * SPELLINGS):
        read_fields([(b"x-%d" % number, b"")])
    assert len(_known) <= SPELLINGS + 1
