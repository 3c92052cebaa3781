"""Services and namespaces that are deleted: with or without an operator, all that belongs to them goes.

Owns the deletions and what must be gone. The garbage collector and the namespace controller are the real ones; nothing
is removed by the operator, so nothing waits for it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from integration.api import Api, ApiException, eventually
from integration.operator.rig import Operator, claim, gateway, install, kill, service

KINDS: Final = (
    "LLMService",
    "Deployment",
    "ReplicaSet",
    "Pod",
    "Service",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Job",
)
GIVEN: Final = frozenset({("ServiceAccount", "default"), ("ServiceAccount", "tidegate-operator")})
# Whoever needs longer is stuck.
STUCK_SECONDS: Final = 300.0
WAYS: Final = ("operator up", "operator down", "namespace, operator down", "namespace, operator up")


@dataclass
class Outcome:
    """What was counted."""

    deleted: dict[str, int] = field(default_factory=dict)
    # Seconds until the last child of a way was gone.
    seconds: dict[str, float] = field(default_factory=dict)
    children: int = 0
    wrong: list[str] = field(default_factory=list)


def run(api: Api, home: str, folder: Path, count: int) -> Outcome:
    """Delete so many services, a quarter each way; `home` is the operator's namespace."""
    each = max(1, count // len(WAYS))
    spaces = {way: f"{home}-{number}" for number, way in enumerate(WAYS)}
    for space in spaces.values():
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    outcome = Outcome()
    with _operator(api, home, folder, list(spaces.values())) as operator:
        for space in spaces.values():
            _fill(api, space, each)
        for space in spaces.values():
            await_filled(api, operator, space, each)
            outcome.children += len(left(api, space))
        _delete_all(api, "operator up", spaces, outcome, each)
        _delete_all(api, "namespace, operator up", spaces, outcome, each)
        operator.end(signal.SIGKILL)
        _delete_all(api, "operator down", spaces, outcome, each)
        _delete_all(api, "namespace, operator down", spaces, outcome, each)
        for way in ("operator up", "operator down"):
            api.delete("Namespace", None, spaces[way])
    return outcome


def left(api: Api, namespace: str) -> list[str]:
    """Return what there is in a namespace of services and what belongs to them."""
    return [
        f"{kind} {one['metadata']['name']}"
        for kind in KINDS
        for one in api.list(kind, namespace)
        if (kind, one["metadata"]["name"]) not in GIVEN
    ]


@contextmanager
def _operator(api: Api, home: str, folder: Path, watched: list[str]) -> Iterator[Operator]:
    gateway(api, home)
    operator = Operator(install(api, home, folder, watched), folder, home, watched)
    try:
        yield operator.started()
    finally:
        kill(operator)


def _fill(api: Api, namespace: str, count: int) -> None:
    claim(api, namespace)
    for number in range(count):
        api.create(service(namespace, f"svc-{number}", replicas=2))


def await_filled(api: Api, operator: Operator, namespace: str, count: int) -> None:
    """Wait until every service has its workers; start the operator again if it has ended by itself."""
    eventually(lambda: revive(operator) and _is_filled(api, namespace, count), STUCK_SECONDS, operator.tail)


def revive(operator: Operator) -> bool:
    """Start an operator that has ended by itself, as its Deployment would: on a busy machine it may lose its Lease."""
    if operator.process is None or operator.process.poll() is not None:
        operator.start()
    return True


def _is_filled(api: Api, namespace: str, count: int) -> bool:
    """Tell whether every service has its workers, and nothing is still to come."""
    pods = [pod for pod in api.list("Pod", namespace) if "deletionTimestamp" not in pod["metadata"]]
    workers = [pod for pod in pods if "pod-template-hash" in pod["metadata"].get("labels", {})]
    return len(workers) == 2 * count and len(api.list("PodDisruptionBudget", namespace)) == count


def _delete_all(api: Api, way: str, spaces: dict[str, str], outcome: Outcome, count: int) -> None:
    namespace, began = spaces[way], time.monotonic()
    if way.startswith("namespace"):
        api.delete("Namespace", None, namespace)
    else:
        for number in range(count):
            api.delete("LLMService", namespace, f"svc-{number}")

    def is_gone() -> bool:
        if way.startswith("namespace"):
            return _is_no_namespace(api, namespace)
        return not left(api, namespace)

    try:
        eventually(is_gone, STUCK_SECONDS)
    except AssertionError:
        outcome.wrong.append(
            f"{way}: after {STUCK_SECONDS:.0f} s there is still {', '.join(left(api, namespace))}"
        )
    outcome.deleted[way] = count
    outcome.seconds[way] = round(time.monotonic() - began, 1)


def _is_no_namespace(api: Api, name: str) -> bool:
    try:
        return api.get("Namespace", None, name) is None  # type: ignore[arg-type]
    except ApiException as error:
        return error.status == 404
