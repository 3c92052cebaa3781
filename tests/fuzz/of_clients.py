"""What clients of the gateway and of the console send."""

import json
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from fuzz.inputs import NASTY_TEXT, NUMBERS, cuts, dumped, shuffled, split, spoiled, values
from tidegate_api.keys import digest, new_key
from tidegate_console import bodies
from tidegate_console.problems import Problem as ConsoleProblem
from tidegate_gateway import errors
from tidegate_gateway.auth import identify
from tidegate_gateway.body import check_model_name, read_call
from tidegate_gateway.directory import Caller, Directory
from tidegate_gateway.errors import Problem, Refused
from tidegate_gateway.guesses import Guesses
from tidegate_gateway.request import BODIED
from tidegate_gateway.routes.requests import read_batch, read_generate
from tidegate_gateway.settings import Limits
from tidegate_gateway.wire import Request, RequestReader

USER: Final = {"role": "user", "content": "?"}
PART: Final = {"type": "image_url", "image_url": {"url": "data:,"}, "detail": "auto"}
CHAT: Final[dict[str, Any]] = {
    "model": "m",
    "messages": [USER, {"role": "user", "content": [PART, {"type": "text", "text": "a"}, "b"]}],
    "stream": True,
    "stream_options": {"include_usage": False},
    "n": 2,
    "max_tokens": 5,
    "temperature": 0.5,
    "stop": ["a"],
    "logit_bias": {"1": 1},
    "cache_salt": "mine",
    "priority": 3,
    "tools": [{"function": {"name": "x"}}],
    "response_format": {"type": "json_object"},
    "chat_template_kwargs": {"a": 1},
    "seed": 7,
}
EMBED: Final = {"model": "m", "input": [[1, 2.0], [3]], "dimensions": 8, "priority": 1}
BATCH: Final = {"model": "m", "requests": [{"prompt": "a", "n": 1}, {"messages": [USER]}], "temperature": 0}
TOKENS: Final = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"\\ud800",
    b"\\u0000",
    b"\0",
    b" ",
    b"\n",
    b'"model"',
    b'"priority":0,',
    b'"cache_salt":"x",',
    b'"messages"',
    b"\xff",
    b"\xc0\xaf",
    b"1e999",
    b"-",
    b"NaN",
]
ROUTES: Final = [b"/v1/chat/completions", b"/v1/completions", b"/v1/embeddings", b"/tokenize", b"/detokenize"]
SEEDS: Final = [dumped(one) for one in (CHAT, EMBED, BATCH, {"model": "m", "prompt": ["a", "b"]})]
BODIES: Final = shuffled(SEEDS, TOKENS) | (spoiled(CHAT) | spoiled(EMBED) | values()).map(dumped)
OURS: Final = ("priority", "cache_salt", "stream_options")


def members(data: bytes) -> list[tuple[str, Any]]:
    """Return the members of a JSON object as a lenient reader finds them, each key as often as it is there."""
    found: list[list[tuple[str, Any]]] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(pairs)
        return dict(pairs)

    json.loads(data, object_pairs_hook=note, parse_int=str, parse_float=str)
    return found[-1]


@given(body=BODIES, path=st.sampled_from(ROUTES))
def a_body(body: bytes, path: bytes) -> None:
    """Refused, or a worker gets the client's object with ours set in it: no key twice, nothing else changed."""
    try:
        call = read_call(body, path, -100)
        check_model_name(call.model)
    except Refused as refused:
        assert refused.problem.status == 400
        assert len(refused.problem.message) < 900
        return
    pieces, length = call.outgoing("salt")
    sent = b"".join(bytes(piece) for piece in pieces)
    assert len(sent) == length
    before, after = members(body), members(sent)
    assert len({key for key, _ in after}) == len(after)
    assert [pair for pair in before if pair[0] not in OURS] == [pair for pair in after if pair[0] not in OURS]
    if call.priority is not None:
        told = dict(after)
        assert told["priority"] == "-100"
        assert told["cache_salt"] != dict(before).get("cache_salt")
    assert call.n >= 1
    assert call.max_tokens is None or call.max_tokens >= 0


@given(body=shuffled(SEEDS, TOKENS) | spoiled(BATCH).map(dumped))
def a_batch(body: bytes) -> None:
    """Either refused, or requests of which each is one that the routes read or refuse."""
    for read in (read_batch, read_generate):
        try:
            found = read(body)
        except Refused as refused:
            assert refused.problem.status == 400
            continue
        asks = found.asks if not isinstance(found, tuple) else [found[1]]
        for ask in asks:
            try:
                read_call(ask.body(stream=True), ask.path, 0)
            except Refused:
                continue


KEY: Final = new_key()
CALLER: Final = Caller(digest(KEY), "ns", "team", "high", -100, None)
DIRECTORY: Final = Directory({CALLER.digest: CALLER})
AUTHORIZED: Final = b"Bearer " + KEY.encode()


@given(
    header=shuffled(
        [AUTHORIZED, b"Basic x", b""], [b"Bearer ", b"sk-", b" ", b"\t", b"a" * 300, KEY.encode()]
    )
)
def a_key(header: bytes) -> None:
    """Nobody is known but by the very key, after spaces that carry no meaning."""
    found = identify(header, DIRECTORY, 0.0)
    is_exact = header[:7].lower() == b"bearer " and header[7:].strip(b" ") == KEY.encode()
    assert (found is CALLER) == is_exact


class Owner:
    """Takes requests as a connection does."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, ...]] = []
        self.guesses = Guesses(lambda _: None)

    def identify(self, authorization: bytes | None) -> Caller | None:
        return None if authorization is None else identify(authorization, DIRECTORY, 0.0)

    def refuse_key(self, _: bytes | None) -> Problem:
        return errors.INVALID_KEY

    def deliver(self, request: Request) -> None:
        head = request.head
        problem = None if head.problem is None else head.problem.code
        kept = request.body if head.action in BODIED and problem is None else b""
        self.got.append(
            (head.method, head.path, problem, head.keep_alive, head.forwarded, request.caller, kept)
        )

    def expect_body(self) -> None:
        pass


LINES: Final = [
    b"POST /v1/completions HTTP/1.1\r\n",
    b"GET /v1/models HTTP/1.1\r\n",
    b"Host: a\r\n",
    b"Host: a/v1?\r\n",
    b"\r\n",
    b"Content-Length: 2\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"{}",
    b"2\r\n{}\r\n",
    b"0\r\n\r\n",
    b"Authorization: " + AUTHORIZED + b"\r\n",
    b"Content-Type: application/json\r\n",
    b"X-Request-Id: x\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b"HTTP/1.0\r\n",
    b"Upgrade: h2c\r\n",
    b"User-Agent: x\r\n",
    b"accept: a\r\n",
    b"ACCEPT: b\r\n",
]
WHOLE: Final = b"".join([LINES[0], LINES[2], LINES[11], LINES[12], LINES[5], b"\r\n{}"])
STREAMS: Final = [
    WHOLE,
    WHOLE * 3,
    b"".join([LINES[0], LINES[2], LINES[11], LINES[12], LINES[7], b"\r\n", LINES[9], LINES[10]]),
    b"".join([LINES[1], LINES[2], b"\r\n"]),
]


def read_all(pieces: list[bytes]) -> list[tuple[Any, ...]]:
    """Return what a connection makes of these bytes."""
    owner = Owner()
    reader = RequestReader(owner, Limits(), lambda: 0.0)
    for piece in pieces:
        if not reader.ended:
            reader.feed(piece)
    reader.close()
    return owner.got


@given(
    stream=shuffled(STREAMS, LINES) | st.lists(st.sampled_from(LINES), max_size=14).map(b"".join),
    data=st.data(),
)
def a_connection(stream: bytes, data: st.DataObject) -> None:
    """However the bytes are cut, the same requests are read of them: none appears or hides, and no body grows."""
    once = read_all([stream])
    cut = read_all(split(stream, data.draw(cuts(len(stream)))))
    single = read_all([stream[i : i + 1] for i in range(len(stream))])
    for other in (cut, single):
        assert [got for got in other if got[2] is None] == [got for got in once if got[2] is None]
        assert len(other) == len(once)
    assert sum(len(got[6]) for got in once) <= len(stream)


PULL: Final = {
    "namespace": "a",
    "uri": "hf://a/b",
    "revision": "main",
    "tokenSecretRef": {"name": "s", "key": "token"},
}
APPLIED: Final = {"namespace": "a", "name": "b", "spec": {"model": {"uri": "hf://a/b"}}}
NEW_KEY: Final = {"namespace": "a", "tenant": "b", "name": "c", "qosClass": "high", "notAfter": "30d"}
MODELS: Final = {bodies.Pull: PULL, bodies.Applied: APPLIED, bodies.NewKey: NEW_KEY}
APPLIED_ANYHOW: Final = st.builds(
    lambda spec: dumped({**APPLIED, "spec": spec}), st.dictionaries(NASTY_TEXT, values(), max_size=3)
)
CONSOLE: Final = APPLIED_ANYHOW | shuffled(
    [dumped(one) for one in MODELS.values()], [*TOKENS, b'"spec"', b"[" * 200]
)


@given(body=CONSOLE | st.one_of([spoiled(one).map(dumped) for one in MODELS.values()]), number=NUMBERS)
def a_console_body(body: bytes, number: str) -> None:
    """Either refused with fields that are named, or what can be sent on to the API server; it is never repeated."""
    for model in MODELS:
        try:
            read = bodies.read(model, body.replace(b"30d", number.encode()))
        except ConsoleProblem as problem:
            assert problem.status in {400, 422}
            continue
        json.dumps(read.model_dump(mode="json"), allow_nan=False, ensure_ascii=False).encode()


@given(name=st.text(max_size=80) | st.sampled_from(["..", "../x", "a/b", "%2e", "a\n", "-a", "a" * 64]))
def a_name_in_a_path(name: str) -> None:
    """A name that passes leads nowhere else."""
    for check in (bodies.namespace_of, bodies.name_of):
        try:
            passed = check(name)
        except ConsoleProblem:
            continue
        assert passed == name
        assert passed.isascii()
        assert not set(passed) & set("/\\%?#\n\0 ") and passed not in {".", ".."}
