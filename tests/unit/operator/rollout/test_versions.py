"""Which template a worker keeps, and what makes a new one of it."""

from __future__ import annotations

from typing import Any

import pytest

from objects import SETTINGS, Object, classes, dedicated, observed, planned, service
from tidegate_api.names import RENEW_ANNOTATION, REVISION_LABEL
from tidegate_api.settings import Settings, WorkersSettings
from tidegate_operator.build import build
from tidegate_operator.desired import Plan

OTHER = SETTINGS.model_copy(update={"drain_seconds": 17})
ALWAYS = OTHER.model_copy(update={"workers": WorkersSettings(update_policy="Always")})


def kept(plan: Plan) -> list[Object]:
    """Return what a cluster has once a plan was brought about: versions, and Deployments of them."""
    return [one for one in build(plan) if one["kind"] in ("ControllerRevision", "Deployment")]


def after(before: Plan, of: Object, settings: Settings = SETTINGS) -> Plan:
    """Return the plan of an LLMService whose workers are as they were planned before."""
    return planned(observed({**of, "status": stored(before)}, children=kept(before)), settings)


def stored(plan: Plan) -> Object:
    return {"rollout": {"phase": "Stable", "revision": plan.course.next.revision}}


def wanted(plan: Plan) -> str:
    """Return the version that is to be in use in the end."""
    return plan.course.next.other or plan.course.next.revision


def renewed(of: Object, value: str) -> Object:
    return {**of, "metadata": {**of["metadata"], "annotations": {RENEW_ANNOTATION: value}}}


@pytest.mark.parametrize(
    ("changed", "is_new"),
    [
        pytest.param(service(), False, id="nothing changes"),
        pytest.param(service(engine={"maxNumSeqs": 4}), True, id="how the engine is started"),
        pytest.param(service(model={"uri": "pvc://weights/other"}), True, id="which files"),
        pytest.param(
            service(model={"uri": "pvc://weights/smollm2", "name": "m"}), True, id="the model's name"
        ),
        pytest.param(service(podTemplate={"metadata": {"labels": {"a": "b"}}}), True, id="the template"),
        pytest.param(service(resources={"limits": {"memory": "7Gi"}}), True, id="resources"),
        pytest.param(service(rollout={"drainSeconds": 7}), True, id="how long it drains"),
        pytest.param(renewed(service(), "now"), False, id="renewed, and nothing else would be made"),
        pytest.param(service(replicas=3), False, id="how many"),
        pytest.param(service(scaling={"maxReplicas": 3}), False, id="between which bounds"),
        pytest.param(service(coldStart={"mode": "Reject"}), False, id="what becomes of requests"),
        pytest.param(service(rollout={"maxSurge": 2}), False, id="how it is rolled out"),
        pytest.param(service(suspend=True), False, id="suspended"),
        pytest.param(service(engine={"args": []}, podTemplate={}), False, id="a default that is written out"),
    ],
)
def test_a_template_follows_what_its_user_says(changed: Object, is_new: bool) -> None:
    before = planned(observed())
    plan = after(before, changed)
    old, new = before.versions["shared"], plan.course.next.other
    assert (new is not None) is is_new
    assert plan.versions["shared"] == old


def test_other_settings_make_no_other_workers_and_are_told() -> None:
    before = planned(observed())
    plan = after(before, service(), OTHER)
    assert plan.versions == before.versions
    assert plan.course.next == plan.course.stored
    assert (before.is_outdated, plan.is_outdated) == (False, True)


@pytest.mark.parametrize(
    ("of", "settings"),
    [
        pytest.param(renewed(service(), "now"), OTHER, id="renewed"),
        pytest.param(service(), ALWAYS, id="always"),
        pytest.param(service(engine={"maxNumSeqs": 4}), OTHER, id="together with a change of its own"),
    ],
)
def test_other_settings_reach_workers_that_are_made_anew(of: Object, settings: Settings) -> None:
    plan = after(planned(observed()), of, settings)
    assert plan.course.next.phase == "Promoting"
    new = next(one for one in plan.revisions if one.name == plan.course.next.other)
    template = new.pools["shared"].template
    assert "--drain-seconds=17" in template["spec"]["containers"][0]["args"]
    assert template["metadata"]["labels"][REVISION_LABEL] == new.name


def test_going_back_is_the_version_of_then_whatever_the_settings_are_now() -> None:
    first = planned(observed())
    second = after(first, service(engine={"maxNumSeqs": 4}))
    done = {"rollout": {"phase": "Stable", "revision": second.course.next.other}}
    back = planned(observed({**service(), "status": done}, children=kept(second)), OTHER)
    assert wanted(back) == first.course.next.revision
    assert [one.name for one in back.revisions] == [first.course.next.revision, second.course.next.other]


def test_a_pool_that_comes_or_changes_leaves_the_workers_of_the_others_alone() -> None:
    first = planned(observed(service()))
    more = after(first, classes(dedicated("high", 1)))
    assert more.course.next.phase == "Stable"
    assert more.versions["shared"] == first.versions["shared"]
    settled = after(more, classes(dedicated("high", 1)))
    assert settled.versions.keys() == {"high", "shared"}
    other = after(settled, classes(dedicated("high", 1, priorityClassName="first")))
    asked = next(one for one in other.revisions if one.name == other.course.next.other)
    assert asked.of("shared") == settled.versions["shared"]
    assert asked.of("high") != settled.versions["high"]


def test_five_versions_are_kept_besides_those_in_use() -> None:
    plan = planned(observed())
    first = plan.course.next.revision
    for number in range(1, 12):
        moved = after(plan, service(engine={"maxNumSeqs": number}))
        name = moved.course.next.other
        done: Any = {"rollout": {"phase": "Stable", "revision": name}}
        of = {**service(engine={"maxNumSeqs": number}), "status": done}
        plan = planned(observed(of, children=kept(moved)))
    names = [one.name for one in plan.revisions]
    assert len(names) == 6
    assert (names[-1], first in names) == (plan.course.next.revision, False)
    assert [one.number for one in plan.revisions] == sorted(one.number for one in plan.revisions)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="no status"),
        pytest.param({"rollout": {"phase": "Nonsense"}}, id="one that nobody can read"),
        pytest.param({"rollout": {"phase": "Canary", "revision": "x"}}, id="one that is not whole"),
    ],
)
def test_without_a_word_of_it_what_runs_is_in_use(status: Object) -> None:
    before = planned(observed())
    of = {**service(engine={"maxNumSeqs": 4}), "status": status}
    plan = planned(observed(of, children=kept(before)))
    assert plan.versions == before.versions
    assert (plan.course.next.phase, plan.course.next.revision) == ("Promoting", before.course.next.revision)


def test_a_version_that_somebody_has_deleted_is_done_without() -> None:
    before = planned(observed())
    children = [one for one in kept(before) if one["kind"] == "Deployment"]
    of = {**service(engine={"maxNumSeqs": 4}), "status": stored(before)}
    plan = planned(observed(of, children=children))
    assert plan.course.next.phase == "Stable"
    assert plan.versions["shared"] != before.versions["shared"]


def test_a_revision_of_somebody_else_is_none_of_ours() -> None:
    before = planned(observed())
    [mine] = [one for one in kept(before) if one["kind"] == "ControllerRevision"]
    foreign = {**mine, "metadata": {**mine["metadata"], "name": "other", "ownerReferences": []}}
    plan = planned(observed({**service(), "status": stored(before)}, children=[foreign]))
    assert plan.revisions[0].number == 1
