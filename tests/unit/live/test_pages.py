"""The pages that are read are those that a gateway writes: the share of KV caches, from reports to what is shown."""

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from tidegate_gateway.gauges import _caches, _pools
from tidegate_gateway.qos.figures import Demand, PoolFigures
from tidegate_gateway.routing.endpoint import Report
from tidegate_live import read


def worker(kv_used: float | None) -> Any:
    report = None if kv_used is None else Report(0.0, 1, 0, kv_used, 0)
    return SimpleNamespace(report=report)


def served(pools: dict[str, list[Any]]) -> Any:
    figures = [PoolFigures(name, 10, 100, (), Demand()) for name in pools]
    return SimpleNamespace(
        model=SimpleNamespace(namespace="team", service="chat"),
        fleet=SimpleNamespace(pools={name: tuple(workers) for name, workers in pools.items()}),
        dispatcher=SimpleNamespace(figures=lambda: figures),
    )


class Written(Collector):
    def __init__(self, one: Any) -> None:
        self.one = one

    def collect(self) -> Any:
        yield from (*_pools([self.one]), _caches([self.one]))


def test_the_share_of_kv_caches_is_told_by_pool_and_only_where_an_engine_has_told_it() -> None:
    registry = CollectorRegistry()
    pools = {"shared": [worker(0.4), worker(0.8), worker(None)], "low": [worker(None)], "high": []}
    registry.register(Written(served(pools)))
    found = read(generate_latest(registry).decode()).gauges
    assert {key[3]: value for key, value in found.items() if key[0] == "kv"} == {"shared": pytest.approx(0.6)}
    assert {key[3]: value for key, value in found.items() if key[0] == "ready"} == {
        "shared": 3,
        "low": 1,
        "high": 0,
    }
