"""What clients send, and what of it is refused before anybody is asked."""

import json

import pytest

from tidegate_console import bodies
from tidegate_console.problems import Problem


def test_a_secret_is_named_with_its_key_or_without() -> None:
    for reference, wanted in (
        ({"name": "hub"}, "hub/token"),
        ({"name": "hub", "key": "k"}, "hub/k"),
        ("hub", "hub"),
        (None, None),
    ):
        sent = {"namespace": "a", "uri": "hf://a/b", "tokenSecretRef": reference}
        assert bodies.read(bodies.Pull, json.dumps(sent).encode()).token_secret == wanted


@pytest.mark.parametrize(
    ("sent", "status", "fields"),
    [
        (b"", 400, ()),
        (b"{", 400, ()),
        (b"[" * 5000, 400, ()),
        (b'{"namespace": "a", "name": "b", "spec": ' + b'{"x":' * 70 + b"1" + b"}" * 71, 400, ()),
        (b"[]", 422, ("body",)),
        (b"{}", 422, ("namespace", "name", "spec")),
        (b'{"namespace": "A", "name": "b", "spec": {}}', 422, ("namespace",)),
        (b'{"namespace": "a", "name": "b/../c", "spec": []}', 422, ("name", "spec")),
        (b'{"namespace": "a", "name": "b", "spec": {}, "more": "sk-secret"}', 422, ("more",)),
    ],
)
def test_a_body_that_is_wrong_is_told_where(sent: bytes, status: int, fields: tuple[str, ...]) -> None:
    with pytest.raises(Problem) as refused:
        bodies.read(bodies.Applied, sent)
    assert (refused.value.status, refused.value.fields) == (status, fields)
    assert "sk-secret" not in str(refused.value.as_json())


@pytest.mark.parametrize("name", ["", "A", "a_b", "../a", "a/b", "-a", "a\n", "a" * 300, "%2e"])
def test_a_name_is_a_name(name: str) -> None:
    for check in (bodies.name_of, bodies.namespace_of):
        with pytest.raises(Problem):
            check(name)


@pytest.mark.parametrize("text", ["", "0", "51", "-1", "1.5", "²", "9" * 30])
def test_a_number_is_one_within_its_bounds(text: str) -> None:
    with pytest.raises(Problem):
        bodies.whole_number(text, "limit", 1, 50)
    assert bodies.whole_number("50", "limit", 1, 50) == 50
