"""`tidegate keys`: what is written to an LLMTenant, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from kubernetes import client
from typer.testing import CliRunner

from tidegate_api.keys import digest, new_key
from tidegate_api.tenant import LLMTenantSpec
from tidegate_cli import keys
from tidegate_cli.__main__ import app
from tidegate_cli.keys import key_entry, with_key, without_key
from tidegate_cli.tenants import Tenants

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


class FakeApi:
    """The custom objects of a cluster with the tenant `web`, in memory."""

    def __init__(self, found: dict[str, Any] | None) -> None:
        self.found = found

    def get_namespaced_custom_object(self, *_: str) -> dict[str, Any]:
        if self.found is None:
            raise client.ApiException(status=404, reason="Not Found")
        return self.found

    def create_namespaced_custom_object(self, *arguments: Any) -> None:
        self.found = arguments[-1]

    replace_namespaced_custom_object = create_namespaced_custom_object


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A cluster without the tenant."""
    fake = FakeApi(None)
    monkeypatch.setattr(keys, "connect", lambda namespace: Tenants(fake, namespace or "team-a"))
    return fake


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["keys", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("option", ["--expires", "--not-after"])
def test_a_key_is_printed_alone_and_stored_by_its_digest_with_its_end(api: FakeApi, option: str) -> None:
    code, output, said = run("create", "web", option, "2999-01-31T00:00:00Z", "--class", "high")
    assert code == 0
    assert api.found is not None
    [entry] = api.found["spec"]["keys"]
    assert entry == {"name": "default", "sha256": digest(output.strip()), "notAfter": "2999-01-31T00:00:00Z"}
    assert output.strip() not in said
    assert api.found["spec"]["qosClass"] == "high"


def test_an_end_that_makes_no_sense_makes_no_key(api: FakeApi) -> None:
    code, output, said = run("create", "web", "--expires", "someday")
    assert (code, output, api.found) == (2, "", None)
    assert "is no time" in said


def test_the_list_shows_class_limits_use_and_keys(api: FakeApi) -> None:
    api.found = tenant(
        {**ENTRY, "notAfter": "2001-01-31T00:00:00Z"},
        {"name": "web-frontend", "sha256": "0" * 64},
        qosClass="high",
        batchQosClass="medium",
        limits={"requestsPerMinute": 60, "concurrency": 0},
        budget={"tokens": 5000, "window": "Day"},
        services=["chat", "embed"],
    )
    usage = {"requests": 7, "promptTokens": 300, "completionTokens": 40, "since": "2026-11-01T00:00:00Z"}
    ready = {"type": "Ready", "status": "True", "reason": "Accepted", "message": "all is well"}
    api.found["status"] = {"usage": usage, "budget": {"tokens": 340}, "conditions": [ready]}
    code, output, _ = run("list", "web")
    assert code == 0
    assert output.splitlines() == [
        "CLASS    high (batches: medium)",
        "LIMITS   60 requests/min, 0 requests at a time",
        "BUDGET   340 of 5000 tokens per day",
        "MODELS   chat, embed",
        "USED     7 requests, 300 prompt and 40 completion tokens since 2026-11-01T00:00:00Z",
        "READY    True: Accepted: all is well",
        "",
        "KEY                     EXPIRES                 STATE           SHA-256",
        f"ci                      2001-01-31T00:00:00Z    EXPIRED         {ENTRY['sha256'][:16]}…",
        "web-frontend            -                       never expires   0000000000000000…",
    ]
    assert KEY not in output


def test_the_list_of_a_tenant_that_says_nothing_shows_the_defaults(api: FakeApi) -> None:
    api.found = {"spec": {}}
    assert run("list", "web")[1].splitlines() == [
        "CLASS    medium (batches: low)",
        "LIMITS   none",
        "BUDGET   none",
        "MODELS   every LLMService of the namespace",
        "",
        "KEY                     EXPIRES                 STATE           SHA-256",
    ]


def test_a_tenant_that_is_not_there_is_said(api: FakeApi) -> None:
    code, _, said = run("list", "web")
    assert code == 1
    assert "there is no LLMTenant 'web' in namespace 'team-a'" in said


def test_a_revoked_key_is_gone(api: FakeApi) -> None:
    api.found = tenant(ENTRY)
    assert run("revoke", "web", "ci")[0] == 0
    assert api.found is not None
    assert api.found["spec"]["keys"] == []
