"""The rules of writing: only what differs, never over what is not ours, deletions only of what was looked at."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

import pytest

from tidegate_api.names import APPLIED_HASH_ANNOTATION
from tidegate_operator.apply import apply
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import ClusterError, Object
from tidegate_operator.errors import Stalled, Waiting
from tidegate_operator.facts import Observed
from tidegate_operator.kinds import DEPLOYMENT, DISRUPTION_BUDGET, SERVICE
from unit.operator.fakes import KEY, FakeCluster, child, service


def manifest(port: int = 80) -> Object:
    wanted = child(SERVICE, spec={"ports": [{"port": port}]})
    wanted["metadata"]["annotations"] = {APPLIED_HASH_ANNOTATION: f"hash-{port}"}
    return wanted


def observed(*children: Object) -> Observed:
    return Observed(
        service=service(),
        siblings=(),
        children=children,
        pods=(),
        claim=None,
        gateway_endpoints_ready=1,
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def test_what_is_missing_is_made_with_one_call() -> None:
    cluster, cache = FakeCluster(), Cache()
    [made] = await apply([manifest()], observed(), cluster, cache)
    assert cluster.calls == [("apply", "Service", "chat")]
    assert made["metadata"]["uid"]
    # Known at once, not only when the watch says so.
    assert cache.get(SERVICE, KEY.namespace, "chat")


async def test_what_is_as_it_should_be_is_left_in_silence() -> None:
    cluster = FakeCluster()
    live = cluster.seed(manifest())
    assert await apply([manifest()], observed(live), cluster, Cache()) == (live,)
    assert cluster.calls == []


async def test_what_differs_is_written_and_nothing_else() -> None:
    cluster = FakeCluster()
    live = cluster.seed(manifest(81))
    other = cluster.seed(child(DEPLOYMENT, "chat-shared"))
    await apply([child(DEPLOYMENT, "chat-shared"), manifest()], observed(live, other), cluster, Cache())
    assert cluster.calls == [("apply", "Service", "chat")]


async def test_an_object_of_somebody_else_that_nobody_had_looked_for_is_a_name_conflict() -> None:
    """As a Deployment is that has the name of a canary: before, it was looked at again every second, in silence."""
    cluster = FakeCluster()
    theirs = cluster.seed(child(SERVICE, owner=None, spec={"ports": [{"port": 99}]}))
    with pytest.raises(Stalled, match="NameConflict: Service 'chat' is there already"):
        await apply([manifest()], observed(), cluster, Cache())
    assert cluster.objects[SERVICE, KEY.namespace, "chat"] == theirs


async def test_one_of_ours_that_nobody_knew_of_is_left_as_it_is_until_it_was_read() -> None:
    """It may have more workers than a plan gives it that has not seen it."""
    cluster, cache = FakeCluster(), Cache()
    ours = cluster.seed(manifest(81))
    with pytest.raises(Waiting):
        await apply([manifest()], observed(), cluster, cache)
    assert cluster.objects[SERVICE, KEY.namespace, "chat"] == ours
    assert cache.in_the_way == {KEY: {(SERVICE, "chat")}}


async def test_an_object_that_took_the_name_of_ours_is_not_taken_over() -> None:
    cluster = FakeCluster()
    ours = cluster.seed(manifest(81))
    del cluster.objects[SERVICE, KEY.namespace, "chat"]
    theirs = cluster.seed(child(SERVICE, owner=None))
    with pytest.raises(Waiting):
        await apply([manifest()], observed(ours), cluster, Cache())
    assert cluster.objects[SERVICE, KEY.namespace, "chat"] == theirs


async def test_ours_that_is_no_longer_wanted_is_deleted() -> None:
    cluster, cache = FakeCluster(), Cache()
    budget = cluster.seed(child(DISRUPTION_BUDGET))
    cache.put(deepcopy(budget))
    await apply([], observed(budget), cluster, cache)
    assert cluster.calls == [
        ("get", "PodDisruptionBudget", "chat"),
        ("delete", "PodDisruptionBudget", "chat"),
    ]
    assert cache.get(DISRUPTION_BUDGET, KEY.namespace, "chat") is None


@pytest.mark.parametrize("owner", [None, "uid-of-another"], ids=["nobody's", "another LLMService's"])
async def test_what_is_not_ours_is_never_deleted(owner: str | None) -> None:
    cluster = FakeCluster()
    theirs = cluster.seed(child(DISRUPTION_BUDGET, owner=owner))
    await apply([], observed(theirs), cluster, Cache())
    assert cluster.calls == []


async def test_what_is_no_longer_ours_is_not_deleted() -> None:
    cluster = FakeCluster()
    ours = cluster.seed(child(DISRUPTION_BUDGET))
    cluster.seed(child(DISRUPTION_BUDGET, owner=None))
    await apply([], observed(ours), cluster, Cache())
    assert cluster.writes == []


async def test_a_deletion_meant_for_an_older_version_is_thought_over() -> None:
    cluster = FakeCluster()
    budget = cluster.seed(child(DISRUPTION_BUDGET))

    def meanwhile(verb: str, kind: str) -> None:
        if verb == "delete":
            cluster.seed(child(DISRUPTION_BUDGET, spec={"maxUnavailable": 2}))

    cluster.before = meanwhile
    with pytest.raises(Waiting):
        await apply([], observed(budget), cluster, Cache())
    assert (DISRUPTION_BUDGET, KEY.namespace, "chat") in cluster.objects


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(ClusterError(422, "Invalid", "spec.x: wrong"), id="not valid"),
        pytest.param(ClusterError(400, "BadRequest", "cannot be parsed"), id="not readable"),
        pytest.param(
            ClusterError(
                500, "", "failed to create typed patch object: .spec.x: field not declared in schema"
            ),
            id="not in the schema",
        ),
    ],
)
async def test_a_manifest_that_the_api_server_refuses_is_the_users_to_mend(refusal: ClusterError) -> None:
    cluster = FakeCluster(answers={"apply": refusal})
    with pytest.raises(Stalled) as stalled:
        await apply([child(DEPLOYMENT, "chat-shared")], observed(), cluster, Cache())
    assert stalled.value.reason == "InvalidPodTemplate"
    assert refusal.message in stalled.value.message
    assert "spec.podTemplate" in stalled.value.message


@pytest.mark.parametrize("status", [0, 403, 429, 500, 503])
async def test_any_other_trouble_is_tried_again(status: int) -> None:
    cluster = FakeCluster(answers={"apply": ClusterError(status, "", "trouble")})
    with pytest.raises(ClusterError):
        await apply([manifest()], observed(), cluster, Cache())
