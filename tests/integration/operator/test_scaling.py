"""Replicas on a real API server: who writes them, and that they follow what gateways and a Prometheus say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import yaml

from integration.api import Api, Object, eventually
from integration.operator import gateways
from integration.operator.gateways import Gateway
from integration.operator.prometheus import Prometheus, prometheus
from integration.operator.rig import (
    AGENT,
    NAME,
    Operator,
    Release,
    StandInKubelet,
    condition,
    service,
    status_of,
)
from ports import free_port
from tidegate_api.names import DRAINING_ANNOTATION

DEPLOYMENT = f"{NAME}-shared"
# Down at once, for a test has no time.
NOW = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}]}


@dataclass
class World:
    """A release with a Prometheus, one gateway, and an operator that looks five times a second."""

    api: Api
    namespace: str
    operator: Operator
    prometheus: Prometheus
    gateway: Gateway
    arrived: int = 0

    def create(self, **scaling: object) -> None:
        self.api.create(service(self.namespace, scaling={"maxReplicas": 6, **scaling}))
        self.say()

    def say(self, arrived: int = 0, queued: int = 0, running: int = 0) -> None:
        """Let the gateway say what it holds, and that so many requests more have come."""
        self.arrived += arrived
        said = gateways.pool(self.namespace, NAME, "shared", medium={"queued": queued, "running": running})
        counted = {"arrivedRequests": self.arrived, "arrivedPromptTokens": 200 * self.arrived}
        self.gateway.pools = [{**said, **counted}]

    def serve(self, **signals: float) -> None:
        """Let every worker that there is say this to Prometheus."""
        names = [pod["metadata"]["name"] for pod in self.pods()]
        self.prometheus.workers.clear()
        self.prometheus.knows(self.namespace, *names, **signals)

    def pods(self) -> list[Object]:
        found = self.api.list("Pod", self.namespace, f"serving.tidegate.dev/service={NAME}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def hold(self, requests: int) -> None:
        """Let the gateway say that it has so many requests with each worker."""
        self.gateway.workers = [
            {
                "namespace": self.namespace,
                "service": NAME,
                "pool": "shared",
                "pod": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
                "inFlight": requests,
            }
            for pod in self.pods()
        ]

    def marked(self) -> set[str]:
        return {
            pod["metadata"]["name"]
            for pod in self.pods()
            if DRAINING_ANNOTATION in (pod["metadata"].get("annotations") or {})
        }

    def replicas(self) -> int:
        return replicas(self.api, self.namespace)

    def entry(self) -> Object:
        found: Object = status_of(self.api, self.namespace)["scaling"][0]
        return found


def replicas(api: Api, namespace: str) -> int:
    deployment = api.get("Deployment", namespace, DEPLOYMENT)
    assert deployment
    return int(deployment["spec"]["replicas"])


@pytest.fixture
def world(api: Api, namespace: str, stopped: Operator, release: Release) -> Iterator[World]:
    port = free_port("127.0.0.2")
    with prometheus() as asked, gateways.gateway(api, namespace, "gateway", "127.0.0.2", port) as one:
        settings = yaml.safe_load(release.settings.read_text())
        settings["gatewayService"]["adminPort"] = port
        settings["prometheus"] = {"url": asked.url, "timeoutSeconds": 2}
        release.settings.write_text(yaml.safe_dump(settings))
        stopped.gateway_seconds = 0.2
        one.workers = []
        yield World(api, namespace, stopped.started(), asked, one)


def test_replicas_follow_the_load_and_nobody_goes_who_is_busy(world: World, kubelet: StandInKubelet) -> None:
    world.create(behavior={"scaleDown": NOW})
    eventually(lambda: condition(world.api, world.namespace, "Ready") == ("True", "Serving"))
    world.serve()
    eventually(
        lambda: condition(world.api, world.namespace, "ScalingActive") == ("True", "FollowingDemand"),
        why=world.operator.tail,
    )
    world.say(arrived=500, queued=400, running=80)
    world.serve(waiting=20, running=60, kv_used=0.9)
    many = settled(world)
    assert many >= 4
    eventually(lambda: status_of(world.api, world.namespace)["readyReplicas"] == many)
    assert world.entry()["history"]

    # What is there has requests in flight: it is marked, and stays.
    world.hold(2)
    world.say()
    world.serve()
    eventually(world.marked, why=world.operator.tail)
    marked = world.marked()
    time.sleep(3)
    assert world.replicas() == many
    assert world.marked() >= marked
    # Load returns: it comes back.
    world.say(arrived=500, queued=400, running=80)
    world.serve(waiting=20, running=60, kv_used=0.9)
    eventually(lambda: not world.marked(), why=world.operator.tail)
    assert world.replicas() >= many

    # And now all but one have finished: just those go.
    many = settled(world)
    eventually(lambda: len(world.pods()) == many)
    world.hold(0)
    assert world.gateway.workers
    stays = world.gateway.workers[-1]
    stays["inFlight"] = 7
    world.say()
    world.serve()
    eventually(lambda: world.replicas() == 1, why=world.operator.tail)
    eventually(lambda: len(world.pods()) == 1)
    assert [pod["metadata"]["uid"] for pod in world.pods()] == [stays["uid"]]
    assert not world.marked()


def test_a_steady_load_writes_nothing(world: World, kubelet: StandInKubelet) -> None:
    world.create()
    eventually(lambda: condition(world.api, world.namespace, "Ready") == ("True", "Serving"))
    world.serve(running=3, kv_used=0.2)
    world.say(running=3)
    eventually(
        lambda: condition(world.api, world.namespace, "ScalingActive") == ("True", "FollowingDemand"),
        why=world.operator.tail,
    )
    eventually(lambda: condition(world.api, world.namespace, "Progressing")[0] == "False")
    eventually(lambda: status_of(world.api, world.namespace)["pools"][0].get("running") == 3)

    def flow(seconds: float) -> None:
        for _ in range(round(seconds / 0.2)):
            world.say(arrived=1, running=3)
            time.sleep(0.2)

    flow(3)
    asked, start = len(world.prometheus.asked), world.api.now()
    flow(5)
    writes = Counter(
        (write.verb, write.resource)
        for write in world.api.writes(world.namespace, AGENT, start)
        if write.resource != "leases"
    )
    assert len(world.prometheus.asked) > asked
    assert not writes, world.operator.tail()


def test_a_request_that_is_held_wakes_a_pool_at_once(world: World, kubelet: StandInKubelet) -> None:
    world.create(minReplicas=0, behavior={"scaleDown": NOW})
    eventually(lambda: condition(world.api, world.namespace, "Ready") == ("True", "Serving"))
    # Asleep, as after half an hour without a request.
    world.operator.end()
    world.api.kubectl("scale", "deployment", DEPLOYMENT, "-n", world.namespace, "--replicas=0")
    eventually(lambda: not world.pods())
    world.operator.started()
    eventually(lambda: world.entry()["binding"] == "Asleep", why=world.operator.tail)
    assert condition(world.api, world.namespace, "Ready") == ("False", "ScaledToZero")
    assert world.replicas() == 0

    took = mark(world)
    eventually(lambda: world.entry()["wanted"] >= 1)
    eventually(lambda: "Woken" in {one["reason"] for one in world.api.list("Event", world.namespace)})
    print(f"\na mark in the status became replicas in {took:.2f} s")
    # The mark is the gateway's: it stays as it was written, whatever the operator writes besides.
    assert status_of(world.api, world.namespace)["demand"][0]["pool"] == "shared"


def mark(world: World) -> float:
    """Ask for the pool as a gateway does; return after how many seconds the Deployment asked for a worker."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": {"name": NAME, "namespace": world.namespace},
        "status": {"demand": [{"pool": "shared", "requestedAt": now}]},
    }
    began = time.monotonic()
    world.api.apply_status(wanted, "tidegate-gateway")
    eventually(lambda: world.replicas() >= 1, why=world.operator.tail)
    return time.monotonic() - began


def test_decisions_can_be_read_from_the_admin_port_and_decide_the_same_again(
    world: World, kubelet: StandInKubelet
) -> None:
    from tidegate_operator.scaling.replay import replay

    world.create()
    eventually(lambda: condition(world.api, world.namespace, "Ready") == ("True", "Serving"))
    path = f"/scaling/{world.namespace}/{NAME}"
    eventually(lambda: len(world.operator.get(path)[1].splitlines()) >= 5)
    status, text = world.operator.get(path)
    assert status == 200
    assert replay(text.splitlines()) == []
    assert world.operator.get(f"/scaling/{world.namespace}/other") == (200, "")
    labels = f'namespace="{world.namespace}",pool="shared",service="{NAME}"'
    assert world.operator.metric(f"tidegate_operator_desired_replicas{{{labels}}}") == 1


def settled(world: World) -> int:
    """Return the replicas once they have not changed for two seconds."""

    def is_settled() -> bool:
        before = world.replicas()
        time.sleep(2)
        return world.replicas() == before > 1

    eventually(is_settled, why=world.operator.tail)
    return world.replicas()


def test_a_restart_in_a_burst_holds_what_there_is(world: World, kubelet: StandInKubelet) -> None:
    world.create()
    eventually(lambda: condition(world.api, world.namespace, "Ready") == ("True", "Serving"))
    world.say(arrived=500, queued=80, running=80)
    world.serve(waiting=20, running=60, kv_used=0.9)
    many = settled(world)
    assert many >= 4
    world.operator.end()
    world.say()
    world.serve()
    world.operator.started()
    time.sleep(3)
    assert world.replicas() == many


def test_a_prometheus_that_goes_away_takes_no_worker_away(world: World, kubelet: StandInKubelet) -> None:
    world.create(behavior={"scaleDown": NOW})
    eventually(lambda: condition(world.api, world.namespace, "Ready") == ("True", "Serving"))
    world.say(arrived=500, queued=80, running=80)
    world.serve(waiting=20, running=60, kv_used=0.9)
    many = settled(world)
    assert many >= 4
    eventually(lambda: status_of(world.api, world.namespace)["readyReplicas"] == many)
    world.prometheus.answer = lambda *_: (503, b"down")
    world.say()
    eventually(
        lambda: condition(world.api, world.namespace, "ScalingActive") == ("True", "MetricsIncomplete"),
        why=world.operator.tail,
    )
    time.sleep(2)
    assert world.replicas() >= many
    assert not world.marked()
