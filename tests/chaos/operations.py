"""Campaign `operations`: whatever a user writes into an LLMService is refused by its field, or brought about and told.

Owns the trials and how they are judged (after Acto, SOSP 2023). A deed that the API server refuses must name its field.
After one that it takes, the operator is alive and has logged no failure, the status has seen the generation and says
in conditions what cannot be done, and nothing more is written. Then

    walk      each deed of `leaves` once, each field's on one service
    chain     five deeds in a row: the children are those of a service that was made so
    rollback  a deed, and back: the children are those of before, and workers of a spec that cannot be are not touched

One operator has all namespaces; trials run side by side, each in one of them.
"""

from __future__ import annotations

import contextlib
import json
import queue
import random
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.audit import Audit
from chaos.faults import ASIDE
from chaos.kubelet import admin
from chaos.leaves import Operation, Spec, chains, named, operations
from chaos.meanings import GROUNDS
from chaos.oracle import end_of
from chaos.process import ForkedOperator, Keeper
from chaos.runner import Verdict, side_by_side
from chaos.world import CONVERGE_SECONDS, POLL_SECONDS, Ground, surprises
from integration.api import Api, Object, eventually
from integration.operator.rig import NAME, claim, gateway, installed, rendered, service, workers_of
from tidegate_api.names import REVISION_LABEL

WORDS = "every field of an LLMService's schema by every deed; chains of five; a bad one and back"
CHAINS, LENGTH = 200, 5
ROLLBACKS = 100
RESYNC_SECONDS = 1.0
# A look at everything and what it sets off; three of them where the end is compared.
QUIET_SECONDS = 1.3
LONG_QUIET_SECONDS = 4.0
CHILDREN = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "ConfigMap",
    "PersistentVolumeClaim",
)
_PART = "operations"
_HOME = "operations-home"


@dataclass(frozen=True)
class Trial:
    """Deeds in a row, from a ground. Its name is enough to run it again."""

    kind: str
    ground: str
    deeds: tuple[Operation, ...]

    def __str__(self) -> str:
        if self.kind == "walk":
            return f"{self.ground}:{self.deeds[0].field}"
        return f"{self.ground}:{','.join(map(str, self.deeds))}"

    @staticmethod
    def read(kind: str, words: str) -> Trial:
        """Return the trial of this name; raises StopIteration."""
        ground, _, deeds = words.partition(":")
        if kind == "walk":
            return next(one for one in walks() if str(one) == words)
        return Trial(kind, ground, tuple(named(one) for one in deeds.split(",")))


def walks() -> list[Trial]:
    """Return each field's deeds as one trial."""
    found: dict[tuple[str, str], list[Operation]] = {}
    for one in operations():
        found.setdefault((one.ground, one.field), []).append(one)
    return [Trial("walk", ground, tuple(deeds)) for (ground, _), deeds in found.items()]


def every(seed: int) -> list[Trial]:
    """Return all trials; the seed draws chains and what is taken back."""
    chained = [Trial("chain", ground, deeds) for ground, deeds in chains(CHAINS, LENGTH, seed)]
    drawn = random.Random(seed).sample(operations(), ROLLBACKS)
    return [*walks(), *chained, *(Trial("rollback", one.ground, (one,)) for one in drawn)]


@dataclass
class Tally:
    """How many operations were done, and how they ended."""

    refused: int = 0
    invalid: int = 0
    done: int = 0


@dataclass(frozen=True)
class Lane:
    """A namespace in which one trial runs at a time."""

    on: Ground
    namespace: str
    keeper: Keeper
    send: Sender
    tally: Tally

    @property
    def api(self) -> Api:
        return self.on.api

    def service(self) -> Object:
        found = self.api.get("LLMService", self.namespace, NAME)
        assert found
        return found

    def make(self, spec: Spec) -> tuple[int, str]:
        """Make the service anew, when nothing is left of the one before."""
        with contextlib.suppress(Exception):
            self.api.delete("LLMService", self.namespace, NAME)
        eventually(self._is_bare, CONVERGE_SECONDS)
        return self.send.create(self.namespace, {**service(self.namespace), "spec": spec})

    def change(self, spec: Spec) -> tuple[int, str]:
        """Replace the spec by another one."""
        return self.send.replace(self.namespace, spec)

    def settled(self, quiet_seconds: float = QUIET_SECONDS) -> str:
        """Wait until the spec is seen and nothing is written any more; return in words what did not come about."""
        limit, count, since = time.monotonic() + CONVERGE_SECONDS, -1, time.monotonic()
        while time.monotonic() < limit:
            now = len(_writes(self.on.audit, self.namespace))
            if now != count:
                count, since = now, time.monotonic()
            elif time.monotonic() - since > quiet_seconds and self._is_seen():
                return ""
            time.sleep(POLL_SECONDS)
        last = [f"{one.verb} {one.target} {one.code}" for one in _writes(self.on.audit, self.namespace)[-4:]]
        return f"not seen, or no silence, within {CONVERGE_SECONDS:g} s: {last}, {self.told()}"

    def _is_seen(self) -> bool:
        found = self.service()
        return bool(found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"])

    def _is_bare(self) -> bool:
        return not any(
            self.api.list(kind, self.namespace, _OURS) for kind in ("Deployment", "Service", "Pod")
        )

    def told(self) -> Mapping[str, Any]:
        """Return the condition ConfigValid."""
        conditions = self.service().get("status", {}).get("conditions", ())
        return next((one for one in conditions if one["type"] == "ConfigValid"), {})

    def children(self) -> dict[str, str]:
        """Return what the children are asked to be, by path, and what the service says of itself."""
        found = [
            _asked(kind, one)
            for kind in CHILDREN
            for one in self.api.list(kind, self.namespace)
            if any(owner["kind"] == "LLMService" for owner in one["metadata"].get("ownerReferences", ()))
        ]
        return dict(end_of(found, (), self.namespace).fields)


_OURS = "app.kubernetes.io/managed-by=tidegate"


class Sender:
    """Hands specs to the API server as they are, and returns what it says."""

    def __init__(self, api: Api) -> None:
        self._server, self._context = admin(api)

    def create(self, namespace: str, manifest: Object) -> tuple[int, str]:
        """Create a service; unknown fields are refused, as kubectl has it."""
        return self._ask("POST", namespace, "", manifest, "application/json")

    def replace(self, namespace: str, spec: Spec) -> tuple[int, str]:
        """Replace its spec."""
        patch = [{"op": "replace", "path": "/spec", "value": spec}]
        return self._ask("PATCH", namespace, f"/{NAME}", patch, "application/json-patch+json")

    def _ask(self, method: str, namespace: str, rest: str, body: Any, kind: str) -> tuple[int, str]:
        where = f"{self._server}/apis/serving.tidegate.dev/v1alpha1/namespaces/{namespace}/llmservices{rest}"
        request = urllib.request.Request(
            f"{where}?fieldValidation=Strict",
            data=json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=30) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, str(json.loads(refusal.read())["message"])


def trials(seed: int) -> list[tuple[str, str]]:
    """Return the names of all trials."""
    return [(one.kind, str(one)) for one in every(seed)]


def verdicts(on: Ground, asked: Sequence[tuple[str, str]], jobs: int) -> Iterator[Verdict]:
    """Yield how each trial ended, in their order; print at last how many operations there were."""
    with lanes(on, jobs) as free:

        def one(name: tuple[str, str]) -> Verdict:
            lane = free.get()
            try:
                return _verdict(lane, Trial.read(*name))
            finally:
                free.put(lane)

        yield from side_by_side(one, asked, jobs)


@contextlib.contextmanager
def lanes(on: Ground, count: int) -> Iterator[queue.Queue[Lane]]:
    """Start an operator that has so many namespaces; all are gone in the end."""
    names = [f"operations-{number}" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="tidegate-chaos-", ignore_cleanup_errors=True) as folder:
        for name in (_HOME, *names):
            on.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            gateway(on.api, name)
            claim(on.api, name)
        home, watched = Path(folder), [_HOME, *names]
        release = installed(on.api, _HOME, home, rendered(_HOME, watched))
        operator = ForkedOperator(release, home, _HOME, watched, resync_seconds=RESYNC_SECONDS)
        free: queue.Queue[Lane] = queue.Queue()
        sender, tally = Sender(on.api), Tally()
        with Keeper(operator) as keeper:
            eventually(operator.leads, CONVERGE_SECONDS, why=keeper.said)
            for name in names:
                free.put(Lane(on, name, keeper, sender, tally))
            yield free
        for name in (_HOME, *names):
            on.api.delete("Namespace", None, name)
        print(
            f"{tally.done} operations brought about, {tally.invalid} told as impossible by the operator, "
            f"{tally.refused} refused by the API server",
            flush=True,
        )


def _verdict(lane: Lane, trial: Trial) -> Verdict:
    began, restarts = time.monotonic(), lane.keeper.restarts
    failures, ends = len(_failures(lane)), len(_ends(lane))
    try:
        wrong = [*_TRIALS[trial.kind](lane, trial)]
    except AssertionError as error:
        wrong = [f"the rig: {error}"[:1500]]
    wrong += [f"the operator failed: {one}" for one in _failures(lane)[failures:][:3]]
    if lane.keeper.restarts != restarts:
        wrong += [f"the operator ended: {one}" for one in _ends(lane)[ends:]]
    seconds = time.monotonic() - began
    return Verdict(
        _PART, trial.kind, str(trial), True, tuple(wrong), seconds, lane.keeper.restarts - restarts
    )


def _failures(lane: Lane) -> list[str]:
    """Return what was logged of this namespace as having failed, and all exceptions."""
    said = [line for line in lane.keeper.said().splitlines() if lane.namespace in line]
    failed = [line for line in said if '"reconcile failed"' in line and _UNREACHED not in line]
    return [*surprises("\n".join(said)), *(line[:600] for line in failed)]


def _ends(lane: Lane) -> list[str]:
    """Return why the operator ended by itself; that a Lease is lost on a machine that is too busy is no failure."""
    said = [line for line in lane.keeper.said().splitlines() if '"the operator has to end"' in line]
    return [line[-1500:] for line in said if not any(word in line for word in _BUSY)]


# No answer came: asked again, and nothing to do with what was asked.
_UNREACHED = "ClusterError('0 "
_BUSY = ("LeaseLost", "ConnectionTimeoutError", "TimeoutError", "ClientConnectorError")


def _walk(lane: Lane, trial: Trial) -> Iterator[str]:
    """Do each deed to a service that asks for no workers: they come in the other trials, and cost most."""
    ground = GROUNDS[trial.ground]
    resting = {**ground, "replicas": 0} if "replicas" in ground else ground
    yield from _first(lane, resting)
    for deed in trial.deeds:
        yield from (f"{deed}: {one}" for one in _do(lane, deed, deed.on(resting)))


def _chain(lane: Lane, trial: Trial) -> Iterator[str]:
    yield from _first(lane, GROUNDS[trial.ground])
    spec = GROUNDS[trial.ground]
    for deed in trial.deeds:
        wanted = deed.on(spec)
        taken = lane.tally.refused
        yield from (f"{deed}: {one}" for one in _do(lane, deed, wanted))
        spec = wanted if lane.tally.refused == taken else spec
    yield from _came(lane)
    found, spec = lane.children(), lane.service()["spec"]
    is_valid = lane.told().get("status") == "True"
    lane.make(spec)
    yield from _came(lane)
    if is_valid:
        # Of a spec that cannot be, what worked before goes on, and a new service has nothing.
        yield from _differ(found, lane.children(), spec, "a new service has")


def _rollback(lane: Lane, trial: Trial) -> Iterator[str]:
    yield from _first(lane, GROUNDS[trial.ground])
    yield from _came(lane)
    found, pods = lane.children(), _pods(lane)
    (deed,) = trial.deeds
    yield from _do(lane, deed, deed.spec)
    is_invalid = lane.told().get("status") == "False"
    status, said = lane.change(GROUNDS[trial.ground])
    if status != 200:
        yield f"back: {status} {said[:300]}"
    yield from _came(lane)
    yield from _differ(lane.children(), found, GROUNDS[trial.ground], "before it was")
    if is_invalid and _pods(lane) != pods:
        yield f"workers were replaced by a spec that could not be: {pods} became {_pods(lane)}"


_TRIALS = {"walk": _walk, "chain": _chain, "rollback": _rollback}


def _first(lane: Lane, ground: Spec) -> Iterator[str]:
    status, said = lane.make(ground)
    if status != 201:
        yield f"the ground is refused: {status} {said}"
    if late := lane.settled():
        yield f"the ground: {late}"


def _came(lane: Lane) -> Iterator[str]:
    if late := lane.settled(LONG_QUIET_SECONDS):
        yield late


def _do(lane: Lane, deed: Operation, spec: Spec) -> Iterator[str]:
    """Do one operation; yield in words what is wrong with how it ended."""
    status, said = lane.change(spec)
    if status != 200:
        lane.tally.refused += 1
        if not 400 <= status < 500:
            yield f"the API server answers {status}: {said[:300]}"
        elif not names_field(said, deed):
            yield f"the refusal does not name the field: {said[:300]}"
        return
    if late := lane.settled():
        yield late
    told = lane.told()
    if told.get("status") == "False":
        lane.tally.invalid += 1
    else:
        lane.tally.done += 1
    if told.get("status") not in ("True", "False") or not told.get("reason") or not told.get("message"):
        yield f"no word on whether the spec is valid: {told}"


def names_field(said: str, deed: Operation) -> bool:
    """Tell whether a refusal has the field in it, or one right above or below it, by which it can be found."""
    names = [step for step in deed.path if isinstance(step, str)]
    return any(name in said for name in names[-2:])


def _differ(found: Mapping[str, str], wanted: Mapping[str, str], spec: Spec, words: str) -> Iterator[str]:
    for path in sorted(found.keys() | wanted.keys()):
        if spec.get("scaling") and (
            path.endswith(".spec.replicas") or path.startswith("PodDisruptionBudget/")
        ):
            # How many there are follows from what was there before, and from time: no gateway answers here, so that a
            # fallback comes into force after three readings. A budget is there for more than one.
            continue
        one, other = found.get(path, "(nothing)"), wanted.get(path, "(nothing)")
        if one != other:
            yield f"{path} is {one[:200]}, {words} {other[:200]}"


def _asked(kind: str, one: Object) -> Object:
    """Return what of an object its maker has asked for."""
    metadata = one["metadata"]
    kept = {
        key: metadata[key]
        for key in ("name", "namespace", "labels", "uid", "ownerReferences")
        if key in metadata
    }
    return {
        "kind": kind,
        "metadata": kept,
        **{key: _plain(one[key]) for key in ("spec", "data") if key in one},
    }


def _plain(value: Any) -> Any:
    """Return a spec without the name of its version, and without what Kubernetes has given to it."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key not in _GIVEN}
    return [_plain(one) for one in value] if isinstance(value, list) else value


_GIVEN = frozenset({REVISION_LABEL, "clusterIP", "clusterIPs"})


def _pods(lane: Lane) -> list[str]:
    return sorted(one["metadata"]["uid"] for one in workers_of(lane.api, lane.namespace))


def _writes(audit: Audit, namespace: str) -> list[Any]:
    return [one for one in audit.of(namespace) if one.target.partition("/")[0] not in ASIDE]
