"""What becomes of a rollout where no node has room for one worker more."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from objects import EARLIER, NOW, Object, pod
from tidegate_api.names import LEADER_LABEL, REVISION_LABEL
from tidegate_api.rollout import Rollout
from tidegate_operator.desired import Strategy, Version
from tidegate_operator.rollout.strategy import choose

NEW = Version("new", {})
ASKED, FALLBACK = Strategy(1, 0), Strategy(0, 1)


def worker(revision: str, *, ready: bool = True, homeless_since: str | None = None) -> Object:
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes: no GPU",
        "lastTransitionTime": homeless_since,
    }
    made = pod(ready=ready, conditions=[unschedulable] if homeless_since else [])
    made["metadata"]["labels"][REVISION_LABEL] = revision
    return made


def deployment(revision: str, max_surge: int) -> Object:
    rolling = {"rollingUpdate": {"maxSurge": max_surge, "maxUnavailable": 1}}
    return {"metadata": {"annotations": {REVISION_LABEL: revision}}, "spec": {"strategy": rolling}}


OLD = worker("old")
HOMELESS = worker("new", ready=False, homeless_since=EARLIER)
JUST_NOW = worker("new", ready=False, homeless_since="2026-11-21T11:59:30Z")


@pytest.mark.parametrize(
    ("there", "live", "asked", "expected", "reason"),
    [
        pytest.param([OLD, OLD], None, {}, ASKED, None, id="nothing is in the way"),
        pytest.param([OLD, OLD, JUST_NOW], None, {}, ASKED, None, id="a scheduler gets a minute"),
        pytest.param(
            [OLD, OLD, HOMELESS], None, {}, FALLBACK, "RolloutWithoutSurge", id="one of two goes first"
        ),
        pytest.param([OLD, HOMELESS], None, {}, ASKED, "RolloutBlocked", id="the only one stays"),
        pytest.param(
            [OLD, HOMELESS],
            None,
            {"maxUnavailable": 1},
            Strategy(1, 1),
            None,
            id="unless its user does without",
        ),
        pytest.param(
            [OLD, worker("new", ready=False)],
            deployment("new", 0),
            {},
            FALLBACK,
            "RolloutWithoutSurge",
            id="once fallen back, it stays so for this version",
        ),
        pytest.param([OLD, OLD], deployment("old", 0), {}, ASKED, None, id="and not for another one"),
        pytest.param([worker("new")], deployment("new", 0), {}, ASKED, None, id="nor when all are replaced"),
        pytest.param([worker("new"), HOMELESS], None, {}, ASKED, None, id="a pool that grows is no rollout"),
        pytest.param(
            [OLD, OLD, HOMELESS],
            None,
            {"maxSurge": 0, "maxUnavailable": 2},
            Strategy(0, 2),
            None,
            id="as asked for",
        ),
    ],
)
def test_strategy(
    there: Sequence[Object], live: Object | None, asked: Object, expected: Strategy, reason: str | None
) -> None:
    found, remark = choose(Rollout.model_validate(asked), NEW, live, there, NOW)
    assert found == expected
    assert (remark.reason if remark else None) == reason


def test_a_worker_of_several_pods_has_no_room_if_any_of_them_has_none() -> None:
    follower = worker("new", ready=False, homeless_since=EARLIER)
    follower["metadata"]["labels"][LEADER_LABEL] = "new-1"
    leader = worker("new", ready=False)
    leader["metadata"]["name"] = "new-1"
    assert choose(Rollout(), NEW, None, [OLD, OLD, leader], NOW, followers=[follower])[0] == FALLBACK
    assert choose(Rollout(), NEW, None, [OLD, OLD, leader], NOW)[0] == ASKED


def test_a_fallback_is_known_again_in_a_leaderworkerset() -> None:
    rolling = {"rollingUpdateConfiguration": {"maxSurge": 0, "maxUnavailable": 1}}
    live = {"metadata": {"annotations": {REVISION_LABEL: "new"}}, "spec": {"rolloutStrategy": rolling}}
    assert choose(Rollout(), NEW, live, [OLD, worker("new", ready=False)], NOW)[0] == FALLBACK


def test_what_blocks_is_told_in_the_schedulers_words_with_what_to_do() -> None:
    _, remark = choose(Rollout(), NEW, None, [OLD, HOMELESS], NOW)
    assert remark is not None
    assert "0/1 nodes: no GPU" in remark.message
    assert "spec.rollout.maxUnavailable to 1" in remark.message
