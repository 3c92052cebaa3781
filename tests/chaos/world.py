"""One trial: a namespace, the operator as a process behind the proxy, one workload, at most one fault.

Owns the order of a trial. Must not judge.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from chaos.audit import Audit
from chaos.faults import Fault, Plan, Trace
from chaos.kubelet import Kubelet
from chaos.oracle import End, end_of
from chaos.process import ForkedOperator, Keeper
from chaos.proxy import Proxy
from chaos.workloads import Workload
from integration.api import Api, Object, eventually
from integration.operator.rig import Operator, Release, claim, gateway, installed, rendered
from localcluster import controlplane

CRDS = Path(__file__).parents[2] / "crds"
RESYNC_SECONDS = 1.5
# So that what was not seen stays unseen for a while.
BLIND_RESYNC_SECONDS = 5.0
CONVERGE_SECONDS = 120.0
# A system at rest before the deed: what only follows from a state that holds is no part of the deed.
REST_SECONDS = 2.0
# Three looks at everything, and what those set off.
LOOKS = 3.3
POLL_SECONDS = 0.4
KINDS = (
    "LLMService",
    "LLMModel",
    "Deployment",
    "ReplicaSet",
    "Service",
    "ServiceAccount",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "Job",
    "Pod",
    "ConfigMap",
    "PersistentVolumeClaim",
)
# As the chart makes them.
PRIORITIES = {"tidegate-high": 100_000, "tidegate-medium": 10_000, "tidegate-low": 1_000}
# Made by Kubernetes in every namespace.
_GIVEN = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
_FOREIGN = "chaos-anywhere"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ground:
    """What all trials of a process share: a control plane, its kubelet, its audit log."""

    api: Api
    kubelet: Kubelet
    audit: Audit


@dataclass(frozen=True)
class Run:
    """What one trial showed.

    `late` says in words that the workload's end was not reached, or that there is no silence; `faults` are exceptions
    that the operator did not expect, as it logged them.
    """

    end: End
    trace: Trace
    struck: bool
    seconds: float
    restarts: int
    late: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """Where one trial takes place.

    `quiet_seconds` is for how long nothing may be written in the end, `patience` how long that is waited for.
    """

    ground: Ground
    namespace: str
    proxy: Proxy
    keeper: Keeper
    operator: Operator
    quiet_seconds: float
    patience: float = CONVERGE_SECONDS

    @property
    def api(self) -> Api:
        return self.ground.api


@contextlib.contextmanager
def ground(api: Api) -> Iterator[Ground]:
    """Prepare a control plane for trials."""
    for name, value in PRIORITIES.items():
        head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        api.create({**head, "value": value})
    _learn(api)
    with Kubelet(api) as kubelet, contextlib.closing(Audit(api.plane.audit_log)) as audit:
        yield Ground(api, kubelet, audit)
    for name in PRIORITIES:
        api.delete("PriorityClass", None, name)


def _learn(api: Api) -> None:
    """Have the client meet every kind once: of several threads that do so at a time, one would be told of none."""
    name = f"{_FOREIGN}-{next(_numbers)}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    gateway(api, name)
    claim(api, name)
    with tempfile.TemporaryDirectory() as folder:
        installed(api, name, Path(folder), _rights().replace(_FOREIGN, name))
    for kind in KINDS:
        api.list(kind, name)
    api.delete("Namespace", None, name)


@contextlib.contextmanager
def plane() -> Iterator[Ground]:
    """Start a control plane of the run's own, with our custom resources."""
    with controlplane.start("chaos", controllers=True) as handle, tempfile.TemporaryDirectory() as folder:
        api = Api(handle, Path(folder) / "discovery.json")
        api.kubectl("apply", "--server-side", "-f", str(CRDS))
        api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        with ground(api) as found:
            yield found


def trial(
    on: Ground,
    workload: Workload,
    plan: Plan | None = None,
    bug: str | None = None,
    patience: float = CONVERGE_SECONDS,
) -> Run:
    """Run a workload once, with at most one fault; `patience` is in seconds for each of its two states."""
    resync = BLIND_RESYNC_SECONDS if plan is not None and plan.fault is Fault.DROP else RESYNC_SECONDS
    with staged(on, workload, resync_seconds=resync, bug=bug) as stage:
        return live(replace(stage, patience=patience), workload, plan)


@contextlib.contextmanager
def staged(
    on: Ground, workload: Workload, *, resync_seconds: float = RESYNC_SECONDS, bug: str | None = None
) -> Iterator[Stage]:
    """Make a namespace, and start an operator behind a proxy that leads; ended in the other order."""
    with (
        _namespace(on, workload) as namespace,
        tempfile.TemporaryDirectory(prefix="tidegate-chaos-", ignore_cleanup_errors=True) as folder,
    ):
        home, text = Path(folder), _rights().replace(_FOREIGN, namespace)
        release = installed(on.api, namespace, home, text)
        operator = ForkedOperator(
            release, home, namespace, [namespace], resync_seconds=resync_seconds, bug=bug
        )
        keeper = Keeper(operator)
        with Proxy(*upstream(on.api), keeper.kill) as proxy:
            operator.release = through(release, proxy.url, home)
            with keeper:
                _await_leader(operator, keeper)
                yield Stage(on, namespace, proxy, keeper, operator, LOOKS * resync_seconds * 1.2)


def live(
    stage: Stage, workload: Workload, plan: Plan | None = None, during: Callable[[Stage], None] | None = None
) -> Run:
    """Live a workload on a stage with at most one fault of the proxy's; `during` is called right after the deed."""
    api, namespace, proxy, audit = stage.api, stage.namespace, stage.proxy, stage.ground.audit
    workload.begin(api, namespace)
    late = await_end(stage, workload.begun, REST_SECONDS)
    before, began = len(audit.of(namespace)), time.monotonic()
    trace = proxy.arm(plan)
    workload.act(api, namespace)
    if during is not None:
        during(stage)
    late = (late and f"before the deed: {late}") or await_end(stage, workload.holds, stage.quiet_seconds)
    seconds = time.monotonic() - began
    said = stage.keeper.said()
    end = end_of(objects(api, namespace), audit.of(namespace)[before:], namespace)
    tail = "\n".join(said.splitlines()[-12:])
    return Run(
        end,
        trace,
        proxy.struck,
        seconds,
        stage.keeper.restarts,
        late and f"{late}\n{tail}",
        tuple(surprises(said)),
    )


def await_end(stage: Stage, holds: Callable[[Api, str], bool], quiet_seconds: float) -> str:
    """Wait until a state holds and nothing is written any more; return in words what did not come about."""
    limit, has_held = time.monotonic() + stage.patience, False
    while time.monotonic() < limit:
        if stage.proxy.quiet_seconds > quiet_seconds or not has_held:
            holds_now = holds(stage.api, stage.namespace)
            has_held = has_held or holds_now
            # One that is dead, or has not read everything yet, is silent too.
            if holds_now and stage.proxy.quiet_seconds > quiet_seconds and stage.operator.leads():
                return ""
        time.sleep(POLL_SECONDS)
    if has_held and stage.proxy.quiet_seconds <= quiet_seconds:
        return f"it does not come to rest: {', '.join(stage.proxy.last_writes)}"
    return f"the end was not reached within {stage.patience:g} s"


def _await_leader(operator: Operator, keeper: Keeper) -> None:
    limit = time.monotonic() + CONVERGE_SECONDS
    while not operator.leads():
        if time.monotonic() > limit:
            raise AssertionError(f"it does not come to lead: {keeper.said()[-2000:]}")
        time.sleep(POLL_SECONDS)


def surprises(said: str) -> Iterator[str]:
    """Yield what reconciles failed of that was not the API server's refusal: the log has a trace of those only."""
    for line in said.splitlines():
        if '"reconcile failed"' in line and '"exception"' in line:
            found = json.loads(line)
            yield f"{found.get('kind')}: {found.get('error')}"


def objects(api: Api, namespace: str) -> list[Object]:
    """Return all that is there of the kinds that are compared."""
    return [
        {**one, "kind": kind}
        for kind in KINDS
        for one in api.list(kind, namespace)
        if (kind, one["metadata"]["name"]) not in _GIVEN
    ]


@contextlib.contextmanager
def _namespace(on: Ground, workload: Workload) -> Iterator[str]:
    name = f"chaos-{next(_numbers)}"
    on.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    if workload.has_engines:
        on.kubelet.with_engines.add(name)
    gateway(on.api, name)
    claim(on.api, name)
    # Bound in the midst of a workload, it would be looked into in some runs and not in others.
    eventually(lambda: _is_bound(on.api, name), CONVERGE_SECONDS)
    yield name
    on.api.delete("Namespace", None, name)


def _is_bound(api: Api, namespace: str) -> bool:
    found = api.get("PersistentVolumeClaim", namespace, "models") or {}
    return bool(found.get("status", {}).get("phase") == "Bound")


@cache
def _rights() -> str:
    return rendered(_FOREIGN, [_FOREIGN])


def through(release: Release, url: str, home: Path, name: str = "through-the-proxy") -> Release:
    """Return the same rights, used through the proxy."""
    known = json.loads(release.kubeconfig.read_text())
    known["clusters"][0]["cluster"] = {"server": url}
    path = home / name
    path.write_text(json.dumps(known))
    return replace(release, kubeconfig=path)


def upstream(api: Api) -> tuple[str, str]:
    """Return the API server's URL, and its authority in PEM."""
    cluster = json.loads(api.plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    return cluster["server"], base64.b64decode(cluster["certificate-authority-data"]).decode()
