"""The edges of the process: what it is told, what it imports, how it knows that it is well."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_api.settings import GatewayService
from tidegate_operator import logs
from tidegate_operator.cluster import ClusterError, Listing
from tidegate_operator.environment import BadEnvironment, Environment
from tidegate_operator.gatewaywatch import ready_endpoints, watch_gateway
from tidegate_operator.health import STALLED_SECONDS, Health
from tidegate_operator.kinds import LLM_SERVICE, POD
from tidegate_operator.watches import SILENT_SECONDS, WATCH_SECONDS, Watches, target_of
from unit.operator.fakes import FakeClock, FakeCluster

PROBE = """
import sys, tidegate_operator.runtime
typed = [m for m in sys.modules if m.startswith(("kubernetes.aio.client.models.", "kubernetes.aio.client.api."))]
print(typed)
"""


def test_no_typed_model_of_the_kubernetes_client_is_imported() -> None:
    """They would cost 25 MB and a second of start."""
    found = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_nothing_told_means_all_namespaces_and_the_defaults() -> None:
    told = Environment.read({})
    assert told.namespaces == ()
    assert told.admin_port == 9090
    assert told.settings.drain_seconds == 300
    assert told.identity != Environment.read({}).identity


def test_everything_told_is_taken(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("drainSeconds: 7\n")
    told = Environment.read(
        {
            "TIDEGATE_NAMESPACES": " b, a,,b",
            "TIDEGATE_SETTINGS": str(tmp_path / "settings.yaml"),
            "TIDEGATE_ADMIN_PORT": "1234",
            "TIDEGATE_RESYNC_SECONDS": "1.5",
            "TIDEGATE_GATEWAY_SECONDS": "0.5",
            "POD_NAME": "operator-0",
            "POD_NAMESPACE": "system",
        }
    )
    assert (told.namespaces, told.settings.drain_seconds) == (("a", "b"), 7)
    assert (told.admin_port, told.resync_seconds, told.gateway_seconds) == (1234, 1.5, 0.5)
    assert (told.identity, told.own_namespace) == ("operator-0", "system")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"TIDEGATE_ADMIN_PORT": "http"}, "TIDEGATE_ADMIN_PORT", id="a port that is no number"),
        pytest.param(
            {"TIDEGATE_SETTINGS": "/no/such/file"}, "/no/such/file", id="settings that are not there"
        ),
        pytest.param({"TIDEGATE_SETTINGS": __file__}, "cannot be used", id="settings that are no YAML"),
    ],
)
def test_what_cannot_be_used_is_named(variables: dict[str, str], words: str) -> None:
    with pytest.raises(BadEnvironment, match=words):
        Environment.read(variables)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", ("pods", None)),
        ("/api/v1/namespaces/a/pods", ("pods", "a")),
        ("/api/v1/namespaces/a/pods/p", ("pods", "a")),
        ("/apis/apps/v1/deployments", ("deployments", None)),
        (
            "/apis/serving.tidegate.dev/v1alpha1/namespaces/a/llmservices/x/status",
            ("llmservices/status", "a"),
        ),
        ("/apis/apps/v1", ("", None)),
        ("/api", ("", None)),
        ("/version", ("", None)),
    ],
)
def test_what_a_url_is_about(path: str, target: tuple[str, str | None]) -> None:
    assert target_of(path) == target


def test_a_watch_that_is_not_renewed_is_silent() -> None:
    clock = FakeClock()
    watches = Watches(clock.time)
    watches.expect([POD, LLM_SERVICE], [None])
    clock.advance(WATCH_SECONDS + 10)
    assert watches.silent() == []
    watches.opened("pods", None)
    watches.opened("secrets", None)
    clock.advance(SILENT_SECONDS - WATCH_SECONDS)
    assert watches.silent() == ["llmservices"]
    assert watches.ages()["pods"] == SILENT_SECONDS - WATCH_SECONDS


def test_every_namespace_must_be_heard_from() -> None:
    clock = FakeClock()
    watches = Watches(clock.time)
    watches.expect([POD], ["a", "b"])
    clock.advance(SILENT_SECONDS + 1)
    watches.opened("pods", "a")
    assert watches.silent() == ["pods"]
    watches.opened("pods", "b")
    assert watches.silent() == []


def test_a_reconcile_that_does_not_move_is_a_problem() -> None:
    stalled = 0.0
    health = Health(Watches(FakeClock().time), lambda: stalled)
    assert health.problems() == []
    stalled = STALLED_SECONDS + 1
    assert health.problems() == ["a reconcile has not moved for 121 s"]


def test_an_endpoint_counts_unless_it_says_that_it_is_not_ready() -> None:
    endpoints = [{"conditions": {"ready": True}}, {"conditions": {}}, {}, {"conditions": {"ready": False}}]
    assert ready_endpoints(Listing(({"endpoints": endpoints}, {"endpoints": None}, {}), "1")) == 3


class EnoughError(Exception):
    """The test has seen enough."""


async def test_every_change_of_the_gateway_is_answered_by_a_fresh_list() -> None:
    cluster, told = FakeCluster(), []

    def tell(ready: int) -> None:
        told.append(ready)
        if len(told) == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        await watch_gateway(GatewayService(name="gw", namespace="system"), cluster, tell)
    assert [verb for verb, _, _ in cluster.calls] == ["list", "watch", "list", "watch", "list"]
    assert {selector for _, _, selector in cluster.calls} == {"kubernetes.io/service-name=gw"}


async def test_a_gateway_that_cannot_be_watched_is_tried_again() -> None:
    cluster, told, slept = FakeCluster(answers={"watch": ClusterError(403, "Forbidden", "no")}), [], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        await watch_gateway(GatewayService(), cluster, told.append, sleep)
    assert told == [0, 0]


def test_foreign_and_own_lines_have_one_format(capsys: pytest.CaptureFixture[str]) -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    try:
        logs.configure("info")
        logging.getLogger("kopf.somewhere").info("hello %s", "you")
        logs.structlog.get_logger("tidegate_operator.test").warning("careful", name="chat")
        logging.getLogger("kopf.objects").info("every event of every object")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logs.structlog.reset_defaults()
    foreign, own = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert foreign.keys() == own.keys() - {"name"} == {"level", "logger", "message", "time"}
    assert (foreign["message"], own["name"]) == ("hello you", "chat")
