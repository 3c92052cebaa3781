"""What a body may hold, and what of it is changed."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.body import parse, read_call
from tidegate_gateway.errors import Refused

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


def sent(body: bytes, priority: int = -100) -> bytes:
    call = read_call(body, priority)
    joined = b"".join(call.pieces)
    assert len(joined) == call.length
    return joined


def refusal(body: bytes) -> tuple[str, str | None, str]:
    with pytest.raises(Refused) as refused:
        read_call(body, 0)
    problem = refused.value.problem
    assert problem.status == 400
    return problem.code, problem.param, problem.message


@settings(deadline=None, max_examples=60)
@given(fields=BODIES, style=STYLES)
def test_a_body_keeps_every_byte_behind_the_brace(fields: dict[str, Any], style: dict[str, Any]) -> None:
    body = json.dumps({"model": "m"} | fields, **style).encode("utf-8", "surrogatepass")
    try:
        body.decode()
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeError:
        refusal(body)
        return
    assert sent(body) == b'{"priority":-100,' + body[1:]


@settings(deadline=None, max_examples=60)
@given(fields=BODIES, priority=VALUES.filter(lambda v: "\ud800" not in json.dumps(v)), style=STYLES)
def test_a_priority_of_the_client_is_replaced_and_nothing_else(
    fields: dict[str, Any], priority: Any, style: dict[str, Any]
) -> None:
    wanted = {"model": "m"} | fields
    try:
        body = json.dumps(wanted | {"priority": priority}, **style).encode()
        json.dumps(wanted | {"p": priority}, ensure_ascii=False).encode()
    except UnicodeError:
        return
    got = json.loads(sent(body))
    assert got == wanted | {"priority": -100}


def test_values_of_a_rewritten_body_keep_their_bytes() -> None:
    body = b'{"a": 1.50, "priority" : 3, "model":"m","b":[ 1 , "\\u00e9" ],"c":"\xc3\xa9"}'
    assert sent(body) == b'{"priority":-100,"a":1.50,"model":"m","b":[ 1 , "\\u00e9" ],"c":"\xc3\xa9"}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"priority":1,"model":"m","priority":2}',
        b'{"model":"m","pri\\u006frity":1}',
        b'{"model":"m","priority":{"priority":1}}',
    ],
    ids=["twice", "escaped", "an object"],
)
def test_no_spelling_of_priority_survives(body: bytes) -> None:
    try:
        got = json.loads(sent(body))
    except Refused as refused:
        assert refused.problem.code == "invalid_json"
    else:
        assert got == {"model": "m", "priority": -100}


def test_a_second_key_is_found_behind_any_spacing() -> None:
    for spacing in ("", " ", "\n\t "):
        for second in ('"a"', '"\\u0061"'):
            body = f'{{"a"{spacing}:1,{spacing}"model":"m"{spacing},{second}:{spacing}2}}'.encode()
            assert refusal(body)[0] == "invalid_json"


@pytest.mark.parametrize(
    ("body", "code", "param", "says"),
    [
        (b'{"model":"m"', "invalid_json", None, "it ends too early (at byte 12)"),
        (b'{"model":tru}', "invalid_json", None, "(at byte 10)"),
        (b"", "invalid_json", None, "(at byte 0)"),
        (b"null", "invalid_json", None, "must be an object"),
        (b'{"model":"m","n":17}', "param_out_of_range", "n", "from 1 to 16"),
        (b'{"model":"m","n":1.0}', "param_out_of_range", "n", "from 1 to 16"),
        (b'{"model":"m","best_of":0}', "param_out_of_range", "best_of", "from 1 to 16"),
        (b'{"model":"m","temperature":1e999}', "param_out_of_range", "temperature", "from 0 to 100"),
        (b'{"model":null}', "invalid_type", "model", "must be a string"),
        (b"{}", "missing_required_parameter", "model", "is missing"),
        (
            b'{"model":"m","kv_transfer_params":{}}',
            "unsupported_parameter",
            "kv_transfer_params",
            "leave it out",
        ),
    ],
)
def test_what_is_wrong_is_named(body: bytes, code: str, param: str | None, says: str) -> None:
    got = refusal(body)
    assert got[:2] == (code, param)
    assert says in got[2]


@pytest.mark.parametrize(
    "field",
    ['"n":16', '"n":null', '"max_tokens":0', '"temperature":2', '"stop":"x"', '"stop":["a","b"]', '"stop":null',
     '"stream":false', '"chat_template_kwargs":{"enable_thinking":false}', '"top_logprobs":20'],
)  # fmt: skip
def test_what_engines_accept_is_left_to_them(field: str) -> None:
    body = b'{"model":"m",%b}' % field.encode()
    assert sent(body, 0) == b'{"priority":0,' + body[1:]


@settings(deadline=None, max_examples=60)
@given(junk=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(junk: bytes) -> None:
    try:
        parse(junk)
    except Refused as refused:
        assert refused.problem.code == "invalid_json"
        assert len(refused.problem.message) < 500
    else:
        assert isinstance(json.loads(junk), dict)
