"""One stream a tab: a snapshot, then changes within a second, whatever becomes of the API server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from datetime import UTC, datetime
from typing import Any

from integration.api import Api
from integration.console.conftest import READ, Console, People
from integration.console.test_rights import serve

_numbers = itertools.count(1)
CALM = 1.5  # seconds: within a second, and what a busy machine adds


def page(namespace: str, requests: int, kv: float = 0.25) -> str:
    named = f'namespace="{namespace}",service="chat"'
    return (
        f"tidegate_gateway_in_flight_requests{{{named}}} 2.0\n"
        f'tidegate_gateway_ready_workers{{{named},pool="shared"}} 1.0\n'
        f'tidegate_gateway_kv_cache_used_ratio{{{named},pool="shared"}} {kv}\n'
        f'tidegate_gateway_requests_total{{{named},qos_class="high",code="200"}} {requests}\n'
        'tidegate_gateway_in_flight_requests{namespace="secret",service="other"} 2.0\n'
        f'tidegate_gateway_tenant_requests_total{{namespace="{namespace}",tenant="team"}} {requests}\n'
        "# HELP a b\n"
    )


async def test_a_snapshot_then_changes_within_a_second(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    serve(api, namespace, "chat")
    viewer = people.join("viewer", READ)
    async with console.stream(viewer) as tab:
        assert tab.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        first = await tab.next("snapshot")
        assert set(first) == {"services", "models", "tenants", "events", "live"}
        chat = first["services"][0]
        assert (chat["kind"], chat["apiVersion"]) == ("LLMService", "serving.tidegate.dev/v1alpha1")
        assert "managedFields" not in chat["metadata"]
        began = time.monotonic()
        serve(api, namespace, "second")
        found = await tab.until("services", lambda items: len(items) == 2)
        assert time.monotonic() - began < CALM
        assert [one["metadata"]["name"] for one in found] == ["chat", "second"]
        api.patch_status("LLMService", namespace, "chat", {"phase": "Suspended"})
        await tab.until("services", lambda items: items[0].get("status", {}).get("phase") == "Suspended")
        api.delete("LLMService", namespace, "second")
        await tab.until("services", lambda items: len(items) == 1)
        tenant = {
            "apiVersion": chat["apiVersion"],
            "kind": "LLMTenant",
            "metadata": {"name": "team"},
            "spec": {},
        }
        api.create(tenant, namespace)
        assert (await tab.next("tenants"))[0]["metadata"]["name"] == "team"
        assert tab.ids == list(range(1, len(tab.ids) + 1))


async def test_events_are_those_of_our_objects_and_of_their_pods(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    serve(api, namespace, "chat")
    viewer = people.join("viewer", READ)
    for kind, name in (
        ("LLMService", "chat"),
        ("Pod", "chat-shared-5f-x"),
        ("Pod", "others-1"),
        ("Node", "n1"),
    ):
        happen(api, namespace, kind, name)
    async with console.stream(viewer) as tab:
        first = await tab.next("snapshot")
        assert {(one["kind"], one["name"]) for one in first["events"]} == {
            ("LLMService", "chat"),
            ("Pod", "chat-shared-5f-x"),
        }
        wanted = {
            "namespace": namespace,
            "type": "Warning",
            "reason": "Tried",
            "message": "so it was",
            "count": 1,
        }
        assert wanted.items() <= first["events"][0].items()
        happen(api, namespace, "LLMService", "chat", reason="Again")
        found = await tab.next("events")
        assert found[0]["reason"] == "Again"


async def test_what_is_live_is_summed_and_only_of_what_one_may_see(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    serve(api, namespace, "chat")
    viewer = people.join("viewer", READ)
    console.gateway.page = page(namespace, 10)
    async with console.stream(viewer) as tab:
        await tab.next("snapshot")
        told = await tab.until("live", lambda one: one["services"])
        assert (told["gateways"], told["missing"]) == (1, None)
        assert set(told["services"]) == {f"{namespace}/chat"}
        assert told["tenants"] == {}  # there is no such tenant that the viewer may see
        chat = told["services"][f"{namespace}/chat"]
        assert (chat["running"], chat["kvUsedRatio"], chat["pools"][0]["workersReady"]) == (2, 0.25, 1)
        console.gateway.page = page(namespace, 100)
        told = await tab.until(
            "live", lambda one: one["services"][f"{namespace}/chat"]["requestsPerSecond"] > 0
        )
        assert told["windowSeconds"] > 0
        console.gateway.page = "<html>"
        told = await tab.until("live", lambda one: one["missing"])
        assert told["missing"] == "1 of 1 gateways did not answer: 127.0.0.1"


async def test_many_tabs_of_one_user_are_one_set_of_watches(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    viewer = people.join("viewer", READ)
    before = api.now()
    async with contextlib.AsyncExitStack() as tabs:
        opened = [await tabs.enter_async_context(console.stream(viewer)) for _ in range(32)]
        for tab in opened:
            await tab.next("snapshot")
        serve(api, namespace, "chat")
        for tab in opened:
            await tab.until("services", lambda items: items)
        async with console.stream(viewer) as one_more:
            assert one_more.answer.status == 503
        _, told = await console.call("GET", "/api/v1/stream", viewer)
        assert told["error"]["reason"] == "TooMany"
        assert await figure(console, "tidegate_console_streams") >= 32.0
    user = f"system:serviceaccount:{namespace}:viewer"
    assert requests_of(api, before, user, "watch") <= 4


async def test_changes_in_quick_succession_are_told_at_most_twice_a_second(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    serve(api, namespace, "chat")
    viewer = people.join("viewer", READ)
    async with console.stream(viewer) as tab:
        await tab.next("snapshot")
        told = 0

        async def count() -> None:
            nonlocal told
            while True:
                await tab.next("services")
                told += 1

        counting = asyncio.create_task(count())
        began = time.monotonic()
        for number in range(40):
            patch = {"phase": "Pending", "replicas": number}
            await asyncio.to_thread(api.patch_status, "LLMService", namespace, "chat", patch)
        lasted = time.monotonic() - began
        await asyncio.sleep(1.2)
        counting.cancel()
        assert 1 <= told <= 2 * (lasted + 1.2) + 1


async def test_a_restart_of_the_api_server_is_waited_out(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    viewer = people.join("viewer", READ)
    async with console.stream(viewer) as tab:
        await tab.next("snapshot")
        # Not in a thread of its own: what it starts would end with that thread.
        api.restart_apiserver()
        serve(api, namespace, "after")
        found = await tab.until("services", lambda items: items)
        assert found[0]["metadata"]["name"] == "after"


async def figure(console: Console, name: str) -> float:
    async with console.session.get(f"{console.admin}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


def happen(api: Api, namespace: str, kind: str, name: str, reason: str = "Tried") -> None:
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    event: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {},
        "involvedObject": {"kind": kind, "name": name, "namespace": namespace, "apiVersion": "v1"},
        "type": "Warning",
        "reason": reason,
        "message": "so it was",
        "eventTime": moment,
        "action": "Try",
        "reportingComponent": "test",
        "reportingInstance": "test-1",
    }
    event["metadata"] = {"name": f"told-{next(_numbers)}"}
    api.create(event, namespace)


def requests_of(api: Api, since: int, user: str, verb: str) -> int:
    """Return how many requests of a user the audit log has."""
    with api.plane.audit_log.open("rb") as log:
        log.seek(since)
        events = [json.loads(line) for line in log if line.endswith(b"\n")]
    mine = {one["auditID"] for one in events if one["user"].get("username") == user and one["verb"] == verb}
    return len(mine)
