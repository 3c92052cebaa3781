"""What is done about an LLMModel: which Job, when, after what; and what never is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.settings import ModelSettings, Settings
from tidegate_operator.models.facts import ModelFacts
from tidegate_operator.models.plan import LONGEST_DELAY, delay, is_evicted
from unit.operator.models.scenes import (
    COMMIT,
    NOW,
    PATH,
    SETTINGS,
    Object,
    claim,
    ended_pod,
    facts,
    job,
    llmservice,
    made_by_us,
    model,
    planned,
    pod,
    ready,
    usual_fingerprint,
    words,
)

MAY_PASS = ended_pod({"reason": "HubUnreachable", "message": "no answer"}, 75)
FOR_A_PERSON = ended_pod({"reason": "AccessDenied", "message": "visit it"}, 78)
REMOVAL: Object = {
    "metadata": {"name": "tiny-remove-1", "annotations": {"serving.tidegate.dev/path": PATH}},
    "status": {},
}
PATHLESS = {key: value for key, value in ready().items() if key != "path"}


def kinds(seen: ModelFacts, settings: Settings = SETTINGS) -> list[str]:
    """Return the kinds of what is made."""
    return [one["kind"] for one in planned(seen, settings).create]


@pytest.mark.parametrize(
    ("seen", "made"),
    [
        pytest.param(facts(no_claim=True), ["PersistentVolumeClaim"], id="the claim comes first"),
        pytest.param(facts(), ["Job"], id="then the Job"),
        pytest.param(
            facts(has_claim=claim(phase="Pending")), ["Job"], id="a claim may wait for its first Pod"
        ),
        pytest.param(
            facts(has_claim=claim(phase="Lost")), [], id="nothing is loaded into a volume that is lost"
        ),
        pytest.param(facts(has_claim=claim(deletionTimestamp="x")), [], id="nor into a claim that goes"),
        pytest.param(facts(model(status=ready())), [], id="a model that is there needs nothing"),
        pytest.param(
            facts(model(status=ready(since=-60)), has_claim=claim(made=-30)),
            ["Job"],
            id="a cache younger than the model does not have it",
        ),
        pytest.param(
            facts(model(status=ready(since=-30)), has_claim=claim(made=-30)),
            [],
            id="a claim of the very second may have it",
        ),
        pytest.param(facts(model(status=PATHLESS)), ["Job"], id="a model without a place is nowhere"),
        pytest.param(facts(model(suspend=True)), [], id="a pause makes nothing"),
        pytest.param(facts(made_by_us(model())), [], id="nor what was made for somebody who went"),
        pytest.param(
            facts(made_by_us(model()), services=[llmservice(suspend=True)]),
            [],
            id="nor what was made for somebody who sleeps",
        ),
        pytest.param(
            facts(made_by_us(model()), services=[llmservice(suspend=True), llmservice("other")]),
            ["Job"],
            id="one who does not sleep is enough",
        ),
        pytest.param(facts(jobs=[job()]), [], id="a Job that is there is enough"),
        pytest.param(facts(jobs=[job(ownerReferences=[])]), ["Job"], id="a Job of somebody else is not ours"),
        pytest.param(facts(jobs=[job(deletionTimestamp="x")]), [], id="one that goes is waited for"),
        pytest.param(facts(jobs=[REMOVAL]), [], id="what removes the same files is waited for"),
        pytest.param(
            facts(jobs=[job(ended="Complete")], pods=[ended_pod(words())]),
            [],
            id="a model that came needs no more",
        ),
        pytest.param(
            facts(
                jobs=[job(ended="Complete", when=-60)], pods=[ended_pod(words())], has_claim=claim(made=-30)
            ),
            ["Job"],
            id="one that came into another claim has to come again",
        ),
    ],
)
def test_what_is_made(seen: ModelFacts, made: list[str]) -> None:
    assert kinds(seen) == made


def test_a_namespace_without_a_cache_gets_nothing() -> None:
    settings = Settings(models=ModelSettings(strategy="None"))
    assert kinds(facts(no_claim=True), settings) == []


def test_a_directory_of_the_nodes_needs_no_claim() -> None:
    settings = Settings(models=ModelSettings(strategy="HostPath", host_path="/srv/models"))
    assert kinds(facts(no_claim=True), settings) == ["Job"]


def test_what_limits_the_pod_comes_before_the_job() -> None:
    closed = Settings.model_validate({"networkPolicy": {"enabled": True}})
    assert kinds(facts(), closed) == ["NetworkPolicy", "Job"]


@pytest.mark.parametrize(
    ("failures", "pod_", "ended", "is_tried"),
    [
        pytest.param(0, MAY_PASS, -29, False, id="a first failure waits for half a minute"),
        pytest.param(0, MAY_PASS, -30, True, id="and is then tried again"),
        pytest.param(1, MAY_PASS, -59, False, id="a second one waits for a whole one"),
        pytest.param(1, MAY_PASS, -60, True, id="and is then tried again"),
        pytest.param(9, MAY_PASS, -599, False, id="none waits for more than ten minutes"),
        pytest.param(9, MAY_PASS, -600, True, id="not even the tenth"),
        pytest.param(0, FOR_A_PERSON, -599, False, id="what a person has to mend waits for ten minutes"),
        pytest.param(0, FOR_A_PERSON, -600, True, id="since a licence may be accepted without our knowing"),
        pytest.param(0, None, -30, True, id="a Pod that is gone is tried again as what may pass"),
    ],
)
def test_when_a_load_is_tried_again(failures: int, pod_: Object | None, ended: float, is_tried: bool) -> None:
    over = job(ended="Failed", when=ended, failures=failures, attempt=5)
    plan = planned(facts(jobs=[over], pods=[pod_] if pod_ else []))
    assert (plan.delete == over, bool(plan.create)) == (is_tried, is_tried)
    if is_tried:
        told = plan.create[-1]["metadata"]["annotations"]
        assert told["serving.tidegate.dev/attempt"] == "6"
        assert told["serving.tidegate.dev/failures"] == str(failures + 1)
    else:
        assert plan.again is not None and NOW < plan.again <= NOW + LONGEST_DELAY


def test_a_pod_on_a_node_that_is_gone_is_not_waited_for_for_ever() -> None:
    """Its Job has failed, and says so only once its Pod has ended: which it never does."""
    given_up = job(ended="FailureTarget", when=-30)
    seen = facts(jobs=[given_up], pods=[pod()])
    assert (planned(seen).delete, planned(seen).again) == (None, NOW + timedelta(seconds=30))
    given_up = job(ended="FailureTarget", when=-61)
    assert planned(facts(jobs=[given_up], pods=[pod()])).delete == given_up


def test_another_token_is_tried_at_once_and_counts_anew() -> None:
    over = job(ended="Failed", when=-1, failures=7)
    plan = planned(facts(model(tokenSecretRef={"name": "hub"}), jobs=[over], pods=[FOR_A_PERSON]))
    assert plan.delete == over
    assert plan.create[-1]["metadata"]["annotations"]["serving.tidegate.dev/failures"] == "0"


def test_the_token_of_a_service_that_uses_it_will_do() -> None:
    user = llmservice()
    user["spec"]["model"]["tokenSecretRef"] = {"name": "hub", "key": "t"}
    [made] = planned(facts(services=[llmservice("a", made=-9000), user])).create
    [container] = made["spec"]["template"]["spec"]["containers"]
    [token] = [one for one in container["env"] if one["name"] == "HF_TOKEN"]
    assert token["valueFrom"]["secretKeyRef"] == {"name": "hub", "key": "t"}


def test_a_job_that_cannot_start_is_replaced_once_what_it_asks_for_has_changed() -> None:
    waiting = pod(phase="Pending", state={"waiting": {"reason": "CreateContainerConfigError"}})
    old = job(fingerprint="another")
    assert planned(facts(jobs=[old], pods=[waiting])).delete == old
    assert planned(facts(jobs=[old], pods=[pod()])).delete is None


@pytest.mark.parametrize(
    ("spec", "stopped", "said"),
    [
        pytest.param({}, False, None, id="one that goes on goes on"),
        pytest.param({"suspend": True}, False, True, id="a pause stops it"),
        pytest.param({"suspend": True}, True, None, id="once"),
        pytest.param({}, True, False, id="the end of a pause starts it"),
    ],
)
def test_what_a_job_is_told(spec: Object, stopped: bool, said: bool | None) -> None:
    own = job(suspended=stopped)
    plan = planned(facts(model(**spec), jobs=[own]))
    assert plan.suspend == (None if said is None else (own, said))
    assert (plan.create, plan.delete) == ((), None)


def test_a_failure_in_a_pause_waits_for_its_end() -> None:
    plan = planned(facts(model(suspend=True), jobs=[job(ended="Failed", when=-9000)], pods=[MAY_PASS]))
    assert (plan.create, plan.delete, plan.again) == ((), None, None)


def test_the_commit_that_was_found_is_asked_for_and_what_is_used_may_not_go() -> None:
    other = model("other", status=ready(path="hf/acme--other/1"), uri="hf://acme/other")
    idle = model("idle", status=ready(path="hf/acme--idle/1"), uri="hf://acme/idle")
    seen = facts(
        model(status={"revision": COMMIT, "path": PATH, "attempts": 3}),
        others=[other, idle],
        services=[llmservice("a", "hf://acme/other"), llmservice()],
    )
    settings = Settings(models=ModelSettings(limit="1Gi", offline=True))
    [made] = planned(seen, settings).create
    args = made["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == [
        *("load", "--uri", "hf://acme/tiny", "--revision", COMMIT, "--cache", "/cache"),
        *("--in-use", "hf/acme--other/1", "--in-use", PATH),
        *("--limit-bytes", str(2**30), "--offline", "--port", "8000"),
    ]
    assert made["metadata"]["annotations"]["serving.tidegate.dev/attempt"] == "4"


def evicted_by(when: float, code: int = 0) -> dict[str, list[Object]]:
    """Return another loader of the cache that has made room."""
    last = (
        words("hf/acme--big/1", evicted=[PATH]) if not code else {"reason": "HubUnreachable", "message": "x"}
    )
    over = job("big", ended="Failed" if code else "Complete", when=when)
    return {"jobs": [over], "pods": [ended_pod({**last, "evicted": [PATH]}, code, "big")]}


@pytest.mark.parametrize("code", [0, 75], ids=["by one that came", "by one that failed afterwards"])
def test_files_that_had_to_make_room_are_gone(code: int) -> None:
    there = model(status=ready(since=-600))
    assert is_evicted(facts(there, **evicted_by(-60, code)), there)


def test_files_that_came_back_since_are_there() -> None:
    there = model(status=ready(since=-30))
    assert not is_evicted(facts(there, **evicted_by(-60)), there)
    assert planned(facts(there, **evicted_by(-60))).is_ready


def test_files_that_somebody_uses_are_loaded_again() -> None:
    there = model(status=ready(since=-600))
    seen = facts(there, services=[llmservice()], **evicted_by(-60))
    assert not is_evicted(seen, there)
    assert [one["kind"] for one in planned(seen).create] == ["Job"]


def test_what_is_being_loaded_since_is_no_victim_of_what_was_before() -> None:
    there = model(status={"path": PATH})
    over = evicted_by(-400)
    seen = facts(there, jobs=[*over["jobs"], job()], pods=over["pods"])
    assert not is_evicted(seen, there)


@given(st.integers(1, 10**6), st.booleans())
def test_a_delay_never_shrinks_and_never_exceeds_ten_minutes(failures: int, passes: bool) -> None:
    assert timedelta(seconds=30) <= delay(failures, passes=passes) <= LONGEST_DELAY
    assert delay(failures, passes=passes) <= delay(failures + 1, passes=passes)


def test_the_usual_job_is_of_the_usual_request() -> None:
    assert job()["metadata"]["annotations"]["serving.tidegate.dev/fingerprint"] == usual_fingerprint()
