"""Models by a user's own rights on a real API server, and searches on a real hub: nothing here is pretended but the
loader, whose progress the tests write into status themselves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client
from kubernetes.config import new_client_from_config

from hub.server import Hub as RunningHub
from hub.server import running
from integration.api import Api, eventually
from tidegate_api.names import API_VERSION, MODEL_KIND, SERVICE_KIND
from tidegate_models import (
    Cluster,
    Denied,
    HubDown,
    HubModel,
    InUse,
    Missing,
    Progress,
    follow,
    load,
    models,
    pause,
    pull,
    remove,
    resume,
    search,
    unload,
)

URI = "hf://Org/Name"
SENTENCE = {"lastTransitionTime": "2026-11-21T00:00:00Z", "observedGeneration": 1, "message": "so it is"}


@pytest.fixture
def cluster(api: Api, namespace: str) -> Cluster:
    """An administrator in the test's namespace."""
    connection = new_client_from_config(str(api.plane.kubeconfig))
    return Cluster(client.CustomObjectsApi(connection), namespace)


def serve(api: Api, cluster: Cluster, name: str = "chat", uri: str = URI) -> None:
    spec = {"model": {"uri": uri}, "suspend": False}
    manifest = {"apiVersion": API_VERSION, "kind": SERVICE_KIND, "metadata": {"name": name}, "spec": spec}
    api.create(manifest, cluster.namespace)


def report(api: Api, cluster: Cluster, name: str, phase: str, reason: str, **status: Any) -> None:
    """Write an LLMModel's status as the operator does."""
    generation = cluster.read(MODEL_KIND, name)["metadata"]["generation"]
    ready = "True" if phase == "Ready" else "False"
    condition = {"type": "Ready", "status": ready, "reason": reason, **SENTENCE}
    written = {"phase": phase, "observedGeneration": generation, "conditions": [condition], **status}
    api.patch_status(MODEL_KIND, cluster.namespace, name, written)


def test_a_pull_makes_what_the_api_server_takes_and_a_second_one_writes_nothing(cluster: Cluster) -> None:
    pulled = pull(cluster, URI, "v1.0", "hub")
    made = cluster.read(MODEL_KIND, pulled.name)
    assert made["spec"] == {
        "uri": URI,
        "type": "Model",
        "revision": "v1.0",
        "suspend": False,
        "tokenSecretRef": {"name": "hub", "key": "token"},
    }
    again = pull(cluster, URI, "v1.0", "hub")
    assert (again.name, pulled.changed, again.changed) == (pulled.name, True, False)
    assert (
        cluster.read(MODEL_KIND, pulled.name)["metadata"]["resourceVersion"]
        == made["metadata"]["resourceVersion"]
    )


def test_a_pull_of_the_longest_name_is_accepted(cluster: Cluster) -> None:
    name = pull(cluster, f"hf://{'O' * 96}/{'n' * 96}").name
    assert cluster.find(MODEL_KIND, name) is not None


def test_a_paused_download_goes_on_when_it_is_asked_for_again(cluster: Cluster) -> None:
    name = pull(cluster, URI).name
    assert [pause(cluster, name).changed, pause(cluster, URI).changed] == [True, False]
    assert cluster.read(MODEL_KIND, name)["spec"]["suspend"] is True
    assert pull(cluster, URI).changed
    assert cluster.read(MODEL_KIND, name)["spec"]["suspend"] is False
    assert not resume(cluster, name).changed


def test_a_follower_sees_every_state_to_the_end_through_a_restart_of_the_api_server(
    api: Api, cluster: Cluster
) -> None:
    name = pull(cluster, URI).name
    seen: list[Progress] = []
    follower = threading.Thread(target=lambda: seen.extend(follow(cluster, name)))
    with running_to_its_end(follower, seen):
        eventually(lambda: seen)
        report(api, cluster, name, "Downloading", "ModelDownloading", percent=10, bytesDone=1, bytesTotal=10)
        eventually(lambda: seen[-1].percent == 10)
        api.restart_apiserver()
        report(api, cluster, name, "Downloading", "ModelDownloading", percent=60, bytesDone=6, bytesTotal=10)
        eventually(lambda: seen[-1].percent == 60, 60)
        report(api, cluster, name, "Ready", "Downloaded", percent=100, bytesDone=10, bytesTotal=10)
    assert [(one.phase, one.percent) for one in seen] == [
        ("Pending", None),
        ("Downloading", 10),
        ("Downloading", 60),
        ("Ready", 100),
    ]


@contextlib.contextmanager
def running_to_its_end(thread: threading.Thread, seen: object) -> Iterator[None]:
    """Run a thread while the block does; it has to end by itself within a minute after that."""
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive(), seen


def test_who_follows_a_model_that_is_removed_is_told(api: Api, cluster: Cluster) -> None:
    name = pull(cluster, URI).name
    course = follow(cluster, name)
    assert next(course).phase == "Pending"
    remove(cluster, name)
    with pytest.raises(Missing):
        next(course)


def test_what_is_used_is_not_removed_and_what_is_not_is(api: Api, cluster: Cluster) -> None:
    name = pull(cluster, URI).name
    serve(api, cluster, "chat")
    serve(api, cluster, "other", "hf://Org/Other")
    assert {one.uri: one.used_by for one in models(cluster)} == {URI: ("chat",)}
    with pytest.raises(InUse, match="used by chat"):
        remove(cluster, name)
    assert cluster.find(MODEL_KIND, name) is not None
    api.delete(SERVICE_KIND, cluster.namespace, "chat")
    assert remove(cluster, URI) == name
    assert cluster.find(MODEL_KIND, name) is None


def test_a_service_is_unloaded_and_loaded_and_nothing_else_of_it_changes(api: Api, cluster: Cluster) -> None:
    serve(api, cluster)
    before = cluster.read(SERVICE_KIND, "chat")["spec"]
    assert unload(cluster, "chat").changed
    assert cluster.read(SERVICE_KIND, "chat")["spec"] == {**before, "suspend": True}
    assert load(cluster, "chat").changed
    assert cluster.read(SERVICE_KIND, "chat")["spec"] == before


@pytest.fixture
def user(api: Api, namespace: str) -> client.Configuration:
    """A ServiceAccount of the namespace that may do nothing."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "jane"}}
    api.create(account, namespace)
    kubeconfig = yaml.safe_load(api.plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    configuration = client.Configuration(host=kubeconfig["server"])
    configuration.verify_ssl = False
    configuration.api_key = {"authorization": f"Bearer {api.token(namespace, 'jane')}"}
    return configuration


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_user_has_the_rights_of_their_roles_and_is_told_which_are_missing(
    api: Api, namespace: str, user: client.Configuration
) -> None:
    cluster = Cluster(client.CustomObjectsApi(client.ApiClient(user)), namespace)
    with pytest.raises(Denied, match=r'403 Forbidden\): .*cannot list resource "llmmodels".*role `edit`'):
        pull(cluster, URI)
    rule = {"apiGroups": ["serving.tidegate.dev"], "resources": ["llmmodels", "llmservices"], "verbs": ["*"]}
    rbac = "rbac.authorization.k8s.io"
    api.create(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "models"}, "rules": [rule]},
        namespace,
    )
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "models"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "models"},
        "subjects": [{"kind": "ServiceAccount", "name": "jane", "namespace": namespace}],
    }
    api.create(binding, namespace)
    name = eventually(lambda: _allowed(cluster))
    assert next(follow(cluster, name)).phase == "Pending"
    assert remove(cluster, name) == name


def _allowed(cluster: Cluster) -> str:
    try:
        return pull(cluster, URI).name
    except Denied:
        return ""


def test_ctrl_c_ends_the_command_and_not_the_download(api: Api, cluster: Cluster) -> None:
    # Whoever starts the tests in a shell's background has them, and what they start, ignore Ctrl-C.
    words = ["env", "--default-signal=INT", sys.executable, "-m", "tidegate_cli"]
    words += ["models", "pull", URI, "-n", cluster.namespace]
    environment = {**os.environ, "KUBECONFIG": str(api.plane.kubeconfig)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as command:
        assert command.stderr is not None
        said = [command.stderr.readline(), command.stderr.readline()]
        command.send_signal(signal.SIGINT)
        said += command.stderr.readlines()
    assert command.returncode == 130, said
    assert said[1] == "Pending\n"
    assert "The download goes on in the cluster" in said[-1]
    [model] = cluster.list(MODEL_KIND)
    assert model["spec"]["suspend"] is False


def test_the_command_ends_with_the_download(api: Api, cluster: Cluster) -> None:
    words = [
        sys.executable,
        "-m",
        "tidegate_cli",
        "models",
        "pull",
        URI,
        "-n",
        cluster.namespace,
        "-o",
        "json",
    ]
    environment = {**os.environ, "KUBECONFIG": str(api.plane.kubeconfig)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as command:
        assert command.stdout is not None
        name = json.loads(command.stdout.readline())["name"]
        report(api, cluster, name, "Failed", "TokenMissing")
        assert [json.loads(line)["reason"] for line in command.stdout] == ["TokenMissing"]
    assert command.returncode == 1


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with three models: of one there is all to say, one is gated, one private."""
    root = tmp_path_factory.mktemp("hub")
    shelf(root, "Org/Small", downloads=7, likes=2, license="mit")
    shelf(root, "Org/Gated-Small", gated="manual", downloads=9)
    shelf(root, "Org/Private-Small", private=True)
    with running(root, tokens={"hf_good": ["Org/Private-Small"]}) as hub:
        yield hub


def shelf(root: Path, name: str, **settings: Any) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / ".hub.json").write_text(json.dumps(settings))


def test_a_hub_is_searched_the_most_downloaded_first(hub: RunningHub) -> None:
    found = search("small", environment={"HF_ENDPOINT": hub.url})
    task = "text-generation"
    assert found == [
        HubModel("hf://Org/Gated-Small", downloads=9, likes=0, gated=True, task=task),
        HubModel("hf://Org/Small", downloads=7, likes=2, gated=False, task=task, license="mit"),
    ]
    assert search("small", limit=1, environment={"HF_ENDPOINT": hub.url}) == found[:1]
    assert search("nothing of that name", environment={"HF_ENDPOINT": hub.url}) == []


def test_a_token_shows_what_is_private(hub: RunningHub) -> None:
    environment = {"HF_ENDPOINT": f"{hub.url}/", "HF_TOKEN": "hf_good"}
    assert "hf://Org/Private-Small" in [one.uri for one in search("small", environment=environment)]


def test_a_token_that_is_no_good_is_named_and_not_repeated(hub: RunningHub) -> None:
    with pytest.raises(HubDown, match=r"answered 401 .*is the token in HF_TOKEN") as raised:
        search("small", environment={"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_bad"})
    assert "hf_bad" not in str(raised.value)


def test_a_token_stays_with_the_hub_that_sends_us_elsewhere() -> None:
    tokens: list[str | None] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers["authorization"])
            is_first = len(tokens) == 1
            self.send_response(302 if is_first else 200)
            self.send_header("location", f"http://localhost:{server.server_port}/elsewhere")
            self.send_header("content-length", "0" if is_first else "2")
            self.end_headers()
            self.wfile.write(b"" if is_first else b"[]")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            endpoint = f"http://127.0.0.1:{server.server_port}"
            assert search("small", environment={"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_good"}) == []
        finally:
            server.shutdown()
            thread.join()
    assert tokens == ["Bearer hf_good", None]


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        pytest.param(
            "http://127.0.0.1:9", "cannot be reached: .*refused.* the network and HTTPS_PROXY", id="nobody"
        ),
        pytest.param("http://hub.invalid", "cannot be reached: ", id="no such name"),
    ],
)
def test_a_hub_that_is_not_there_is_named(endpoint: str, says: str) -> None:
    with pytest.raises(HubDown, match=says):
        search("small", environment={"HF_ENDPOINT": endpoint})


def test_a_hub_that_fails_is_named(hub: RunningHub) -> None:
    hub.switch({"kind": "status", "status": 429})
    try:
        with pytest.raises(HubDown, match=r"answered 429 .*wait a minute, or search with a token"):
            search("small", environment={"HF_ENDPOINT": hub.url})
    finally:
        hub.switch()
