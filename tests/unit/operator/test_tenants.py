"""An LLMTenant over a cluster in memory: what its status says, when it is written, and that it is written once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidegate_api.names import API_VERSION, TENANT_KIND
from tidegate_api.settings import Settings
from tidegate_api.tenant import LLMTenantStatus
from tidegate_operator.cache import Cache, Change
from tidegate_operator.census import Reading, next_census
from tidegate_operator.cluster import ClusterError, Object
from tidegate_operator.errors import Waiting
from tidegate_operator.facts import Counters, Enrolled, Key
from tidegate_operator.interest import keys_of, tenants_of
from tidegate_operator.kinds import LLM_SERVICE, LLM_TENANT
from tidegate_operator.metrics import Metrics
from tidegate_operator.resync import read_all
from tidegate_operator.tenants import TenantReconciler
from tidegate_operator.tenantstatus import seconds_until_news, summarize
from unit.operator.fakes import FakeCluster, service

WEB = Key("team-a", "web")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PAST, FUTURE = "2026-11-21T11:59:59Z", "2026-11-21T13:00:00Z"


def key(name: str = "ci", not_after: str | None = None) -> Object:
    end = {"notAfter": not_after} if not_after else {}
    return {"name": name, "sha256": "0" * 64, **end}


def tenant(status: Object | None = None, **spec: Any) -> Object:
    metadata = {"namespace": WEB.namespace, "name": WEB.name, "generation": 4}
    made = {
        "apiVersion": API_VERSION,
        "kind": TENANT_KIND,
        "metadata": metadata,
        "spec": {"keys": [key()], **spec},
    }
    return {**made, "status": status} if status is not None else made


def seen(of: Object, counted: dict[str, Counters] | None = None, *services: str) -> Enrolled:
    return Enrolled(of, frozenset(services), counted or {}, frozenset(), NOW)


def said(of: Object, *services: str, settings: Settings | None = None) -> tuple[str, str, str]:
    """Return status, reason and message of Ready."""
    status = summarize(seen(of, None, *services), settings or Settings())
    LLMTenantStatus.model_validate(status)
    [ready] = status["conditions"]
    assert ready["observedGeneration"] == status["observedGeneration"] == 4
    return ready["status"], ready["reason"], ready["message"]


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        pytest.param({}, "Accepted", "1 of 1 keys are accepted; they may call every LLMService", id="a key"),
        pytest.param({"keys": []}, "NoKeys", "`tidegate keys create web -n team-a` makes a key", id="no key"),
        pytest.param(
            {"keys": [key(not_after=PAST)]},
            "KeyExpired",
            "the last one on 2026-11-21 at 11:59:59 UTC",
            id="a key that has expired",
        ),
        pytest.param(
            {"keys": [key("a", PAST), key("b", "2026-11-21T20:59:58+09:00")]},
            "KeyExpired",
            "the last one on 2026-11-21 at 11:59:59 UTC",
            id="two keys that have expired, one by another clock",
        ),
        pytest.param(
            {"keys": [key("a", PAST), key("b", FUTURE)]},
            "Accepted",
            "1 of 2 keys",
            id="one of two has expired",
        ),
        pytest.param(
            {"keys": [key(not_after="soon")]}, "KeyExpired", "all keys", id="an end that is no time"
        ),
        pytest.param(
            {"services": ["chat", "gone", "lost"]},
            "UnknownService",
            "spec.services names 'gone', 'lost', and namespace 'team-a' has no such LLMService",
            id="services that are not there",
        ),
        pytest.param(
            {"services": [f"s{number}" for number in range(7)]},
            "UnknownService",
            "'s4' and 2 more",
            id="many services that are not there",
        ),
        pytest.param({"services": ["chat"]}, "Accepted", "call 1 LLMServices", id="a service that is there"),
        pytest.param(
            {"keys": [], "services": ["gone"]}, "NoKeys", "spec.keys", id="neither a key nor the service"
        ),
        pytest.param(
            {"nonsense": 1}, "InvalidValue", "spec.nonsense: there is no such field", id="no such field"
        ),
    ],
)
def test_ready(spec: dict[str, Any], reason: str, words: str) -> None:
    status, found, message = said(tenant(**spec), "chat")
    assert (status, found) == ("True" if reason == "Accepted" else "False", reason)
    assert words in message


def test_the_tenant_of_requests_without_a_key_needs_none() -> None:
    settings = Settings.model_validate({"anonymousTenant": "team-a/web"})
    assert said(tenant(keys=[]), settings=settings)[:2] == ("True", "Accepted")
    assert "and requests without a key" in said(tenant(keys=[]), settings=settings)[2]
    other = Settings.model_validate({"anonymousTenant": "team-b/web"})
    assert said(tenant(keys=[]), settings=other)[1] == "NoKeys"


def test_what_was_used_is_told() -> None:
    status = summarize(
        seen(tenant(budget={"tokens": 9, "window": "Day"}), {"p-1": Counters(2, 30, 4)}), Settings()
    )
    assert status["usage"] == {
        "requests": 2,
        "promptTokens": 30,
        "completionTokens": 4,
        "totalTokens": 34,
        "since": "2026-11-21T12:00:00Z",
    }
    assert status["budget"] == {"windowStart": "2026-11-21T00:00:00Z", "tokens": 34}
    assert status["gateways"] == [
        {"instance": "p-1", "requests": 2, "promptTokens": 30, "completionTokens": 4}
    ]
    assert status["activeKeys"] == 1


def test_a_spec_that_makes_no_sense_leaves_what_was_used_as_it_was() -> None:
    before = summarize(seen(tenant(), {"p-1": Counters(2, 30, 4)}), Settings())
    after = summarize(seen(tenant(before, nonsense=1), {"p-1": Counters(5, 60, 9)}), Settings())
    assert (after["usage"], after["gateways"]) == (before["usage"], before["gateways"])


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        pytest.param({}, None, id="nothing will change by itself"),
        pytest.param({"keys": [key(not_after=FUTURE)]}, 3600, id="a key expires"),
        pytest.param({"keys": [key("a", PAST), key("b", FUTURE)]}, 3600, id="one key has expired, one will"),
        pytest.param({"budget": {"tokens": 1, "window": "Day"}}, 12 * 3600, id="a day ends"),
        pytest.param(
            {"keys": [key(not_after=FUTURE)], "budget": {"tokens": 1, "window": "Month"}},
            3600,
            id="a key expires before a month ends",
        ),
        pytest.param({"nonsense": 1}, None, id="a spec that makes no sense"),
    ],
)
def test_when_to_look_again(spec: dict[str, Any], seconds: float | None) -> None:
    assert seconds_until_news(seen(tenant(**spec))) == seconds


class World:
    """A cluster in memory with one tenant, and a reconciler whose memory is only what is in the cluster."""

    def __init__(self, *objects: Object) -> None:
        self.cluster = FakeCluster()
        for item in objects:
            self.cluster.seed(item)
        self.readings: dict[str, Reading] | None = None

    def says(self, instance: str, requests: int) -> None:
        self.readings = {
            instance.partition("-")[0]: Reading(instance, {WEB: Counters(requests, 10 * requests, 0)})
        }

    async def reconcile(self) -> float | None:
        cache = Cache()
        await read_all(self.cluster, cache, [None])
        if self.readings is not None:
            pods = [{"metadata": {"uid": uid}} for uid in self.readings]
            cache.census = next_census(None, pods, self.readings)
        self.cluster.calls.clear()
        return await TenantReconciler(self.cluster, cache, Settings(), Metrics(), "operator-0").reconcile(WEB)

    @property
    def status(self) -> Object:
        status: Object = self.cluster.objects[LLM_TENANT, WEB.namespace, WEB.name]["status"]
        return status


async def test_the_first_look_writes_the_status_and_says_so_and_the_second_nothing() -> None:
    world = World(tenant())
    await world.reconcile()
    assert [call[:2] for call in world.cluster.writes] == [("apply/status", "LLMTenant"), ("create", "Event")]
    assert world.status["usage"]["requests"] == 0
    await world.reconcile()
    assert world.cluster.writes == []


async def test_numbers_are_written_without_an_event_and_survive_a_restart_of_anybody() -> None:
    world = World(tenant())
    await world.reconcile()
    world.says("p-1", 3)
    await world.reconcile()
    assert [call[0] for call in world.cluster.writes] == ["apply/status"]
    assert world.status["usage"]["promptTokens"] == 30
    world.readings = None  # the operator starts anew, and has heard nobody yet
    await world.reconcile()
    assert world.cluster.writes == []
    world.says("p-2", 1)  # the gateway has started anew
    await world.reconcile()
    assert world.status["usage"]["requests"] == 4
    assert [one["instance"] for one in world.status["gateways"]] == ["p-2"]
    world.readings = {}  # the gateway is gone
    await world.reconcile()
    assert world.status["usage"]["requests"] == 4
    assert "gateways" not in world.status
    await world.reconcile()
    assert world.cluster.writes == []


async def test_a_key_that_expires_is_an_event() -> None:
    world = World(tenant())
    await world.reconcile()
    live = world.cluster.objects[LLM_TENANT, WEB.namespace, WEB.name]
    world.cluster.seed({**live, "spec": {"keys": [key(not_after="2001-01-01T00:00:00Z")]}})
    await world.reconcile()
    assert [call[0] for call in world.cluster.writes] == ["apply/status", "create"]
    assert world.status["activeKeys"] == 0


async def test_a_status_is_never_written_over_another_version_than_it_was_made_from() -> None:
    world = World(tenant())

    def another_operator_was_faster(verb: str, kind: str) -> None:
        if verb == "apply/status":
            world.cluster.seed(world.cluster.objects[LLM_TENANT, WEB.namespace, WEB.name])

    world.cluster.before = another_operator_was_faster
    with pytest.raises(Waiting):
        await world.reconcile()


async def test_one_that_is_gone_or_going_is_left_alone() -> None:
    going = tenant()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for world in (World(), World(going)):
        assert await world.reconcile() is None
        assert world.cluster.writes == []


async def test_one_that_is_deleted_while_it_is_looked_at_is_no_trouble() -> None:
    world = World(tenant())
    world.cluster.answers = {"apply/status": ClusterError(404, "NotFound", "gone")}
    await world.reconcile()
    assert [call[0] for call in world.cluster.writes] == ["apply/status"]


async def test_a_status_that_cannot_be_written_is_tried_again() -> None:
    world = World(tenant())
    world.cluster.answers = {"apply/status": ClusterError(503, "", "down")}
    with pytest.raises(ClusterError):
        await world.reconcile()


async def test_it_is_looked_at_again_when_a_key_expires() -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    again = await World(tenant(keys=[key(not_after=end)])).reconcile()
    assert again is not None
    assert 3500 < again <= 3600


def test_who_wants_to_know_of_a_service_that_comes_or_goes() -> None:
    cluster, cache = FakeCluster(), Cache()
    for name, services in (("all", []), ("some", ["chat", "other"]), ("others", ["other"])):
        made = tenant(services=services)
        cache.put(cluster.seed({**made, "metadata": {**made["metadata"], "name": name}}))
    elsewhere = tenant(services=["chat"])
    cache.put(cluster.seed({**elsewhere, "metadata": {**elsewhere["metadata"], "namespace": "team-b"}}))
    chat = cluster.seed(service("chat"))
    for change in (Change(LLM_SERVICE, None, chat), Change(LLM_SERVICE, chat, None)):
        assert tenants_of(change, cache) == {Key("team-a", "some")}
    assert tenants_of(Change(LLM_SERVICE, chat, chat), cache) == set()


def test_a_tenant_concerns_itself_and_no_service() -> None:
    change = Change(LLM_TENANT, None, tenant())
    assert tenants_of(change, Cache()) == {WEB}
    assert keys_of(change, Cache()) == set()
