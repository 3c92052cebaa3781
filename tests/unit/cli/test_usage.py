"""`tidegate usage`: tenants in, a table and JSON out."""

from typing import Any

import pytest

from tidegate_cli.usage.rows import Price, table, used


def tenant(name: str, namespace: str = "team-a", **usage: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "status": {"usage": usage} if usage else {}}


SINCE = "2026-11-01T00:00:00Z"
WEB = tenant("web", requests=1200, promptTokens=4_000_000, completionTokens=1_000_000, since=SINCE)
BATCH = tenant("batch", "team-b", requests=3, promptTokens=500_000, completionTokens=0, since=SINCE)
NEW = tenant("new")


def shown(*tenants: dict[str, Any], price: Price | None = None, everywhere: bool = False) -> list[list[str]]:
    lines = table(used(tenants, price), everywhere=everywhere, priced=price is not None)
    return [line.split() for line in lines]


def test_a_tenant_is_a_line() -> None:
    head, line = shown(WEB)
    assert head == ["TENANT", "REQUESTS", "PROMPT", "TOKENS", "COMPLETION", "TOKENS", "SINCE"]
    assert line == ["web", "1,200", "4,000,000", "1,000,000", SINCE]


def test_what_is_not_known_is_a_dash_and_adds_nothing() -> None:
    assert shown(NEW)[1] == ["new", "-", "-", "-", "-"]
    assert shown(NEW, price=Price(1, 1))[1] == ["new", "-", "-", "-", "-", "-"]
    assert len(shown(NEW, WEB)) == 3


def test_several_have_a_sum() -> None:
    *_, total = shown(WEB, BATCH, NEW)
    assert total == ["(all)", "1,203", "4,500,000", "1,000,000"]


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        pytest.param(Price(0.5, 2.0), "4.00", id="prompts and answers apart"),
        pytest.param(Price(0.5), "2.00", id="only prompts cost"),
        pytest.param(Price(), "0.00", id="free is a price"),
    ],
)
def test_a_cost_is_tokens_times_price(price: Price, cost: str) -> None:
    assert shown(WEB, price=price)[1][4] == cost


def test_all_namespaces_are_in_order() -> None:
    lines = shown(BATCH, WEB, everywhere=True)
    assert [line[0] for line in lines[1:3]] == ["team-a", "team-b"]
    assert lines[3][0] == "(all)"


def test_json_has_null_for_what_is_not_known_and_a_cost_only_with_a_price() -> None:
    assert used([NEW], None) == [
        {
            "namespace": "team-a",
            "tenant": "new",
            "requests": None,
            "promptTokens": None,
            "completionTokens": None,
            "since": None,
        }
    ]
    assert used([WEB], Price(0.5, 2.0))[0]["cost"] == 4.0
