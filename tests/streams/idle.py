"""Who goes when there is one worker too many: the idle one, on a real controller-manager.

Owns the rounds. In each, every service has one worker without requests, drawn by lot, and is to have one less. What
gateways hold is said by a stand-in for one; the operator marks, and the ReplicaSet controller removes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from integration.api import Api, Object, eventually
from integration.operator import gateways
from integration.operator.gateways import Gateway
from integration.operator.rig import (
    Operator,
    StandInKubelet,
    claim,
    gateway,
    install,
    is_ready,
    kill,
    service,
)
from ports import free_port
from streams.deletes import revive
from tidegate_api.names import SERVICE_LABEL

ADDRESS: Final = "127.0.0.2"
SERVICES: Final = 10
WORKERS: Final = 3
BUSY: Final = 4
LONG_SECONDS: Final = 240.0


@dataclass
class Outcome:
    """How often somebody had to go, and who did."""

    rounds: int = 0
    idle_went: int = 0
    wrong: list[str] = field(default_factory=list)


def run(api: Api, namespace: str, folder: Path, count: int, *, seed: int) -> Outcome:
    """Take a worker away so many times, from ten services at once."""
    rng, outcome = random.Random(seed), Outcome()
    names = [f"svc-{number}" for number in range(min(SERVICES, count))]
    with _release(api, namespace, folder) as (operator, said), StandInKubelet(api, namespace):
        for name in names:
            api.create(service(namespace, name, scaling=_bounds(WORKERS)))
        while outcome.rounds < count:
            _round(Place(api, namespace, names, operator, said), rng, outcome)
    return outcome


def _bounds(number: int) -> Object:
    return {"minReplicas": number, "maxReplicas": number}


@dataclass(frozen=True)
class Place:
    """Services of a namespace, and who speaks of them."""

    api: Api
    namespace: str
    names: list[str]
    operator: Operator
    said: Gateway


def _round(place: Place, rng: random.Random, outcome: Outcome) -> None:
    api, namespace, names, operator, said = (
        place.api,
        place.namespace,
        place.names,
        place.operator,
        place.said,
    )
    _ask_for(api, namespace, names, WORKERS)
    said.workers = []
    eventually(lambda: revive(operator) and _are_there(place, WORKERS), LONG_SECONDS, operator.tail)
    idle, busy = {}, {}
    for name in names:
        uids = [pod["metadata"]["uid"] for pod in _live(api, namespace, name)]
        idle[name] = rng.choice(uids)
        busy[name] = set(uids) - {idle[name]}
    said.workers = [
        {
            "namespace": namespace,
            "service": name,
            "pool": "shared",
            "pod": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
            "inFlight": 0 if pod["metadata"]["uid"] == idle[name] else BUSY,
        }
        for name in names
        for pod in _live(api, namespace, name)
    ]
    # Whoever asks, and whatever is on its way already.
    heard = len(said.asked) + 6
    eventually(lambda: revive(operator) and len(said.asked) >= heard, LONG_SECONDS, operator.tail)
    _ask_for(api, namespace, names, WORKERS - 1)
    eventually(lambda: revive(operator) and _are_there(place, WORKERS - 1), LONG_SECONDS, operator.tail)
    for name in names:
        stayed = {pod["metadata"]["uid"] for pod in _live(api, namespace, name)}
        outcome.rounds += 1
        if stayed == busy[name]:
            outcome.idle_went += 1
        else:
            outcome.wrong.append(f"round {outcome.rounds}, {name}: a busy worker went, the idle one stayed")


def _ask_for(api: Api, namespace: str, names: list[str], number: int) -> None:
    for name in names:
        api.patch("LLMService", namespace, name, {"spec": {"scaling": _bounds(number)}})


def _are_there(place: Place, number: int) -> bool:
    api, namespace = place.api, place.namespace
    for name in place.names:
        pods = _live(api, namespace, name)
        deployment = api.get("Deployment", namespace, f"{name}-shared")
        if not deployment or deployment["spec"]["replicas"] != number:
            return False
        if len(pods) != number or not all(map(is_ready, pods)):
            return False
    return True


def _live(api: Api, namespace: str, name: str) -> list[Object]:
    pods = api.list("Pod", namespace, f"{SERVICE_LABEL}={name},pod-template-hash")
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


@contextmanager
def _release(api: Api, namespace: str, folder: Path) -> Iterator[tuple[Operator, Gateway]]:
    gateway(api, namespace)
    claim(api, namespace)
    port = free_port(ADDRESS)
    with gateways.gateway(api, namespace, "gateway", ADDRESS, port) as said:
        said.workers = []
        release = install(api, namespace, folder, [namespace])
        settings = yaml.safe_load(release.settings.read_text())
        settings["gatewayService"]["adminPort"] = port
        release.settings.write_text(yaml.safe_dump(settings))
        operator = Operator(release, folder, namespace, [namespace], gateway_seconds=0.2)
        try:
            yield operator.started(), said
        finally:
            kill(operator)
