"""A canary that is judged by what gateways count: it promotes itself, or takes itself back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from integration.api import Api, Object, eventually
from integration.operator.gateways import Gateway, gateway
from integration.operator.rig import NAME, Operator, Release, StandInKubelet, condition
from integration.operator.versions import change, events, make, rollout, tracks
from ports import free_port

CANARY = {"steps": [{"weight": 10, "pauseSeconds": 1}, {"weight": 50, "pauseSeconds": 1}]}


@pytest.fixture
def counting(api: Api, namespace: str, release: Release, stopped: Operator) -> Iterator[Gateway]:
    """A gateway that is read four times a second by an operator that leads."""
    port = free_port("127.0.0.2")
    settings = yaml.safe_load(release.settings.read_text())
    settings["gatewayService"]["adminPort"] = port
    release.settings.write_text(yaml.safe_dump(settings))
    stopped.gateway_seconds = 0.25
    with gateway(api, namespace, "gateway", "127.0.0.2", port) as one:
        stopped.started()
        yield one


def begun(api: Api, namespace: str) -> tuple[str, str]:
    """Let a second version be tried; return both."""
    first = make(api, namespace, replicas=2, rollout={"canary": CANARY})
    change(api, namespace, engine={"maxNumSeqs": 4})
    eventually(lambda: rollout(api, namespace).get("weight") == 10)
    return first, str(rollout(api, namespace)["canaryRevision"])


def counted(namespace: str, revision: str, requests: int, errors: int) -> Object:
    """Return what a gateway says of two versions; the one in use does well."""
    stable = {"requests": 900, "errors": 0, "ttft": {"50": 900}}
    canary = {"requests": requests, "errors": errors, "ttft": {"50": requests - errors}}
    told = {"revision": revision, "stable": stable, "canary": canary}
    return {"namespace": namespace, "service": NAME, "canary": told}


def test_it_promotes_itself(api: Api, namespace: str, counting: Gateway, kubelet: StandInKubelet) -> None:
    first, second = begun(api, namespace)
    counting.services = [counted(namespace, second, 100, 0)]
    eventually(lambda: rollout(api, namespace).get("step") == 2)
    assert rollout(api, namespace)["canary"]["requests"] == 100
    eventually(lambda: rollout(api, namespace) == {"phase": "Stable", "revision": second}, 90)
    eventually(lambda: tracks(api, namespace) == {(second, "")})
    assert first != second
    # Events are posted after the status that they are about.
    eventually(lambda: {"RolloutStarted", "RolloutPromoted"} <= set(events(api, namespace)))


def test_it_takes_itself_back(api: Api, namespace: str, counting: Gateway, kubelet: StandInKubelet) -> None:
    first, second = begun(api, namespace)
    counting.services = [counted(namespace, second, 100, 30)]
    eventually(lambda: rollout(api, namespace)["phase"] == "RolledBack", 60)
    said = rollout(api, namespace)
    assert (said["verdict"], said["weight"], said["canary"]["errors"]) == ("Failed", 0, 30)
    assert "30 of its 100 requests failed" in said["message"]
    eventually(lambda: tracks(api, namespace) == {(first, "")})
    eventually(lambda: condition(api, namespace, "Degraded") == ("True", "RolloutRolledBack"))
    assert condition(api, namespace, "Ready") == ("True", "Serving")
