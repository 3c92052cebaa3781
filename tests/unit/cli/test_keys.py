"""`tidegate keys`: what is written to an LLMTenant, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from tidegate_api.keys import digest, new_key
from tidegate_api.tenant import LLMTenantSpec
from tidegate_cli.keys import key_entry, with_key, without_key

KEY = "sk-" + "a" * 43
ENTRY = {"name": "ci", "sha256": digest(KEY)}


def tenant(*entries: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "resourceVersion": "7"}, "spec": {"keys": list(entries), **spec}}


def test_a_key_is_new_each_time_and_has_256_random_bits() -> None:
    assert new_key() != new_key()
    assert len(new_key()) == len("sk-") + 43


def test_the_digest_is_what_sha256sum_says_of_the_whole_key() -> None:
    assert digest("sk-test") == "f3abf2a6cc4f00987743db5f544ba345b4899ae31f326d8ee9c4816de153c9e0"


def test_the_first_key_makes_the_tenant() -> None:
    made = with_key(None, "web", ENTRY, None)
    assert made["kind"] == "LLMTenant"
    assert made["spec"] == {"keys": [ENTRY]}


def test_another_key_keeps_those_that_are_there_and_the_version_read() -> None:
    made = with_key(tenant({"name": "old", "sha256": "0" * 64}, qosClass="low"), "web", ENTRY, None)
    assert [key["name"] for key in made["spec"]["keys"]] == ["old", "ci"]
    assert made["spec"]["qosClass"] == "low"
    assert made["metadata"]["resourceVersion"] == "7"


def test_a_class_given_is_set() -> None:
    assert with_key(tenant(qosClass="low"), "web", ENTRY, "high")["spec"]["qosClass"] == "high"


def test_a_name_in_use_is_refused_so_that_nobody_is_locked_out() -> None:
    with pytest.raises(typer.BadParameter, match="revoke it first"):
        with_key(tenant(ENTRY), "web", ENTRY, None)


def test_revoking_removes_that_key_only() -> None:
    left = without_key(tenant(ENTRY, {"name": "old", "sha256": "0" * 64}), "web", "ci")
    assert [key["name"] for key in left["spec"]["keys"]] == ["old"]


@pytest.mark.parametrize("found", [None, tenant()], ids=["no such tenant", "no such key"])
def test_revoking_what_is_not_there_is_refused(found: dict[str, Any] | None) -> None:
    with pytest.raises(typer.BadParameter, match="has no key 'ci'"):
        without_key(found, "web", "ci")


def test_an_entry_is_what_the_schema_asks_for() -> None:
    entry = key_entry("ci", KEY, datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert LLMTenantSpec.model_validate({"keys": [entry]}).keys[0].not_after == "2027-01-02T03:04:05Z"
