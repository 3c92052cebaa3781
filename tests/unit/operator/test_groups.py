"""Workers of several Pods: who leads, who follows, what is made for whom, and what is said of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from objects import (
    Object,
    condition,
    crash_loop,
    deployment,
    manifest,
    observed,
    planned,
    pod,
    service,
    status,
)
from tidegate_api.names import (
    GROUP_SIZE_ANNOTATION,
    LEADER_LABEL,
    LEADER_ROLE,
    LINK_PORT,
    MEMBER_LABEL,
    REVISION_LABEL,
    ROLE_LABEL,
    SERVICE_LABEL,
)
from tidegate_api.settings import Settings
from tidegate_operator.build import build
from tidegate_operator.build.group import followers_name
from tidegate_operator.errors import Stalled

PAIR = service(parallelism={"tensor": 2})
CLOSED = Settings.model_validate({"networkPolicy": {"enabled": True, "prometheusNamespace": ""}})
LEADER = "chat-shared-abc-1"


def leader(name: str = LEADER, of: Object = PAIR, **more: Any) -> Object:
    """Return a leader as its Deployment makes it."""
    marks = manifest("Deployment", of)["spec"]["template"]["metadata"]
    found = pod(name, **{"podIP": "10.0.0.1", **more})
    metadata = {
        **found["metadata"],
        "uid": f"uid-of-{name}",
        "labels": {**found["metadata"]["labels"], **marks["labels"]},
        "annotations": marks["annotations"],
    }
    return {**found, "metadata": metadata}


def follower(rank: int = 1, of: str = LEADER, **more: Any) -> Object:
    """Return a follower as its StatefulSet makes it."""
    found = pod(f"{of}-{rank}", **more)
    labels = {MEMBER_LABEL: "chat", LEADER_LABEL: of, ROLE_LABEL: "follower"}
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def sets(
    of: Object = PAIR, *leaders: Object, children: tuple[Mapping[str, Any], ...] = ()
) -> list[dict[str, Any]]:
    """Return the StatefulSets that are made where these leaders are."""
    facts = observed(of, pods=leaders, children=children)
    return [one for one in build(planned(facts)) if one["kind"] == "StatefulSet"]


def main(template: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["spec"]["containers"][0]
    return found


def test_a_pool_makes_leaders_that_know_how_many_they_lead() -> None:
    template = manifest("Deployment", PAIR)["spec"]["template"]
    assert template["metadata"]["labels"][ROLE_LABEL] == LEADER_ROLE
    assert template["metadata"]["annotations"][GROUP_SIZE_ANNOTATION] == "2"
    assert main(template)["args"][0] == "--group-size=2"
    address = next(one for one in main(template)["env"] if one["name"] == "VLLM_HOST_IP")
    assert address["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"


def test_a_worker_of_one_pod_leads_nobody() -> None:
    template = manifest("Deployment", service(resourceProfile="cpu:2", parallelism={"tensor": 2}))["spec"][
        "template"
    ]
    assert ROLE_LABEL not in template["metadata"]["labels"]
    assert not any(word.startswith("--group") for word in main(template)["args"])


def test_followers_belong_to_the_pod_that_leads_them() -> None:
    (made,) = sets(PAIR, leader())
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "Pod",
        LEADER,
        f"uid-of-{LEADER}",
        True,
    )
    spec = made["spec"]
    assert (spec["replicas"], spec["ordinals"], spec["podManagementPolicy"]) == (1, {"start": 1}, "Parallel")
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_nobody_who_looks_for_workers_finds_followers() -> None:
    (made,) = sets(PAIR, leader())
    template = made["spec"]["template"]
    assert SERVICE_LABEL not in template["metadata"]["labels"]
    assert "annotations" not in template["metadata"]
    container = main(template)
    assert [one["containerPort"] for one in container["ports"]] == [LINK_PORT]
    assert container["readinessProbe"]["tcpSocket"] == {"port": "link"}
    assert not {"startupProbe", "livenessProbe", "lifecycle"} & container.keys()


def test_a_follower_is_told_its_rank_its_leader_and_all_that_the_leader_is_told() -> None:
    own = main(manifest("Deployment", PAIR)["spec"]["template"])
    (made,) = sets(PAIR, leader())
    container = main(made["spec"]["template"])
    assert container["args"] == ["--rank=$(TIDEGATE_RANK)", "--leader=10.0.0.1", *own["args"]]
    assert container["env"][0]["name"] == "TIDEGATE_RANK"
    assert (container["image"], container["resources"]) == (own["image"], own["resources"])


def test_a_leader_of_ray_says_so() -> None:
    of = service(resourceProfile="cpu:1", parallelism={"tensor": 3, "executor": "Ray"})
    assert main(manifest("Deployment", of)["spec"]["template"])["args"][:2] == [
        "--group-size=3",
        "--executor=ray",
    ]
    (made,) = sets(of, leader(of=of))
    assert made["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("who", "count"),
    [
        pytest.param([leader(podIP=None)], 0, id="one without an address has none yet"),
        pytest.param([leader(), leader("chat-shared-abc-2")], 2, id="each has its own"),
        pytest.param([leader(phase="Failed")], 0, id="one that has ended needs none"),
        pytest.param([pod()], 0, id="a worker of one Pod that is still there has none"),
    ],
)
def test_who_has_followers(who: list[Object], count: int) -> None:
    assert len(sets(PAIR, *who)) == count


def test_followers_of_a_leader_that_has_ended_are_let_go() -> None:
    (made,) = sets(PAIR, leader())
    (after,) = sets(PAIR, leader(phase="Failed"), children=(made,))
    assert after["spec"]["replicas"] == 0


def test_a_leader_of_another_version_keeps_what_it_has() -> None:
    old = leader()
    old["metadata"]["labels"][REVISION_LABEL] = "0123456789"
    assert sets(PAIR, old) == []


def test_a_foreign_set_in_the_way_is_a_name_conflict() -> None:
    (made,) = sets(PAIR, leader())
    theirs = {**made, "metadata": {**made["metadata"], "ownerReferences": []}}
    with pytest.raises(Stalled, match="NameConflict: StatefulSet"):
        sets(PAIR, leader(), children=(theirs,))


@pytest.mark.parametrize(
    "name", ["chat-shared-5d8f7c6b9d-x2x4z", f"{'a' * 50}-shared-5d8f-x2x4z", f"{'a' * 41}-{'b' * 20}"]
)
def test_names_of_sets_leave_room_for_what_is_made_of_them(name: str) -> None:
    found = followers_name(name)
    assert len(found) <= 50
    assert not found.endswith("-")
    assert found != followers_name(f"{name[:-1]}w")


def test_members_reach_each_other_and_names() -> None:
    made = build(planned(observed(PAIR), CLOSED))
    policy = next(one for one in made if one["metadata"]["name"] == "chat-members")
    members = [{"podSelector": {"matchLabels": {MEMBER_LABEL: "chat"}}}]
    assert policy["spec"]["podSelector"] == members[0]["podSelector"]
    assert policy["spec"]["ingress"] == [{"from": members}]
    assert policy["spec"]["egress"][0] == {"to": members}
    assert {port["port"] for port in policy["spec"]["egress"][1]["ports"]} == {53}


def test_no_two_groups_are_disturbed_at_a_time() -> None:
    budget = manifest("PodDisruptionBudget", service(replicas=2, parallelism={"tensor": 2}))
    selector = budget["spec"]["selector"]["matchLabels"]
    (made,) = sets(PAIR, leader())
    for template in (manifest("Deployment", PAIR)["spec"]["template"], made["spec"]["template"]):
        assert selector.items() <= template["metadata"]["labels"].items()


def said(*followers: Object, main: Object | None = None) -> Object:
    """Return WorkloadsReady of a pair whose leader does not answer."""
    facts = observed(PAIR, pods=[leader(main=main)], children=[deployment(PAIR)], followers=followers)
    return condition(status(facts), "WorkloadsReady")


def test_a_group_without_its_followers_is_incomplete() -> None:
    found = said()
    assert found["reason"] == "GroupIncomplete"
    assert "1 of the 2 Pods" in found["message"]


def test_a_follower_that_does_not_run_is_named() -> None:
    found = said(follower(main={"state": {}}))
    assert (found["reason"], f"'{LEADER}-1'" in found["message"]) == ("GroupIncomplete", True)


def test_a_group_that_is_there_starts() -> None:
    assert said(follower())["reason"] != "GroupIncomplete"


def test_a_follower_without_a_node_is_why() -> None:
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    found = said(follower(conditions=[nowhere], main={"state": {}}, phase="Pending"))
    assert (found["reason"], f"{LEADER}-1" in found["message"]) == ("Unschedulable", True)


LOST = '{"reason": "GroupRestarting", "message": "the link to member 1 broke."}'


def test_a_group_that_starts_again_says_whom_it_lost() -> None:
    found = said(follower(ready=True), main=crash_loop(1, LOST))
    assert found["reason"] == "GroupRestarting"
    assert "the link to member 1 broke" in found["message"]


def test_what_ended_a_follower_comes_before_what_ended_for_its_sake() -> None:
    found = said(follower(main=crash_loop(137, reason="OOMKilled")), main=crash_loop(1, LOST))
    assert found["reason"] == "OutOfMemory"
    assert f"'{LEADER}-1'" in found["message"]


def test_only_leaders_count() -> None:
    up = leader(ready=True)
    facts = observed(PAIR, pods=[up], children=[deployment(PAIR)], followers=[follower(ready=True)])
    assert status(facts)["ready"] == "1/1"


def in_sets(of: Object = PAIR, **more: Any) -> dict[str, Any]:
    """Return the LeaderWorkerSet that is made for a service where the cluster knows them."""
    made = build(planned(replace(observed(of, **more), knows_sets=True)))
    return next(one for one in made if one["kind"] == "LeaderWorkerSet")


def test_where_leaderworkersets_are_known_a_pool_is_one() -> None:
    made = in_sets(service(replicas=3, parallelism={"tensor": 2}))
    assert made["metadata"]["name"] == "chat-shared"
    assert (made["spec"]["replicas"], made["spec"]["leaderWorkerTemplate"]["size"]) == (3, 2)
    assert made["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "None"
    kinds = [one["kind"] for one in build(planned(replace(observed(PAIR), knows_sets=True)))]
    assert "Deployment" not in kinds


def test_both_templates_of_a_set_are_those_of_a_group_without_it() -> None:
    template = manifest("Deployment", PAIR)["spec"]["template"]
    set_of = in_sets()["spec"]["leaderWorkerTemplate"]
    assert set_of["leaderTemplate"] == template
    (alone,) = sets(PAIR, leader())
    theirs, ours = main(set_of["workerTemplate"]), main(alone["spec"]["template"])
    assert theirs["args"][1:] == ["--leader=$(LWS_LEADER_ADDRESS)", *ours["args"][2:]]
    assert "worker-index" in theirs["env"][0]["valueFrom"]["fieldRef"]["fieldPath"]
    assert LEADER_LABEL not in set_of["workerTemplate"]["metadata"]["labels"]


def test_workers_of_one_pod_are_no_set() -> None:
    alone = build(planned(replace(observed(service()), knows_sets=True)))
    assert "LeaderWorkerSet" not in {one["kind"] for one in alone}


def test_who_has_begun_without_sets_stays_so() -> None:
    begun = replace(observed(PAIR, children=[deployment(PAIR)]), knows_sets=True)
    assert "Deployment" in {one["kind"] for one in build(planned(begun))}


def test_members_of_a_set_are_known_by_its_labels() -> None:
    place = {
        "leaderworkerset.sigs.k8s.io/name": "chat-shared",
        "leaderworkerset.sigs.k8s.io/group-index": "1",
    }
    one, other = leader("chat-shared-1"), follower(of="chat-shared-1", main={"state": {}})
    for member in (one, other):
        member["metadata"]["labels"].update(place)
    del other["metadata"]["labels"][LEADER_LABEL]
    assert sets(PAIR, one) == []
    facts = observed(PAIR, pods=[one], children=[in_sets()], followers=[other])
    found = condition(status(replace(facts, knows_sets=True)), "WorkloadsReady")
    assert (found["reason"], "'chat-shared-1-1'" in found["message"]) == ("GroupIncomplete", True)


def test_a_set_is_rolled_out_when_all_its_groups_are_of_its_templates() -> None:
    up = leader("chat-shared-0", ready=True)
    made = in_sets()
    live = {
        **made,
        "metadata": {**made["metadata"], "generation": 4},
        "status": {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
    }
    facts = replace(observed(PAIR, pods=[up], children=[live]), knows_sets=True)
    assert condition(status(facts), "Progressing")["status"] == "False"
