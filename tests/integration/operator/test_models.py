"""LLMModels on a real API server with the real Job controller; the tests play kubelet and loader."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from integration.api import Api, Object, Write, eventually
from integration.operator.loaders import (
    COMMIT,
    MIB,
    PATH,
    TOTAL,
    URI,
    ends,
    job_of,
    llm_model,
    loaded,
    loader,
    pod_of,
    refused,
    runs,
    waits,
)
from integration.operator.rig import AGENT, Operator, claim, condition, service, status_of

CACHE = "tidegate-models"
_numbers = itertools.count(10)


@pytest.fixture
def address() -> str:
    """An address of this machine that no other test has used."""
    return f"127.88.0.{next(_numbers)}"


@pytest.fixture
def cache(api: Api, namespace: str) -> None:
    """The cache of the namespace, with a volume."""
    claim(api, namespace, CACHE)


@pytest.fixture
def cached_at(cache: None, address: str) -> str:
    """An address for a loader of a cache that is there."""
    return address


def ready(api: Api, namespace: str, name: str = "tiny") -> tuple[str, str]:
    return condition(api, namespace, "Ready", name, "LLMModel")


def says(api: Api, namespace: str, reason: str, name: str = "tiny") -> Object:
    """Wait until an LLMModel says why it is not Ready; return its status."""
    eventually(
        lambda: ready(api, namespace, name)[1] == reason,
        why=lambda: status_of(api, namespace, name, "LLMModel"),
    )
    return status_of(api, namespace, name, "LLMModel")


def message(status: Object) -> str:
    return str(status["conditions"][0]["message"])


def only_model(api: Api, namespace: str) -> Object:
    """Return the one LLMModel that there is, once there is one."""

    def found() -> Object | None:
        models = api.list("LLMModel", namespace)
        return models[0] if len(models) == 1 else None

    one: Object = eventually(found)
    return one


def is_loaded(api: Api, namespace: str, name: str = "tiny", words: str | None = None) -> None:
    """Have a loader of a model that is there end well."""
    ends(api, pod_of(api, namespace, name, f"{name}-load"), words or loaded())
    eventually(lambda: ready(api, namespace, name)[0] == "True")


def removals(api: Api, namespace: str) -> list[Object]:
    """Return the Jobs that take files out of the cache."""
    return [job for job in api.list("Job", namespace) if "-remove-" in job["metadata"]["name"]]


def events(api: Api, namespace: str, name: str) -> list[str]:
    """Return the reasons of the events of an object, in the order of their making."""
    found = [one for one in api.list("Event", namespace) if one.get("regarding", {}).get("name") == name]
    return [one["reason"] for one in sorted(found, key=lambda one: one["eventTime"])]


def besides_the_lease(writes: list[Write]) -> list[Write]:
    return [write for write in writes if write.resource != "leases"]


def wait_for_resyncs(operator: Operator, count: int) -> None:
    """Let the operator look at everything so many times more."""
    line = 'tidegate_operator_reconciles_total{outcome="done"}'
    target = (operator.metric(line) or 0) + count
    eventually(lambda: (operator.metric(line) or 0) >= target)


def test_a_service_of_a_hub_gets_its_model_into_the_cache_and_it_is_told_how_far_it_is(
    api: Api, namespace: str, operator: Operator, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start = api.now()
    api.create(service(namespace, uri=URI))
    made = only_model(api, namespace)
    name = made["metadata"]["name"]
    assert made["spec"] == {"type": "Model", "uri": URI, "suspend": False}
    assert not made["metadata"].get("ownerReferences")
    says(api, namespace, "Unschedulable", name)
    cache = eventually(lambda: api.get("PersistentVolumeClaim", namespace, CACHE))
    assert not cache["metadata"].get("ownerReferences")
    with loader(address) as said:
        runs(api, pod_of(api, namespace, name), address)
        eventually(lambda: said.asked)
        for step in range(0, 100, 20):
            said.downloads(TOTAL * step // 100)
            eventually(lambda step=step: status_of(api, namespace, name, "LLMModel").get("percent") == step)
        status = status_of(api, namespace, name, "LLMModel")
        assert (status["phase"], status["progress"], status["size"]) == ("Downloading", "80%", "200 MiB")
        assert (status["revision"], status["path"], status["attempts"]) == (COMMIT, PATH, 1)
        assert (status["bytesPerSecond"], status["remainingSeconds"]) == (8 * MIB, 5)
        said.downloads(TOTAL, step="Verifying")
        assert says(api, namespace, "ModelVerifying", name)["progress"] == "99%"
        is_loaded(api, namespace, name)
    status = status_of(api, namespace, name, "LLMModel")
    assert (status["phase"], status["progress"], status["sizeBytes"]) == ("Ready", "100%", TOTAL)
    assert (status["usedBy"], status["license"], status["shape"]) == (["chat"], "apache-2.0", {"layers": 30})
    assert {"bytesPerSecond", "remainingSeconds"} & set(status) == set()
    eventually(lambda: events(api, namespace, name)[-1:] == ["DownloadCompleted"])
    told = events(api, namespace, name)
    assert told[told.index("DownloadStarted") :] == [
        "DownloadStarted",
        *["DownloadProgress"] * 4,
        "DownloadCompleted",
    ]
    writes = [
        one
        for one in api.writes(namespace, AGENT, start)
        if one.resource.startswith(("llmmodels", "jobs", "pers"))
    ]
    counted = Counter((one.verb, one.resource) for one in writes)
    with capsys.disabled():
        print(f"\nwrites of a download told in 5 steps: {dict(counted)}")
    assert counted["create", "jobs"] == counted["create", "persistentvolumeclaims"] == 1
    assert counted["patch", "llmmodels/status"] <= 14
    assert {one.code for one in writes} <= {200, 201}


def test_a_model_made_by_hand_needs_no_service_and_its_refusal_says_what_to_do(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    api.create(llm_model(namespace, tokenSecretRef={"name": "hub"}))
    pod = pod_of(api, namespace, "tiny")
    [container] = pod["spec"]["containers"]
    token = next(one for one in container["env"] if one["name"] == "HF_TOKEN")
    assert token["valueFrom"] == {"secretKeyRef": {"name": "hub", "key": "token"}}
    words = 'secret "hub" not found'
    waits(api, pod, "CreateContainerConfigError", words)
    assert words in message(says(api, namespace, "SecretNotFound"))
    ends(api, pod, refused("AccessDenied", "visit https://example.com/acme/tiny"), 78)
    status = says(api, namespace, "AccessDenied")
    assert status["phase"] == "Failed"
    assert "visit https://example.com/acme/tiny. Tried again at" in message(status)
    assert "the token's reference changes" in message(status)
    api.patch("LLMModel", namespace, "tiny", {"spec": {"tokenSecretRef": {"name": "other"}}})
    again = pod_of(api, namespace, "tiny")
    assert again["metadata"]["uid"] != pod["metadata"]["uid"]
    assert eventually(lambda: status_of(api, namespace, "tiny", "LLMModel")["attempts"] == 2)
    is_loaded(api, namespace)
    assert "usedBy" not in status_of(api, namespace, "tiny", "LLMModel")
    eventually(lambda: events(api, namespace, "tiny").count("DownloadFailed") == 1)


def test_what_may_pass_is_tried_again_in_half_a_minute_and_from_the_commit_that_was_found(
    api: Api, namespace: str, operator: Operator, cache: None, address: str
) -> None:
    api.create(llm_model(namespace))
    with loader(address) as said:
        pod = pod_of(api, namespace, "tiny")
        said.downloads(TOTAL // 2)
        runs(api, pod, address)
        says(api, namespace, "ModelDownloading")
        ends(api, pod, refused("HubUnreachable"), 75)
        status = says(api, namespace, "HubUnreachable")
    assert (status["percent"], status["revision"]) == (50, COMMIT)
    first = job_of(api, namespace, "tiny")["metadata"]["uid"]
    eventually(lambda: job_of(api, namespace, "tiny")["metadata"]["uid"] != first, seconds=45)
    job = job_of(api, namespace, "tiny")
    words = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert words[words.index("--revision") + 1] == COMMIT
    # Until it gets further than the last one did, what is wrong stays said.
    pod_of(api, namespace, "tiny")
    assert ready(api, namespace)[1] in ("HubUnreachable", "Unschedulable")
    assert status_of(api, namespace, "tiny", "LLMModel")["percent"] == 50


def test_a_loader_that_is_killed_or_a_job_that_is_deleted_begins_anew(
    api: Api, namespace: str, operator: Operator, cache: None, address: str
) -> None:
    api.create(llm_model(namespace))
    pod = pod_of(api, namespace, "tiny")
    api.kubectl("delete", "job", "-n", namespace, "tiny-load")
    eventually(
        lambda: (
            job_of(api, namespace, "tiny")["metadata"]["uid"] != pod["metadata"]["ownerReferences"][0]["uid"]
        )
    )
    another = pod_of(api, namespace, "tiny")
    runs(api, another, address)
    api.kubectl("delete", "pod", "-n", namespace, another["metadata"]["name"], "--grace-period=0", "--force")
    assert "node is gone" in message(says(api, namespace, "LoaderFailed"))


def test_a_pause_stops_the_loader_and_loses_nothing(
    api: Api, namespace: str, operator: Operator, cache: None, address: str
) -> None:
    api.create(llm_model(namespace))
    with loader(address) as said:
        said.downloads(TOTAL // 4)
        runs(api, pod_of(api, namespace, "tiny"), address)
        says(api, namespace, "ModelDownloading")
        api.patch("LLMModel", namespace, "tiny", {"spec": {"suspend": True}})
        status = says(api, namespace, "DownloadSuspended")
    assert (status["phase"], status["percent"]) == ("Suspended", 25)
    assert job_of(api, namespace, "tiny")["spec"]["suspend"] is True
    api.patch("LLMModel", namespace, "tiny", {"spec": {"suspend": False}})
    eventually(lambda: job_of(api, namespace, "tiny")["spec"]["suspend"] is False)
    is_loaded(api, namespace)
    assert status_of(api, namespace, "tiny", "LLMModel")["percent"] == 100


def test_a_model_that_nobody_waits_for_is_not_downloaded(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    api.create(service(namespace, uri=URI, suspend=True))
    name = only_model(api, namespace)["metadata"]["name"]
    assert "all LLMServices that use it are suspended" in message(
        says(api, namespace, "DownloadSuspended", name)
    )
    assert api.get("Job", namespace, f"{name}-load") is None
    api.patch("LLMService", namespace, "chat", {"spec": {"suspend": False}})
    job_of(api, namespace, name)
    # The Job is there before its status is told: what was said before must not be taken for what comes after.
    eventually(lambda: ready(api, namespace, name)[1] != "DownloadSuspended")
    api.delete("LLMService", namespace, "chat")
    says(api, namespace, "DownloadSuspended", name)
    eventually(lambda: "lastUsedAt" in status_of(api, namespace, name, "LLMModel"))


def test_a_deleted_model_that_is_used_comes_back_and_its_files_stay(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    api.create(llm_model(namespace))
    is_loaded(api, namespace)
    api.create(service(namespace, uri=URI))
    eventually(lambda: status_of(api, namespace, "tiny", "LLMModel").get("usedBy") == ["chat"])
    assert len(api.list("LLMModel", namespace)) == 1
    api.delete("LLMModel", namespace, "tiny")
    again = eventually(
        lambda: next(
            (one for one in api.list("LLMModel", namespace) if one["metadata"]["name"] != "tiny"), None
        )
    )
    job_of(api, namespace, again["metadata"]["name"])
    assert removals(api, namespace) == []


def test_the_files_of_a_deleted_model_go_and_a_new_one_waits_for_that(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    api.create(llm_model(namespace))
    is_loaded(api, namespace)
    api.delete("LLMModel", namespace, "tiny")
    removal = eventually(lambda: removals(api, namespace)[0])
    assert removal["spec"]["template"]["spec"]["containers"][0]["args"] == [
        "remove",
        "--cache",
        "/cache",
        "--path",
        PATH,
    ]
    assert removal["spec"]["ttlSecondsAfterFinished"] == 60
    api.create(llm_model(namespace, "again"))
    assert removal["metadata"]["name"] in message(says(api, namespace, "ModelPending", "again"))
    assert api.get("Job", namespace, "again-load") is None
    ends(api, pod_of(api, namespace, "tiny", removal["metadata"]["name"]), "")
    job_of(api, namespace, "again")


def test_a_model_that_had_to_make_room_goes_and_one_that_is_used_comes_back(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    other, path = "hf://acme/other", f"hf/acme--other/{COMMIT}"
    used, used_path = "hf://acme/used", f"hf/acme--used/{COMMIT}"
    api.create(llm_model(namespace))
    is_loaded(api, namespace)
    api.create(llm_model(namespace, "used", used))
    is_loaded(api, namespace, "used", loaded(used_path))
    api.create(service(namespace, uri=used))
    eventually(lambda: status_of(api, namespace, "used", "LLMModel").get("usedBy"))
    first = job_of(api, namespace, "used")["metadata"]["uid"]
    api.create(llm_model(namespace, "other", other))
    words = job_of(api, namespace, "other")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [words[at + 1] for at, word in enumerate(words) if word == "--in-use"] == [used_path]
    is_loaded(api, namespace, "other", loaded(path, evicted=[PATH, used_path]))
    eventually(lambda: api.get("LLMModel", namespace, "tiny") is None)
    eventually(lambda: "ModelEvicted" in events(api, namespace, "tiny"))
    eventually(lambda: job_of(api, namespace, "used")["metadata"]["uid"] != first)
    is_loaded(api, namespace, "used", loaded(used_path))
    assert removals(api, namespace) == []


def test_what_is_in_our_way_is_left_alone(api: Api, namespace: str, operator: Operator, cache: None) -> None:
    container = {"name": "x", "image": "x"}
    pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    foreign: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "tiny-load", "namespace": namespace},
        "spec": {"suspend": True, "template": pod},
    }
    uid = api.create(foreign, namespace)["metadata"]["uid"]
    before = api.get("PersistentVolumeClaim", namespace, CACHE)
    api.create(llm_model(namespace))
    assert "'tiny-load'" in message(says(api, namespace, "NameConflict"))
    assert job_of(api, namespace, "tiny")["metadata"]["uid"] == uid
    after = api.get("PersistentVolumeClaim", namespace, CACHE)
    assert before and after
    assert (before["spec"], before["metadata"].get("labels")) == (
        after["spec"],
        after["metadata"].get("labels"),
    )
    api.delete("Job", namespace, "tiny-load")
    eventually(lambda: ready(api, namespace)[1] != "NameConflict")


def test_an_operator_that_starts_anew_goes_on_where_it_was_and_then_neither_reads_nor_writes(
    api: Api, namespace: str, operator: Operator, cached_at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = cached_at
    api.create(llm_model(namespace))
    with loader(address) as said:
        said.downloads(TOTAL // 2)
        runs(api, pod_of(api, namespace, "tiny"), address)
        says(api, namespace, "ModelDownloading")
        eventually(lambda: events(api, namespace, "tiny")[-1] == "DownloadStarted")
        before = status_of(api, namespace, "tiny", "LLMModel")
        job = job_of(api, namespace, "tiny")
        start = api.now()
        operator.end()
        operator.resync_seconds = 1
        operator.started()
        asked = len(said.asked)
        eventually(lambda: len(said.asked) > asked)
        wait_for_resyncs(operator, 2)
        assert besides_the_lease(api.writes(namespace, AGENT, start)) == []
        assert status_of(api, namespace, "tiny", "LLMModel") == before
        assert job_of(api, namespace, "tiny")["metadata"]["uid"] == job["metadata"]["uid"]
        is_loaded(api, namespace)
    wait_for_resyncs(operator, 3)
    start = api.now()
    reads = [
        f'tidegate_operator_api_requests_total{{resource="{one}",verb="read"}}'
        for one in ("jobs", "llmmodels")
    ]
    gets = {line: operator.metric(line) for line in reads}
    wait_for_resyncs(operator, 6)
    after = {line: operator.metric(line) for line in reads}
    quiet = besides_the_lease(api.writes(namespace, AGENT, start))
    with capsys.disabled():
        print(
            f"\nwrites of an LLMModel in steady state: {len(quiet)}; lists of the resyncs: {gets} -> {after}"
        )
    assert quiet == []
    assert (
        operator.metric(
            f'tidegate_operator_model_phase{{model="tiny",namespace="{namespace}",phase="Ready"}}'
        )
        == 1
    )
    bytes_ = f'tidegate_operator_model_bytes{{model="tiny",namespace="{namespace}",state="done"}}'
    assert operator.metric(bytes_) == TOTAL


def test_pods_of_loaders_are_allowed_where_only_the_restricted_are(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    api.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    api.create(llm_model(namespace))
    is_loaded(api, namespace)
    api.delete("LLMModel", namespace, "tiny")
    removal = eventually(lambda: removals(api, namespace)[0])
    assert pod_of(api, namespace, "tiny", removal["metadata"]["name"])


def test_workers_are_made_once_the_model_is_there_and_their_service_tells_how_far_it_is(
    api: Api, namespace: str, operator: Operator, cached_at: str
) -> None:
    api.create(service(namespace, uri=URI))
    name = only_model(api, namespace)["metadata"]["name"]
    with loader(cached_at) as said:
        said.downloads(TOTAL // 2)
        runs(api, pod_of(api, namespace, name), cached_at)
        eventually(lambda: status_of(api, namespace).get("model", {}).get("percent") == 50)
        assert status_of(api, namespace)["model"]["name"] == name
        assert condition(api, namespace, "Ready") == ("False", "ModelDownloading")
        assert api.get("Deployment", namespace, "chat-shared") is None
        is_loaded(api, namespace, name)
    deployment = eventually(lambda: api.get("Deployment", namespace, "chat-shared"))
    pod = deployment["spec"]["template"]["spec"]
    assert {"persistentVolumeClaim": {"claimName": CACHE}}.items() <= pod["volumes"][0].items()
    assert f"--model-path=/models/{PATH}" in pod["containers"][0]["args"]
    assert pod["containers"][0]["volumeMounts"][0]["readOnly"] is True
    eventually(lambda: status_of(api, namespace)["model"]["percent"] == 100)


def test_a_refusal_of_the_hub_is_that_of_the_service(
    api: Api, namespace: str, operator: Operator, cache: None
) -> None:
    api.create(service(namespace, uri=URI))
    name = only_model(api, namespace)["metadata"]["name"]
    ends(api, pod_of(api, namespace, name), refused("TokenMissing", "visit https://example.com"), 78)
    eventually(lambda: condition(api, namespace, "Ready") == ("False", "TokenMissing"))
    eventually(lambda: condition(api, namespace, "ModelReady") == ("False", "TokenMissing"))
    assert status_of(api, namespace)["phase"] == "Failed"
    source = {"uri": URI, "tokenSecretRef": {"name": "hub"}}
    api.patch("LLMService", namespace, "chat", {"spec": {"model": source}})
    eventually(lambda: status_of(api, namespace, name, "LLMModel")["attempts"] == 2)
    is_loaded(api, namespace, name)
    eventually(lambda: api.get("Deployment", namespace, "chat-shared"))
