"""`helm test`'s question: on a real API server, through a stand-in for the gateway that checks the key's digest."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kubernetes import client
from kubernetes.config import new_client_from_config

from integration.api import Api, Object
from integration.contract.rig import service
from tidegate_gateway import selftest


class StandInGateway(ThreadingHTTPServer):
    """Answers whoever holds a key of a tenant of the namespace, after `late` refusals."""

    daemon_threads = True

    def __init__(self, api: Api, namespace: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.api, self.namespace = api, namespace
        self.late = 0
        self.answer: object = {"choices": [{"text": " Paris."}]}
        self.status = 200
        self.asked: list[Object] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def knows(self, key: str) -> bool:
        digest = hashlib.sha256(key.encode()).hexdigest()
        tenants = self.api.list("LLMTenant", self.namespace)
        return any(one["sha256"] == digest for tenant in tenants for one in tenant["spec"]["keys"])


class _Answer(BaseHTTPRequestHandler):
    server: StandInGateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append({"path": self.path, **body})
        known = self.server.knows(self.headers["authorization"].removeprefix("Bearer "))
        if not known or len(self.server.asked) <= self.server.late:
            return self._send(401, {"error": {"message": "unknown key"}})
        return self._send(self.server.status, self.server.answer)

    def _send(self, status: int, answer: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(api: Api, namespace: str) -> Iterator[StandInGateway]:
    """A gateway that answers."""
    with StandInGateway(api, namespace) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ready(api: Api, namespace: str) -> str:
    """The namespace, in which one model is Ready and another is not."""
    make(api, namespace, "asleep", "False", "Suspended")
    make(api, namespace, "chat", "True", "Serving")
    return namespace


def make(api: Api, namespace: str, name: str, status: str, reason: str) -> None:
    """Make an LLMService whose condition Ready says this."""
    api.create({**service(name), "metadata": {"name": name, "namespace": namespace}}, namespace)
    ready = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": f"it is {reason}",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    api.patch_status("LLMService", namespace, name, {"conditions": [ready]})


@pytest.fixture
def run(api: Api, gateway: StandInGateway, monkeypatch: pytest.MonkeyPatch) -> object:
    """The test as a Pod runs it, but for where the API server is."""
    own = client.CustomObjectsApi(new_client_from_config(str(api.plane.kubeconfig)))
    monkeypatch.setattr(selftest, "connect", lambda: own)
    return lambda *words: selftest.main([f"--gateway={gateway.url}", "--timeout=2", *words])


def test_it_asks_the_model_that_is_ready(run, gateway, api, ready, capsys) -> None:
    assert run(f"--namespace={ready}") == 0
    assert "' Paris.'" in capsys.readouterr().out
    [asked] = gateway.asked
    assert (asked["path"], asked["model"]) == ("/v1/completions", "chat")
    assert api.list("LLMTenant", ready) == []


def test_it_waits_until_its_key_is_known(run, gateway, ready) -> None:
    gateway.late = 2
    assert run(f"--namespace={ready}") == 0
    assert len(gateway.asked) == 3


def test_its_tenant_is_gone_also_when_the_gateway_fails(run, gateway, api, ready, capsys) -> None:
    gateway.status, gateway.answer = 500, {"error": {"message": "broken"}}
    assert run(f"--namespace={ready}") == 1
    assert "FAILED: the gateway answered 500" in capsys.readouterr().err
    assert api.list("LLMTenant", ready) == []


def test_an_answer_without_choices_is_no_completion(run, gateway, ready, capsys) -> None:
    gateway.answer = {"choices": []}
    assert run(f"--namespace={ready}") == 1
    assert "FAILED: the answer is no completion" in capsys.readouterr().err


def test_a_key_that_stays_unknown_is_told_after_the_timeout(run, gateway, ready, capsys) -> None:
    gateway.late = 1000
    assert run(f"--namespace={ready}", "--timeout=0.1") == 1
    assert "the gateway answered 401" in capsys.readouterr().err


def test_a_model_that_is_not_ready_is_told_with_its_reason(run, ready, capsys) -> None:
    assert run(f"--namespace={ready}", "--service=asleep") == 1
    assert f"{ready}/asleep: Suspended: it is Suspended" in capsys.readouterr().err


def test_a_namespace_without_a_model_is_told_with_what_to_do(run, namespace, capsys) -> None:
    assert run(f"--namespace={namespace}") == 1
    said = capsys.readouterr().err
    assert f"there is no LLMService in namespace {namespace}" in said
    assert "examples/01-quickstart" in said


def test_without_a_namespace_all_are_looked_at(run, gateway, api, namespace) -> None:
    make(api, namespace, "chat-anywhere", "True", "Serving")
    assert run("--service=chat-anywhere") == 0


def test_a_namespace_that_is_being_removed_is_passed_over(run, api, ready, monkeypatch, capsys) -> None:
    """Its service may still be Ready and listed, while nothing can be made there any more."""
    leaving = f"leaving-{ready}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": leaving}})
    make(api, leaving, "chat", "True", "Serving")
    listed = [api.get("LLMService", leaving, "chat"), *api.list("LLMService", ready)]
    monkeypatch.setattr(selftest, "_services", lambda *_: listed)
    monkeypatch.setattr(selftest, "_age", lambda item: item["metadata"]["namespace"] != leaving)
    kept = {"name": "kept", "namespace": leaving, "finalizers": ["example.com/kept"]}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": kept}, leaving)
    api.delete("Namespace", None, leaving)
    assert run() == 0
    said = capsys.readouterr().out
    assert f"namespace {leaving} is being removed: it is passed over" in said
    assert "' Paris.'" in said
    api.patch("ConfigMap", leaving, "kept", {"metadata": {"finalizers": None}})


def test_the_oldest_service_is_asked(run, gateway, api, ready) -> None:
    time.sleep(1.1)  # creation is told in whole seconds
    make(api, ready, "another", "True", "Serving")
    assert run(f"--namespace={ready}") == 0
    assert [asked["model"] for asked in gateway.asked] == ["chat"]


def test_a_gateway_that_is_not_there_is_told(run, ready, capsys) -> None:
    assert run(f"--namespace={ready}", "--gateway=http://127.0.0.1:9", "--timeout=0.1") == 1
    assert "the gateway at http://127.0.0.1:9 did not answer" in capsys.readouterr().err


def test_a_right_that_is_missing_is_told_in_the_words_of_the_api_server(
    api, gateway, monkeypatch, capsys
) -> None:
    nobody = new_client_from_config(str(api.plane.kubeconfig))
    nobody.set_default_header("Impersonate-User", "nobody")
    monkeypatch.setattr(selftest, "connect", lambda: client.CustomObjectsApi(nobody))
    assert selftest.main([f"--gateway={gateway.url}"]) == 1
    assert "the API server refused (403 Forbidden)" in capsys.readouterr().err
