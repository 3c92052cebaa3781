"""The rounds in which gateways are asked: who is asked, what is told, and what one that fails changes: nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tidegate_api.settings import GatewayService
from tidegate_operator.census import Reading
from tidegate_operator.facts import Counters, Key
from tidegate_operator.gatewayreader import Reader
from tidegate_operator.metrics import Metrics
from tidegate_operator.podanswer import Unreadable
from unit.operator.fakes import FakeCluster

WEB = Key("team-a", "web")


@dataclass
class FakeGateways:
    """`Gateways` by address; one that has no reading fails."""

    readings: dict[str, Reading] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def read(self, address: str) -> Reading:
        self.asked.append(address)
        if address not in self.readings:
            raise Unreadable("connection refused")
        return self.readings[address]


def pod(name: str, address: str | None, *, ready: bool = True, namespace: str = "system") -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    if address:
        status["podIP"] = address
    metadata = {"namespace": namespace, "name": name, "uid": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def reader(*pods: dict[str, Any]) -> tuple[Reader, FakeCluster, FakeGateways]:
    cluster, gateways = FakeCluster(), FakeGateways()
    for one in pods:
        cluster.seed(one)
    service = GatewayService(namespace="system", pod_labels={"b": "2", "a": "1"})
    return Reader(service, cluster, gateways, Metrics()), cluster, gateways


async def test_every_gateway_with_an_address_is_asked() -> None:
    one, cluster, gateways = reader(
        pod("a", "10.0.0.1"),
        pod("b", "10.0.0.2", ready=False),
        pod("c", None, ready=False),
        pod("other", "10.0.0.4", namespace="elsewhere"),
    )
    gateways.readings = {"10.0.0.1": Reading("a-1"), "10.0.0.2": Reading("b-1")}
    census = await one.round(None)
    assert cluster.calls == [("list", "Pod", "a=1,b=2")]
    assert sorted(gateways.asked) == ["10.0.0.1", "10.0.0.2"]
    assert set(census.readings) == {"a", "b"}
    assert census.pods == {"a", "b", "c"}
    assert census.is_complete


async def test_one_that_does_not_answer_keeps_what_it_said_and_is_counted() -> None:
    one, _, gateways = reader(pod("a", "10.0.0.1"))
    gateways.readings = {"10.0.0.1": Reading("a-1", {WEB: Counters(3, 2, 1)})}
    before = await one.round(None)
    gateways.readings = {}
    after = await one.round(before)
    assert (after.readings, after.pods, after.is_complete) == (before.readings, before.pods, True)
    assert (before.unheard, after.unheard) == ((), ("a",))
    exposed = one.metrics.exposition().decode()
    assert 'tidegate_operator_gateway_reads_total{outcome="done"} 1.0' in exposed
    assert 'tidegate_operator_gateway_reads_total{outcome="failed"} 1.0' in exposed
