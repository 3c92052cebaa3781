"""Who may sign in to the demo's console: an editor of the demo's namespace and nobody else's."""

import pytest

from demo import console
from demo.install import NAMESPACE


def test_the_account_edits_in_the_demos_namespace_only() -> None:
    account, *bindings = console.objects()
    assert {one["kind"] for one in bindings} == {"RoleBinding"}
    assert {one["metadata"]["namespace"] for one in (account, *bindings)} == {NAMESPACE}  # type: ignore[index]
    assert [one["roleRef"]["name"] for one in bindings] == ["view", "tidegate-system-tidegate-editor"]  # type: ignore[index]


def test_the_screen_says_where_it_is_and_how_to_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "program", lambda name: name)
    said = console.screen("http://10.73.1.2")
    for words in (
        "port-forward service/tidegate-console 8090:80",
        "http://10.73.1.2",
        "create token demo-editor",
    ):
        assert words in said
