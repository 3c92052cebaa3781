"""From objects of the cluster to what the gateway knows."""

from dataclasses import replace
from typing import Any

import pytest

from tidegate_gateway.directory import Caller, Canary, Directory, Model, Peer, TenantLimits, Worker
from tidegate_gateway.llmservices import read_service
from tidegate_gateway.objects import (
    build_callers,
    build_models,
    build_workers,
    read_peer,
    read_tenant,
    read_worker,
)
from tidegate_gateway.store import Store

DIGEST = "a" * 64
BORN = "2026-11-21T10:00:00Z"


def pod(**changes: Any) -> dict[str, Any]:
    labels = {"serving.tidegate.dev/service": "chat"}
    meta = {"uid": "u1", "namespace": "ns", "name": "chat-shared-1", "labels": labels}
    status = {"podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": meta | changes.pop("metadata", {}), "status": status | changes}


def service(name: str, model: str | None = None, born: str = BORN, namespace: str = "ns") -> dict[str, Any]:
    source = {"uri": "pvc://x/y"} | ({"name": model} if model else {})
    meta = {"namespace": namespace, "name": name, "creationTimestamp": born}
    return {"metadata": meta, "spec": {"model": source}}


def tenant(
    name: str, *keys: dict[str, str], namespace: str = "ns", born: str = BORN, **spec: Any
) -> dict[str, Any]:
    meta = {"namespace": namespace, "name": name, "creationTimestamp": born}
    return {"metadata": meta, "spec": {"keys": list(keys)} | spec}


def callers(item: dict[str, Any]) -> list[Caller]:
    found = read_tenant(item)
    assert found is not None
    return list(found.callers())


@pytest.mark.parametrize(
    ("changes", "is_worker"),
    [
        ({}, True),
        ({"metadata": {"deletionTimestamp": BORN}}, False),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, False),
        ({"conditions": [{"type": "Ready", "status": "Unknown"}]}, False),
        ({"conditions": [{"type": "ContainersReady", "status": "True"}]}, False),
        ({"conditions": None}, False),
        ({"podIP": None}, False),
        ({"metadata": {"labels": {}}}, False),
        ({"metadata": {"labels": None}}, False),
    ],
    ids=[
        "a ready Pod is a worker",
        "one that is being deleted is not",
        "one that is not ready is not",
        "one on a lost node is not",
        "one without the condition is not",
        "one without conditions is not",
        "one without an address is not",
        "one of no service is not",
        "one without labels is not",
    ],
)
def test_which_pods_are_workers(changes: dict[str, Any], is_worker: bool) -> None:
    found = read_worker(pod(**changes))
    assert (found == Worker("u1", "ns", "chat", "chat-shared-1", "10.0.0.7", 8000)) is is_worker
    assert (found is not None) is is_worker


def test_an_object_without_anything_is_nothing() -> None:
    assert (read_worker({}), read_service({}), read_tenant({})) == (None, None, None)


def test_a_service_without_a_model_name_is_called_by_its_own() -> None:
    assert read_service(service("chat")) == Model("chat", "ns", "chat", 1795255200.0)
    named = read_service(service("chat", "org/model"))
    assert named is not None
    assert named.name == "org/model"


def test_of_two_services_with_one_model_the_oldest_serves_it_then_the_first_by_name() -> None:
    young, old = service("a", "m", "2026-11-21T12:00:00Z"), service("b", "m", "2026-11-21T11:00:00Z")
    same = service("aa", "m", "2026-11-21T11:00:00Z")
    for listed in ([young, old], [old, young]):
        assert build_models(m for s in listed if (m := read_service(s)))["ns"]["m"].service == "b"
    assert build_models(m for s in (old, same) if (m := read_service(s)))["ns"]["m"].service == "aa"


def test_a_model_is_known_only_in_its_namespace() -> None:
    models = build_models([Model("m", "one", "m", 0), Model("m", "two", "m", 1)])
    assert {namespace: list(names) for namespace, names in models.items()} == {"one": ["m"], "two": ["m"]}


def test_a_tenant_gives_its_class_to_all_its_keys() -> None:
    keys = (
        {"name": "a", "sha256": DIGEST},
        {"name": "b", "sha256": "b" * 64, "notAfter": "1970-01-01T00:01:00Z"},
    )
    first, second = callers(tenant("team", *keys, qosClass="high"))
    assert (first.qos_class, first.engine_priority, first.not_after) == ("high", -100, None)
    assert (second.digest, second.not_after) == ("b" * 64, 60.0)


def test_a_tenant_without_a_class_is_medium_and_an_unknown_class_has_no_keys() -> None:
    assert callers(tenant("team", {"sha256": DIGEST}))[0].engine_priority == -50
    assert read_tenant(tenant("team", {"sha256": DIGEST}, qosClass="platinum")) is None


@pytest.mark.parametrize("stamp", ["tomorrow", "", "9999-99-99T00:00:00Z"])
def test_an_expiry_that_cannot_be_read_has_passed(stamp: str) -> None:
    (caller,) = callers(tenant("team", {"sha256": DIGEST, "notAfter": stamp}))
    assert caller.not_after == float("-inf")


def test_a_digest_copied_into_a_younger_tenant_does_not_take_the_key_over() -> None:
    old = read_tenant(tenant("owner", {"sha256": DIGEST}))
    young = read_tenant(tenant("a-thief", {"sha256": DIGEST}, namespace="a", born="2026-11-21T10:00:01Z"))
    for order in ([old, young], [young, old]):
        assert build_callers(t for t in order if t)[DIGEST].tenant == "owner"


def test_readiness_is_of_the_pod_not_of_its_address() -> None:
    first = Worker("u1", "ns", "m", "p1", "10.0.0.7")
    heir = Worker("u2", "ns", "m", "p2", "10.0.0.7")
    directory = Directory({}, {}, build_workers([heir]))
    assert directory.is_ready(heir)
    assert not directory.is_ready(first)


def test_a_worker_that_drains_is_the_same_worker_but_not_ready_for_more() -> None:
    stays = read_worker(pod())
    drains = read_worker(pod(metadata={"annotations": {"serving.tidegate.dev/draining": BORN}}))
    assert stays is not None and drains is not None
    assert (stays.is_draining, drains.is_draining, stays == drains) == (False, True, True)
    assert Directory({}, {}, build_workers([stays])).is_ready(drains)
    assert not Directory({}, {}, build_workers([drains])).is_ready(stays)


def test_a_worker_says_which_version_it_runs_and_whether_that_is_on_trial() -> None:
    plain = read_worker(pod())
    labels = {"serving.tidegate.dev/revision": "9f86d08188", "serving.tidegate.dev/track": "canary"}
    tried = read_worker(pod(metadata={"labels": pod()["metadata"]["labels"] | labels}))
    assert plain is not None and tried is not None
    assert (plain.revision, plain.track) == ("", "")
    assert (tried.revision, tried.track) == ("9f86d08188", "canary")


@pytest.mark.parametrize(
    ("track", "revision", "canary", "expected"),
    [
        ("", "r1", None, True),
        ("", "r1", Canary("r2", 5), True),
        ("", "r2", Canary("r2", 0), True),
        ("canary", "r2", Canary("r2", 5), True),
        ("canary", "r2", Canary("r2", 0), False),
        ("canary", "r2", Canary("r3", 5), False),
        ("canary", "r2", None, False),
    ],
    ids=[
        "a plain worker",
        "a worker of the version in use",
        "a worker that a promotion has made",
        "a canary with a share",
        "a canary without one",
        "a canary that another one followed",
        "a canary that was taken back",
    ],
)
def test_who_may_be_given_requests(track: str, revision: str, canary: Canary | None, expected: bool) -> None:
    worker = Worker("u", "ns", "m", "p", "10.0.0.7", revision=revision, track=track)
    assert worker.may_serve(canary) is expected
    assert not replace(worker, is_draining=True).may_serve(canary)


def test_of_the_pods_that_are_one_worker_only_the_leader_is_asked() -> None:
    labels = pod()["metadata"]["labels"]
    roles = {
        role: read_worker(pod(metadata={"labels": labels | {"serving.tidegate.dev/role": role}}))
        for role in ("leader", "follower")
    }
    assert roles["leader"] == read_worker(pod())
    assert roles["follower"] is None


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([], 8000),
        ([{"name": "main"}], 8000),
        ([{"name": "main", "ports": [{"name": "http", "containerPort": 30000}]}], 30000),
        ([{"name": "main", "ports": [{"name": "metrics", "containerPort": 9}]}], 8000),
        (
            [
                {"name": "side", "ports": [{"containerPort": 1}]},
                {"name": "main", "ports": [{"name": "http", "containerPort": 8080}]},
            ],
            8080,
        ),
    ],
)
def test_a_worker_is_asked_on_the_port_of_that_name(containers: list[Any], expected: int) -> None:
    worker = read_worker(pod() | {"spec": {"containers": containers}})
    assert worker is not None
    assert worker.port == expected


def test_the_store_follows_changes() -> None:
    store = Store()
    store.services.replace(None, [service("a"), service("b")])
    store.tenants.put(tenant("team", {"sha256": DIGEST}))
    store.workers.put(pod())
    directory = store.directory()
    assert (sorted(directory.models["ns"]), list(directory.callers)) == (["a", "b"], [DIGEST])
    assert [w.name for w in directory.workers["ns", "chat"]] == ["chat-shared-1"]
    store.workers.put(pod(conditions=[]))
    store.services.drop(service("a"))
    store.tenants.put(tenant("team"))
    assert store.directory() == Directory({}, {"ns": {"b": Model("b", "ns", "b", 1795255200.0)}}, {})


def test_a_list_of_one_namespace_leaves_the_others() -> None:
    store = Store()
    store.services.replace("one", [service("a", namespace="one")])
    store.services.replace("two", [service("b", namespace="two")])
    store.services.replace("one", [])
    assert list(store.directory().models) == ["two"]


def test_callers_are_compared_by_value() -> None:
    assert Caller(DIGEST, "ns", "t", "low", 0, None) == Caller(DIGEST, "ns", "t", "low", 0, None)


def test_a_tenant_says_what_it_may_use() -> None:
    limits = {"requestsPerMinute": 60, "tokensPerMinute": 9000, "concurrency": 4}
    item = tenant("team", {"sha256": DIGEST}, limits=limits, budget={"tokens": 10**6, "window": "Day"})
    read = [{"instance": "gw-1", "requests": 3, "promptTokens": 300, "completionTokens": 40}]
    item["status"] = {"budget": {"windowStart": BORN, "tokens": 500}, "gateways": read}
    (caller,) = callers(item)
    assert caller.limits == TenantLimits(60, 9000, 4, 10**6, "Day", 500, 1795255200.0, {"gw-1": 340})


@pytest.mark.parametrize(
    ("qos_class", "batch", "expected"),
    [("high", None, "low"), ("high", "medium", "medium"), ("low", "high", "low"), ("medium", "?", "medium")],
    ids=[
        "batches are low by default",
        "they may be more",
        "but never more than the tenant's own class",
        "what cannot be read is the tenant's own",
    ],
)
def test_the_class_of_batches(qos_class: str, batch: str | None, expected: str) -> None:
    spec = {"qosClass": qos_class} | ({"batchQosClass": batch} if batch else {})
    assert callers(tenant("team", {"sha256": DIGEST}, **spec))[0].batch_class == expected


def test_a_tenant_may_be_kept_to_some_services() -> None:
    free, kept = (
        callers(tenant("a", {"sha256": DIGEST})),
        callers(tenant("b", {"sha256": DIGEST}, services=["chat"])),
    )
    chat, other = Model("m", "ns", "chat", 0.0), Model("o", "ns", "other", 0.0)
    assert [c.may_call(m) for c in (*free, *kept) for m in (chat, other)] == [True, True, True, False]


def test_tenants_have_salts_of_their_own() -> None:
    one, two = tenant("a", {"sha256": DIGEST}), tenant("b", {"sha256": DIGEST})
    one["metadata"]["uid"], two["metadata"]["uid"] = "u1", "u2"
    salts = {callers(item)[0].salt for item in (one, two)}
    assert len(salts) == 2
    assert not salts & {"u1", "u2"}


def test_a_revoked_an_expired_and_a_moved_key_are_not_known_any_more() -> None:
    caller = Caller(DIGEST, "ns", "team", "high", -100, 60.0)
    assert Directory({DIGEST: caller}).knows(caller, 60.0)
    assert not Directory({DIGEST: caller}).knows(caller, 61.0)
    assert not Directory({}).knows(caller, 0.0)
    assert not Directory({DIGEST: Caller(DIGEST, "ns", "heir", "low", 0, None)}).knows(caller, 0.0)


def test_an_anonymous_caller_is_known_as_long_as_that_is_allowed() -> None:
    public = Caller("", "ns", "public", "low", 0, None)
    assert Directory(anonymous=public).knows(public, 0.0)
    assert not Directory().knows(public, 0.0)


def test_the_anonymous_tenant_needs_no_key_and_is_only_the_one_that_was_named() -> None:
    store = Store(anonymous=("ns", "public"))
    store.tenants.put(tenant("private"))
    assert store.directory().anonymous is None
    store.tenants.put(tenant("public", qosClass="low"))
    anonymous = store.directory().anonymous
    assert anonymous is not None
    assert (anonymous.tenant, anonymous.qos_class, anonymous.digest) == ("public", "low", "")


def test_peers_are_the_other_gateways_that_run() -> None:
    store = Store(own_uid="me")
    for uid, phase, host in (
        ("me", "Running", "1"),
        ("a", "Running", "2"),
        ("b", "Pending", "3"),
        ("c", "Running", ""),
    ):
        meta = {"uid": uid, "namespace": "ns", "name": uid}
        store.peers.put({"metadata": meta, "status": {"phase": phase, "podIP": host}})
    assert store.directory().peers == (Peer("a", "2"),)
    assert (
        read_peer(
            {
                "metadata": {"uid": "x", "deletionTimestamp": BORN},
                "status": {"phase": "Running", "podIP": "1"},
            }
        )
        is None
    )
