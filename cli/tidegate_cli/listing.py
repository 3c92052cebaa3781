"""What a tenant may do and has used, and its keys, as lines for a terminal.

Owns the words. Must not ask a cluster or read the clock.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tidegate_api.names import DEFAULT_BATCH_CLASS, DEFAULT_CLASS
from tidegate_cli.expiry import remaining

Tenant = Mapping[str, Any]


def lines(tenant: Tenant, now: datetime) -> list[str]:
    """Return all there is to say: a line each about class, limits, budget, models and usage, then the keys."""
    spec, status = tenant.get("spec") or {}, tenant.get("status") or {}
    facts = {
        "CLASS": f"{spec.get('qosClass', DEFAULT_CLASS)} (batches: {spec.get('batchQosClass', DEFAULT_BATCH_CLASS)})",
        "LIMITS": _limits(spec.get("limits") or {}),
        "BUDGET": _budget(spec.get("budget"), status.get("budget")),
        "MODELS": ", ".join(spec.get("services") or ()) or "every LLMService of the namespace",
        "USED": _usage(status.get("usage")),
        "READY": _ready(status),
    }
    return [*(f"{name:<9}{words}" for name, words in facts.items() if words), "", *_keys(spec, now)]


def _limits(limits: Mapping[str, Any]) -> str:
    named = {
        "requestsPerMinute": "requests/min",
        "tokensPerMinute": "tokens/min",
        "concurrency": "requests at a time",
    }
    given = [f"{limits[key]} {words}" for key, words in named.items() if limits.get(key) is not None]
    return ", ".join(given) or "none"


def _budget(budget: Mapping[str, Any] | None, used: Mapping[str, Any] | None) -> str:
    if budget is None:
        return "none"
    spent = f"{used['tokens']} of " if used is not None else ""
    return f"{spent}{budget['tokens']} tokens per {budget.get('window', 'Month').lower()}"


def _usage(usage: Mapping[str, Any] | None) -> str:
    if usage is None:
        return ""
    return (
        f"{usage['requests']} requests, {usage['promptTokens']} prompt and {usage['completionTokens']} completion "
        f"tokens since {usage['since']}"
    )


def _ready(status: Mapping[str, Any]) -> str:
    ready = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), None)
    return f"{ready['status']}: {ready['reason']}: {ready['message']}" if ready is not None else ""


def _keys(spec: Mapping[str, Any], now: datetime) -> Iterator[str]:
    yield f"{'KEY':<24}{'EXPIRES':<24}{'STATE':<16}SHA-256"
    for key in spec.get("keys") or ():
        end = key.get("notAfter")
        yield f"{key['name']:<24}{end or '-':<24}{remaining(end, now):<16}{key['sha256'][:16]}…"
