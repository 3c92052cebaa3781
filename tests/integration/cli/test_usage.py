"""`tidegate usage` on a real API server: what the operator has written of tenants, and nothing of others."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from integration.api import Api
from tidegate_api.names import API_VERSION, TENANT_KIND
from tidegate_cli.__main__ import app

USED = {
    "requests": 7,
    "promptTokens": 2_000_000,
    "completionTokens": 1_000_000,
    "totalTokens": 3_000_000,
    "since": "2026-11-01T00:00:00Z",
}


def test_what_a_tenant_used_is_told_with_its_cost(api: Api, namespace: str) -> None:
    def usage(*words: str) -> tuple[str, str]:
        environment = {"KUBECONFIG": str(api.plane.kubeconfig)}
        result = CliRunner().invoke(app, ["usage", *words, "-n", namespace], env=environment)
        assert result.exit_code == 0, result.stderr
        return result.stdout, result.stderr

    assert f"There is no LLMTenant in namespace {namespace}." in usage()[1]
    for name in ("new", "web"):
        manifest = {"apiVersion": API_VERSION, "kind": TENANT_KIND, "metadata": {"name": name}, "spec": {}}
        api.create(manifest, namespace)
    api.patch_status(TENANT_KIND, namespace, "web", {"usage": USED})
    new, web = json.loads(usage("--prompt-price", "1", "--completion-price", "3", "-o", "json")[0])
    assert (new["tenant"], new["requests"], new["cost"]) == ("new", None, None)
    assert (web["tenant"], web["requests"], web["cost"]) == ("web", 7, 5.0)
    assert "2,000,000" in usage()[0]
