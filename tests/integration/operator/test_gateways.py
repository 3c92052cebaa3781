"""What gateways hold and count reaches the status of services and tenants, once each, whoever starts anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from integration.api import Api, Object, Write, eventually
from integration.operator.gateways import Gateway, gateway, pool
from integration.operator.rig import AGENT, NAME, Operator, Release, condition, service, status_of
from ports import free_port

WEB = "web"


@dataclass
class Gateways:
    """The gateways of a release, all on one port."""

    api: Api
    namespace: str
    port: int
    stack: ExitStack
    count: int = 0

    def start(self) -> Gateway:
        self.count += 1
        name, address = f"gateway-{self.count}", f"127.0.0.{self.count + 1}"
        return self.stack.enter_context(gateway(self.api, self.namespace, name, address, self.port))

    def end(self, number: int) -> None:
        """Let a Pod be gone."""
        words = ("-n", self.namespace, "--grace-period=0", "--force")
        self.api.kubectl("delete", "pod", f"gateway-{number}", *words)


@pytest.fixture
def gateways(api: Api, namespace: str) -> Iterator[Gateways]:
    """No gateway yet."""
    port = free_port("127.0.0.2")
    with ExitStack() as stack:
        yield Gateways(api, namespace, port, stack)


@pytest.fixture
def reading(stopped: Operator, release: Release, gateways: Gateways) -> Operator:
    """An operator that reads gateways four times a second, and leads."""
    settings = yaml.safe_load(release.settings.read_text())
    settings["gatewayService"]["adminPort"] = gateways.port
    release.settings.write_text(yaml.safe_dump(settings))
    stopped.gateway_seconds = 0.25
    return stopped.started()


def tenant(api: Api, namespace: str, **spec: object) -> None:
    api.create(
        {
            "apiVersion": "serving.tidegate.dev/v1alpha1",
            "kind": "LLMTenant",
            "metadata": {"name": WEB, "namespace": namespace},
            "spec": {"keys": [{"name": "ci", "sha256": "0" * 64}], **spec},
        }
    )


def usage(api: Api, namespace: str) -> tuple[int, int, int]:
    used = status_of(api, namespace, WEB, "LLMTenant").get("usage", {})
    return used.get("requests"), used.get("promptTokens"), used.get("completionTokens")


def instances(api: Api, namespace: str) -> list[str]:
    told = status_of(api, namespace, WEB, "LLMTenant").get("gateways", [])
    return [one["instance"] for one in told]


def shared(api: Api, namespace: str) -> Object:
    return next(one for one in status_of(api, namespace)["pools"] if one["name"] == "shared")


def statuses(writes: list[Write]) -> list[Write]:
    return [write for write in writes if write.resource.endswith("/status")]


def heard(one: Gateway, times: int = 3) -> None:
    """Wait until a gateway was asked so many times more."""
    target = len(one.asked) + times
    eventually(lambda: len(one.asked) >= target)


def test_what_gateways_hold_is_in_the_status_of_the_service(
    api: Api, namespace: str, reading: Operator, gateways: Gateways
) -> None:
    one, other = gateways.start(), gateways.start()
    api.create(service(namespace))
    eventually(lambda: status_of(api, namespace)["pools"])
    assert "queued" not in shared(api, namespace)
    high = {"queued": 3, "running": 2, "sharePercent": 80}
    one.pools = [
        pool(namespace, NAME, "shared", high=high, low={"queued": 5, "running": 1, "sharePercent": 20})
    ]
    other.pools = [pool(namespace, NAME, "shared", high={**high, "sharePercent": 61})]
    eventually(lambda: shared(api, namespace).get("queued") == 11, why=reading.tail)
    told = shared(api, namespace)
    assert (told["running"], told["creditsUsed"], told["creditsLimit"]) == (5, 240, 8192)
    assert told["classes"] == [
        {"name": "high", "queued": 6, "running": 4, "sharePercent": 70},
        {"name": "low", "queued": 5, "running": 1, "sharePercent": 20},
    ]
    assert set(one.asked) == {"/state"}

    other.code = 500
    one.pools = []
    heard(one)
    # One that is not heard is not one that holds nothing: its last word counts.
    eventually(lambda: shared(api, namespace)["queued"] == 3)
    other.code = 200
    other.pools = []
    eventually(lambda: "queued" not in shared(api, namespace))


def test_numbers_that_stay_the_same_are_written_once(
    api: Api, namespace: str, reading: Operator, gateways: Gateways
) -> None:
    one, other = gateways.start(), gateways.start()
    api.create(service(namespace))
    tenant(api, namespace, budget={"tokens": 1000, "window": "Month"})
    # Whichever comes first in the list of the status, it is the second that is heard later.
    for number, process in enumerate((one, other), start=1):
        process.pools = [pool(namespace, NAME, "shared", high={"queued": number})]
        process.tenants = {WEB: (number, 10, 5)}
        eventually(lambda number=number: len(instances(api, namespace)) == number)  # type: ignore[misc]
    eventually(lambda: shared(api, namespace)["queued"] == 3)
    heard(one)
    start = api.now()
    heard(one, 8)
    assert statuses(api.writes(namespace, AGENT, start)) == []


def test_each_number_is_written_at_most_once_a_round(
    api: Api, namespace: str, reading: Operator, gateways: Gateways
) -> None:
    one = gateways.start()
    tenant(api, namespace)
    eventually(lambda: usage(api, namespace) == (0, 0, 0))
    start, rounds = api.now(), len(one.asked)
    limit = time.monotonic() + 3
    while time.monotonic() < limit:
        number = one.tenants.get(WEB, (0, 0, 0))[0] + 1
        one.tenants = {WEB: (number, number, number)}
        time.sleep(0.01)
    rounds = len(one.asked) - rounds
    written = statuses(api.writes(namespace, AGENT, start))
    assert 1 <= len(written) <= rounds + 1
    assert {write.code for write in written} == {200}


def test_usage_survives_the_operator_and_the_gateways(
    api: Api, namespace: str, reading: Operator, gateways: Gateways
) -> None:
    tenant(api, namespace, budget={"tokens": 10**9, "window": "Month"})
    one, other = gateways.start(), gateways.start()
    one.tenants, other.tenants = {WEB: (2, 20, 4)}, {WEB: (1, 10, 1)}
    eventually(lambda: usage(api, namespace) == (3, 30, 5), why=reading.tail)
    since = status_of(api, namespace, WEB, "LLMTenant")["usage"]["since"]

    reading.end()
    one.tenants = {WEB: (5, 50, 10)}  # used while no operator looked
    reading.started()
    eventually(lambda: usage(api, namespace) == (6, 60, 11))

    one.starts_anew()
    one.tenants = {WEB: (1, 1, 1)}
    eventually(lambda: usage(api, namespace) == (7, 61, 12))
    eventually(lambda: set(instances(api, namespace)) == {one.instance, other.instance})

    gateways.end(2)
    eventually(lambda: instances(api, namespace) == [one.instance])
    reading.end()
    one.starts_anew()
    one.tenants = {WEB: (3, 3, 3)}
    reading.started()
    eventually(lambda: usage(api, namespace) == (10, 64, 15))
    status = status_of(api, namespace, WEB, "LLMTenant")
    assert status["usage"]["since"] == since
    assert status["usage"]["totalTokens"] == 79
    assert status["budget"]["tokens"] == 79
    assert status["budget"]["windowStart"].endswith("-01T00:00:00Z")


def test_a_tenant_is_told_what_it_lacks(api: Api, namespace: str, operator: Operator) -> None:
    def ready() -> tuple[str, str]:
        return condition(api, namespace, "Ready", WEB, "LLMTenant")

    tenant(api, namespace, keys=[], services=[NAME])
    eventually(lambda: ready() == ("False", "NoKeys"))
    soon = (datetime.now(UTC) + timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    key: Object = {"name": "ci", "sha256": "0" * 64, "notAfter": soon}
    api.patch("LLMTenant", namespace, WEB, {"spec": {"keys": [key]}})
    eventually(lambda: ready() == ("False", "UnknownService"))
    api.create(service(namespace))
    eventually(lambda: ready() == ("True", "Accepted"))
    assert status_of(api, namespace, WEB, "LLMTenant")["activeKeys"] == 1
    # Nothing happens but that time passes.
    eventually(lambda: ready() == ("False", "KeyExpired"))
    assert status_of(api, namespace, WEB, "LLMTenant")["activeKeys"] == 0
    api.patch("LLMTenant", namespace, WEB, {"spec": {"keys": [{**key, "notAfter": None}]}})
    eventually(lambda: ready() == ("True", "Accepted"))
    api.delete("LLMService", namespace, NAME)
    eventually(lambda: ready() == ("False", "UnknownService"))
    # Events are posted after the status that they are about.
    eventually(
        lambda: (
            {one["reason"] for one in api.list("Event", namespace) if one["regarding"]["name"] == WEB}
            == {"NoKeys", "UnknownService", "Accepted", "KeyExpired"}
        )
    )


def test_the_spec_of_a_tenant_is_never_written(api: Api, namespace: str, operator: Operator) -> None:
    tenant(api, namespace)
    eventually(lambda: usage(api, namespace) == (0, 0, 0))
    found = api.get("LLMTenant", namespace, WEB)
    assert found
    ours = [one for one in found["metadata"]["managedFields"] if one["manager"] == AGENT]
    assert [one["subresource"] for one in ours] == ["status"]
    assert found["metadata"]["generation"] == 1
