"""What of a body counts, and what a worker is sent of it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.body import COMPLETION_TOKENS, Call, parse, plain, read_call
from tidegate_gateway.errors import Refused

CHAT = b"/v1/chat/completions"
COMPLETIONS = b"/v1/completions"
EMBEDDINGS = b"/v1/embeddings"
USER = {"role": "user", "content": "?"}
OPTIONS = '"stream_options":{"include_usage":true'

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
STYLES = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])
BODIES = st.dictionaries(st.text().map("x".__add__), VALUES, max_size=6)


def call(body: bytes | dict[str, Any], path: bytes = CHAT, priority: int = -100) -> Call:
    return read_call(body if isinstance(body, bytes) else json.dumps(body).encode(), path, priority)


def sent(
    body: bytes | dict[str, Any], path: bytes = CHAT, salt: str | None = None, priority: int = -100
) -> bytes:
    pieces, length = call(body, path, priority).outgoing(salt)
    joined = b"".join(pieces)
    assert len(joined) == length
    return joined


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [USER]} | fields


def can_be_sent(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        return False
    return True


@settings(deadline=None, max_examples=60)
@given(fields=BODIES, style=STYLES)
def test_a_body_keeps_every_byte_behind_the_brace(fields: dict[str, Any], style: dict[str, Any]) -> None:
    body = json.dumps(chat() | fields, **style).encode("utf-8", "surrogatepass")
    if not can_be_sent(fields):
        with pytest.raises(Refused):
            call(body)
        return
    assert sent(body) == b'{"priority":-100,' + body[1:]


@settings(deadline=None, max_examples=100)
@given(
    fields=BODIES,
    ours=st.dictionaries(
        st.sampled_from(["priority", "cache_salt", "stream_options"]), st.text(min_size=1, max_size=9)
    ),
    order=st.randoms(use_true_random=False),
    style=STYLES,
)
def test_members_that_are_ours_are_replaced_and_nothing_else(
    fields: dict[str, Any], ours: dict[str, Any], order: Any, style: dict[str, Any]
) -> None:
    if "stream_options" in ours:
        ours["stream_options"] = {"include_usage": False, "x": 1}
    members = [*(chat(stream=True) | fields | ours).items()]
    order.shuffle(members)
    if not can_be_sent(members):
        return
    got = sent(json.dumps(dict(members), **style).encode(), salt="ours")
    want = chat(stream=True) | fields | {"priority": -100, "stream_options": {"include_usage": True}}
    if "stream_options" in ours:
        want["stream_options"]["x"] = 1
    read = json.loads(got)
    assert read.pop("cache_salt") != ours.get("cache_salt")
    assert read == want
    rest = [(key, value) for key, value in members if key not in {*ours, "priority"}]
    assert [(key, value) for key, value in json.loads(got).items()][-len(rest) :] == rest


def test_what_is_left_of_a_body_that_was_cut_keeps_its_bytes() -> None:
    rest = b' "model":"m","prompt":" ?" ,"b":[ 1 , "\\u00e9" ],"c":"\xc3\xa9"}'
    assert sent(b'{"a": 1.50, "priority" : 3,' + rest, COMPLETIONS) == b'{"priority":-100,"a": 1.50,' + rest


@pytest.mark.parametrize(
    "body",
    [
        b'{"priority":1,"cache_salt":"x","model":"m","prompt":"?"}',
        b'{"model":"m","prompt":"?","cache_salt":"x","priority":1}',
        b'{ "priority" : 1 , "model":"m","cache_salt" :"x" ,"prompt":"?"\n}',
        b'{"model":"m","pri\\u006frity":1,"prompt":"?","\\u0063ache_salt":"x"}',
        b'{"model":"m","priority":{"priority":[1,"}"]},"prompt":"?","cache_salt":"x"}',
    ],
    ids=["first", "last", "spaced", "escaped", "an object"],
)
def test_no_spelling_of_what_is_ours_survives(body: bytes) -> None:
    got = json.loads(sent(body, COMPLETIONS, salt="ours"))
    salt = got.pop("cache_salt")
    assert got == {"model": "m", "prompt": "?", "priority": -100}
    assert salt not in {"x", "ours"}


# Salts


def salt_of(own: str | None, salt: str | None) -> str | None:
    body = chat() if own is None else chat(cache_salt=own)
    found: str | None = json.loads(sent(body, salt=salt)).get("cache_salt")
    return found


def test_the_salt_of_a_tenant_is_sent_as_it_is() -> None:
    assert salt_of(None, "abc") == "abc"
    assert salt_of(None, None) is None


def test_a_salt_of_the_clients_own_only_adds_to_ours() -> None:
    salts = [salt_of(own, salt) for salt in ("t1", "t2", None) for own in ("a", "b", "t1", "t2", "t1\0a")]
    assert len({*salts}) == len(salts)
    assert not {"a", "b", "t1", "t2"} & {*salts}
    # What vLLM takes: up to 128 characters, none of them a separator.
    assert all(salt is not None and salt.isalnum() and len(salt) <= 128 for salt in salts)
    assert salt_of("a", "t1") == salt_of("a", "t1")


def test_a_salt_that_is_null_is_none() -> None:
    assert json.loads(sent(chat(cache_salt=None), salt="t1"))["cache_salt"] == "t1"
    assert "cache_salt" not in json.loads(sent(chat(cache_salt=None)))


# The report of usage


@pytest.mark.parametrize(
    ("fields", "options", "wants"),
    [
        ({}, None, False),
        ({"stream": False}, None, False),
        ({"stream": None}, None, False),
        ({"stream": True}, {"include_usage": True}, False),
        ({"stream": True, "stream_options": None}, {"include_usage": True}, False),
        ({"stream": True, "stream_options": {}}, {"include_usage": True}, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, {"include_usage": True}, False),
        ({"stream": True, "stream_options": {"include_usage": None}}, {"include_usage": True}, False),
        (
            {"stream": True, "stream_options": {"continuous_usage_stats": True}},
            {"include_usage": True},
            False,
        ),
        (
            {"stream": True, "stream_options": {"a": [1, {"b": 2}], "include_usage": False, "c": "d"}},
            {"include_usage": True, "a": [1, {"b": 2}], "c": "d"},
            False,
        ),
        (
            {"stream": True, "stream_options": {"continuous_usage_stats": True, "include_usage": True}},
            {"continuous_usage_stats": True, "include_usage": True},
            True,
        ),
        ({"stream": False, "stream_options": {"include_usage": True}}, {"include_usage": True}, False),
        ({"stream_options": {"x": 1}}, {"x": 1}, False),
    ],
)
def test_a_stream_always_reports_and_keeps_other_options(
    fields: dict[str, Any], options: dict[str, Any] | None, wants: bool
) -> None:
    for path, body in ((CHAT, chat(**fields)), (COMPLETIONS, {"model": "m", "prompt": "?"} | fields)):
        got = json.loads(sent(body, path))
        assert got.get("stream_options") == options
        read = call(body, path)
        assert (read.stream, read.wants_usage) == (fields.get("stream") is True, wants)


def test_a_body_that_asks_for_the_report_is_not_touched() -> None:
    body = b'{"model":"m","messages":[{"role":"user"}],"stream":true, "stream_options": { "include_usage" : true } }'
    assert sent(body) == b'{"priority":-100,' + body[1:]


def test_an_embedding_never_streams() -> None:
    body = {"model": "m", "input": "?", "stream": True}
    assert call(body, EMBEDDINGS).stream is False
    assert json.loads(sent(body, EMBEDDINGS, "s")) == body | {"priority": -100, "cache_salt": "s"}


@pytest.mark.parametrize(
    ("path", "member"), [(b"/tokenize", {"prompt": "?"}), (b"/detokenize", {"tokens": [1]})]
)
def test_what_is_not_scheduled_is_sent_as_it_came(path: bytes, member: dict[str, Any]) -> None:
    body = b" " + json.dumps({"model": "m", "priority": 1, "cache_salt": "x"} | member).encode()
    assert sent(body, path, "salt") == body


# What counts


@pytest.mark.parametrize(
    ("path", "fields", "most"),
    [
        (CHAT, {}, None),
        (CHAT, {"max_tokens": 7}, 7),
        (CHAT, {"max_completion_tokens": 8}, 8),
        (CHAT, {"max_tokens": 7, "max_completion_tokens": 0}, 0),
        (CHAT, {"max_tokens": 7, "max_completion_tokens": None}, 7),
        (CHAT, {"max_tokens": None}, None),
        (COMPLETIONS, {}, COMPLETION_TOKENS),
        (COMPLETIONS, {"max_tokens": None}, None),
        (COMPLETIONS, {"max_tokens": 7, "max_completion_tokens": 9}, 7),
        (EMBEDDINGS, {"max_tokens": 7}, 0),
        (b"/tokenize", {}, 0),
    ],
)
def test_the_most_tokens_of_an_answer_are_known(
    path: bytes, fields: dict[str, Any], most: int | None
) -> None:
    body = {"model": "m", "messages": [USER], "prompt": "?", "input": "?"} | fields
    assert call(body, path).max_tokens == most


@pytest.mark.parametrize(
    ("path", "fields", "n"),
    [
        (CHAT, {"messages": [USER] * 3}, 1),
        (CHAT, {"messages": [USER], "n": 3}, 3),
        (CHAT, {"messages": [USER], "n": None}, 1),
        (COMPLETIONS, {"prompt": "a,b"}, 1),
        (COMPLETIONS, {"prompt": ["a,b", "c"], "n": 2}, 4),
        (COMPLETIONS, {"prompt": [1, 2, 3]}, 1),
        (COMPLETIONS, {"prompt": [[1, 2], [3], []]}, 3),
        (COMPLETIONS, {"prompt": ["a"] * 256}, 256),
        (COMPLETIONS, {"prompt": " [1] "}, 1),
        (EMBEDDINGS, {"input": ["[", "]", "}"]}, 3),
        (EMBEDDINGS, {"input": [[1, 2]] * 2048}, 2048),
        (EMBEDDINGS, {"input": [USER, USER]}, 1),
        (EMBEDDINGS, {"input": [[USER], [USER, USER]]}, 2),
        (EMBEDDINGS, {"messages": [[USER], [USER, USER]]}, 2),
        (EMBEDDINGS, {"messages": [USER]}, 1),
    ],
)
def test_answers_are_counted(path: bytes, fields: dict[str, Any], n: int) -> None:
    assert call({"model": "m"} | fields, path).n == n


@pytest.mark.parametrize(
    ("path", "body", "prompt"),
    [
        (CHAT, b'{"messages": [ {"role":"user"} ] , "model":"m"}', b'[ {"role":"user"} ]'),
        (COMPLETIONS, b'{"prompt":"a b","model":"m"}', b'"a b"'),
        (EMBEDDINGS, b'{"messages":[{"role":"user"}],"model":"m"}', b'[{"role":"user"}]'),
        (EMBEDDINGS, b'{"messages":[{"role":"user"}],"model":"m","input":"x"}', b'"x"'),
        (b"/tokenize", b'{"messages":[{"role":"user"}],"model":"m"}', b'[{"role":"user"}]'),
        (b"/detokenize", b'{"tokens":[1,2],"model":"m"}', b"[1,2]"),
    ],
)  # fmt: skip
def test_the_prompt_is_known_by_its_bytes(path: bytes, body: bytes, prompt: bytes) -> None:
    assert bytes(call(body, path).prompt) == prompt


GOOD_MESSAGES: dict[str, Any] = {
    "every role": [
        {"role": role} for role in ("system", "developer", "user", "assistant", "tool", "function")
    ],
    "no content": [{"role": "assistant", "tool_calls": []}],
    "content of null": [{"role": "assistant", "content": None}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "http://a"}, "a text"]}],
    "an image of data": [{"role": "user", "content": [{"image_url": {"url": "data:image/png;base64,AA"}}]}],
    "an image without a URL": [{"role": "user", "content": [{"type": "image_url", "image_url": None}]}],
    "sound": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]}],
    "URLs in a text": [{"role": "user", "content": 'see "image_url": {"url": "http://a"} [1]'}],
    "tool calls": [
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "7"},
    ],
    "members unknown here": [{"role": "user", "content": "x", "reasoning": "y", "a": {"b": [1]}}],
    "as deep as may be": [{"role": "user", "a": json.loads("[" * 29 + "]" * 29)}],
    "parts as deep as may be": [{"role": "user", "content": [{"a": json.loads("[" * 27 + "]" * 27)}]}],
    "a long text": [{"role": "user", "content": "x" * 50_000}],
    "a long text with brackets": [{"role": "user", "content": "[{" * 25_000}],
    "a long text of quoted brackets": [{"role": "user", "content": '\\"[{' * 25_000}],
    "eight thousand": [USER] * 8192,
}  # fmt: skip


@pytest.mark.parametrize("messages", GOOD_MESSAGES.values(), ids=GOOD_MESSAGES.keys())
def test_messages_that_engines_read_are_left_to_them(messages: Any) -> None:
    for style in ({}, {"separators": (",", ":")}, {"indent": 1}):
        body = json.dumps({"model": "m", "messages": messages}, **style).encode()
        assert sent(body) == b'{"priority":-100,' + body[1:]
    assert call({"model": "m", "input": messages}, EMBEDDINGS).n == 1


@pytest.mark.parametrize(
    "field",
    ['"n":16', '"n":16.0', '"n":null', '"logprobs":5.0', '"max_tokens":1e3',
    '"max_tokens":0', '"temperature":2', '"stop":"x"', '"stop":["a","b"]', '"stop":null',
     '"stream":false', '"chat_template_kwargs":{"enable_thinking":false}', '"chat_template_kwargs":null',
     '"top_logprobs":20', '"logprobs":true', '"logprobs":5', '"seed":-9223372036854775808', '"top_k":-1',
     '"logit_bias":{"50256":-100}', '"vllm_xargs":{"a":1}', '"user":"x"', '"response_format":{"type":"json_object"}',
     '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]', '"tools":null',
     '"structured_outputs":{"choice":["a","b"]}', '"stop_token_ids":[1]', '"a":%s' % ("[" * 31 + "]" * 31)],
)  # fmt: skip
def test_what_engines_accept_is_left_to_them(field: str) -> None:
    body = b'{"model":"m","messages":[{"role":"user"}],%b}' % field.encode()
    assert sent(body, priority=0) == b'{"priority":0,' + body[1:]


@settings(deadline=None, max_examples=200)
@given(value=VALUES, style=STYLES)
def test_a_second_key_is_found_behind_any_spacing(value: Any, style: dict[str, Any]) -> None:
    if not can_be_sent(value):
        return
    first = json.dumps({"a": value, "model": "m"}, **style)
    for second in ('"a"', '"\\u0061"', '"model"'):
        for space in ("", " ", "\n\t"):
            with pytest.raises(Refused) as refused:
                parse(f"{first[:-1]}{space},{second}{space}:{space}2}}".encode())
            assert refused.value.problem.code == "invalid_json"


@settings(deadline=None, max_examples=100)
@given(junk=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(junk: bytes) -> None:
    try:
        parse(junk)
    except Refused as refused:
        assert refused.problem.code == "invalid_json"
        assert len(refused.problem.message) < 500
    else:
        assert isinstance(json.loads(junk), dict)


@settings(deadline=None, max_examples=200)
@given(
    path=st.sampled_from([CHAT, COMPLETIONS, EMBEDDINGS, b"/tokenize", b"/detokenize"]),
    fields=st.dictionaries(
        st.sampled_from(["messages", "prompt", "input", "tokens", "n", "stop", "tools", "stream_options"]),
        VALUES,
    ),
)
def test_any_values_are_read_or_refused_by_name(path: bytes, fields: dict[str, Any]) -> None:
    body = json.dumps({"model": "m"} | fields).encode()
    try:
        read_call(body, path, 0)
    except Refused as refused:
        assert refused.problem.status == 400
        assert len(refused.problem.message) < 900


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"m","messages":[{"role":"user","content":"?"}]}', None),
        (b'{"model":"m","messages":[{"role":"user","content":"?"}],"stream":true,"seed":1}', None),
        (
            b'{"model":"m","messages":[{"role":"user","content":"?"}],"stream":true,'
            b'"stream_options":{"include_usage":false}}',
            None,
        ),
        (
            b'{"priority":5,"model":"m","cache_salt":"x","messages":[{"role":"user","content":"?"}],"stream":true}',
            b'{"model":"m","messages":[{"role":"user","content":"?"}],"stream":true}',
        ),
    ],
    ids=["nothing to set", "a stream", "a stream without a report", "what only vLLM knows"],
)
def test_an_engine_that_is_not_vllm_is_sent_what_the_client_sent(body: bytes, expected: bytes | None) -> None:
    pieces, length = plain(call(body), body).outgoing("salt")
    assert (b"".join(pieces), length) == (expected or body, len(expected or body))


def test_of_such_an_engine_a_report_that_nobody_asked_for_is_the_clients() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"?"}],"stream":true}'
    assert not call(body).wants_usage
    assert plain(call(body), body).wants_usage
