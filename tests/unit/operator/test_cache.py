"""Freshness: what is older never wins, a list decides what is gone; and whom a change concerns."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate_operator.cache import Cache, Change
from tidegate_operator.cluster import Listing, Object
from tidegate_operator.facts import Key
from tidegate_operator.interest import all_keys, children_of, keys_of, pods_of
from tidegate_operator.kinds import CLAIM, DEPLOYMENT, LLM_SERVICE, POD, SERVICE, Kind
from unit.operator.fakes import KEY, child, service


def at(version: int, item: Object, **metadata: Any) -> Object:
    """Return an object in a version."""
    return {**item, "metadata": {**item["metadata"], "resourceVersion": str(version), **metadata}}


def deployment(version: int) -> Object:
    return at(version, child(DEPLOYMENT, "chat-shared"))


def known(cache: Cache) -> int | None:
    """Return which version of the Deployment the cache has."""
    found = cache.get(DEPLOYMENT, KEY.namespace, "chat-shared")
    return int(found["metadata"]["resourceVersion"]) if found else None


def test_a_newer_version_replaces_an_older_one() -> None:
    cache = Cache()
    first = cache.put(deployment(1))
    second = cache.put(deployment(2))
    assert first and first.before is None
    assert second and second.before == deployment(1)
    assert known(cache) == 2


@pytest.mark.parametrize("version", [2, 3], ids=["older than what is known", "the same again"])
def test_what_is_no_news_changes_nothing(version: int) -> None:
    cache = Cache()
    cache.put(deployment(3))
    assert cache.put(deployment(version)) is None
    assert known(cache) == 3


def test_a_deletion_forgets() -> None:
    cache = Cache()
    cache.put(deployment(1))
    gone = cache.drop(deployment(2))
    assert gone and gone.after is None
    assert known(cache) is None


def test_a_late_deletion_does_not_forget_the_successor() -> None:
    cache = Cache()
    cache.put(deployment(5))
    assert cache.drop(deployment(4)) is None
    assert known(cache) == 5


def test_a_list_drops_what_it_does_not_have() -> None:
    cache = Cache()
    cache.put(deployment(1))
    [gone] = cache.replace(DEPLOYMENT, None, Listing((), "9"))
    assert gone.before == deployment(1)
    assert known(cache) is None


def test_a_list_keeps_what_is_newer_than_itself() -> None:
    cache = Cache()
    cache.put(deployment(12))
    assert cache.replace(DEPLOYMENT, None, Listing((), "9")) == []
    assert cache.replace(DEPLOYMENT, None, Listing((deployment(7),), "9")) == []
    assert known(cache) == 12


def test_a_list_does_not_revive_what_was_deleted_after_it() -> None:
    cache = Cache()
    cache.put(deployment(5))
    cache.drop(deployment(10))
    assert cache.replace(DEPLOYMENT, None, Listing((deployment(5),), "9")) == []
    assert known(cache) is None
    # A successor is another matter.
    assert cache.put(deployment(11))


def test_a_list_of_one_namespace_says_nothing_about_others() -> None:
    cache = Cache()
    cache.put(deployment(1))
    assert cache.replace(DEPLOYMENT, "team-b", Listing((), "9")) == []
    assert known(cache) == 1


def test_managed_fields_are_not_kept() -> None:
    cache = Cache()
    cache.put(at(1, child(DEPLOYMENT, "chat-shared"), managedFields=[{"manager": "x"}]))
    found = cache.get(DEPLOYMENT, KEY.namespace, "chat-shared")
    assert found and "managedFields" not in found["metadata"]


def change(kind: Kind, before: Object | None, after: Object | None) -> Change:
    return Change(kind, before, after)


def neighbours() -> Cache:
    """Three LLMServices: two on one claim, one elsewhere."""
    cache = Cache()
    cache.put(at(1, service()))
    cache.put(at(2, service("other")))
    cache.put(at(3, service("third", model={"uri": "pvc://elsewhere"})))
    return cache


LABEL = {"labels": {"serving.tidegate.dev/service": "chat"}}
OTHER = Key("team-a", "other")
CALLED_OTHER = {"uri": "pvc://models/tiny", "name": "other"}
WITH_ADAPTER = {
    "uri": "pvc://models/tiny",
    "lora": {"adapters": [{"name": "other", "uri": "pvc://models/a"}]},
}


@pytest.mark.parametrize(
    ("said", "whom"),
    [
        pytest.param(
            change(LLM_SERVICE, None, at(9, service(model=CALLED_OTHER))),
            {KEY, OTHER},
            id="a new one concerns who has its model's name",
        ),
        pytest.param(
            change(LLM_SERVICE, service(model=CALLED_OTHER), None),
            {KEY, OTHER},
            id="a deleted one concerns who may have its name now",
        ),
        pytest.param(
            change(LLM_SERVICE, None, at(9, service(model=WITH_ADAPTER))),
            {KEY, OTHER},
            id="one with an adapter concerns who has a model of that name",
        ),
        pytest.param(
            change(LLM_SERVICE, service(model=CALLED_OTHER), at(9, service(), generation=2)),
            {KEY, OTHER},
            id="one that gives up a name concerns who may have it now",
        ),
        pytest.param(
            change(LLM_SERVICE, service(), at(9, service(), generation=2)),
            {KEY},
            id="a changed spec concerns nobody who shares no name",
        ),
        pytest.param(
            change(LLM_SERVICE, service(), at(9, service())),
            {KEY},
            id="a changed status concerns only itself",
        ),
        pytest.param(change(SERVICE, None, child(SERVICE)), {KEY}, id="a child concerns its owner"),
        pytest.param(
            change(SERVICE, child(SERVICE), at(9, child(SERVICE, owner=None))),
            {KEY},
            id="a child that lost its owner concerns who owned it",
        ),
        pytest.param(
            change(POD, None, at(9, child(POD, "p", owner=None), **LABEL)),
            {KEY},
            id="a Pod is known by its label",
        ),
        pytest.param(
            change(CLAIM, None, child(CLAIM, "models", owner=None)),
            {KEY, Key("team-a", "other")},
            id="a claim concerns all whose model is on it",
        ),
        pytest.param(
            change(CLAIM, None, child(CLAIM, "unknown", owner=None)),
            set(),
            id="any other claim concerns nobody",
        ),
        pytest.param(
            change(SERVICE, None, child(SERVICE, owner=None)), set(), id="what is not ours concerns nobody"
        ),
    ],
)
def test_whom_a_change_concerns(said: Change, whom: set[Key]) -> None:
    assert keys_of(said, neighbours()) == whom


def test_pods_and_children_are_found_by_owner_and_label() -> None:
    cache = neighbours()
    cache.put(at(4, child(SERVICE)))
    cache.put(at(5, child(SERVICE, "foreign", owner=None)))
    cache.put(at(6, child(DEPLOYMENT, "chat-old-pool", owner=None), **LABEL))
    cache.put(at(7, child(POD, "p", owner=None), **LABEL))
    assert {one["metadata"]["name"] for one in children_of(KEY, cache)} == {"chat", "chat-old-pool"}
    assert [one["metadata"]["name"] for one in pods_of(KEY, cache)] == ["p"]
    assert all_keys(cache) == {Key("team-a", name) for name in ("chat", "other", "third")}
    assert all_keys(cache, "team-b") == set()


def test_of_who_has_written_what_only_the_writers_of_replicas_are_kept() -> None:
    cache = Cache()
    fields = {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {}}}}
    other = {"manager": "kubelet", "fieldsV1": {"f:status": {"f:replicas": {}}}}
    deployment = child(DEPLOYMENT, "chat-shared")
    deployment["metadata"] |= {
        "resourceVersion": "5",
        "managedFields": [{"manager": "hpa", "operation": "Update", "fieldsV1": fields}, other],
    }
    cache.put(deployment)
    found = cache.get(DEPLOYMENT, "team-a", "chat-shared")
    assert found
    assert found["metadata"]["managedFields"] == [
        {"manager": "hpa", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    ]
    pod = child(POD, "p")
    pod["metadata"] |= {"resourceVersion": "5", "managedFields": [other]}
    cache.put(pod)
    found = cache.get(POD, "team-a", "p")
    assert found
    assert "managedFields" not in found["metadata"]
