"""The one seam of the operator, in memory: a cluster that records what it is asked, and a clock that stands still.

Owns just enough of the API server's manners: versions, UIDs, preconditions. Has no controllers.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tidegate_api.names import API_VERSION, DELETION_COST_ANNOTATION, DRAINING_ANNOTATION, SERVICE_KIND
from tidegate_operator.cluster import ClusterError, Listing, Object, Versions
from tidegate_operator.facts import Key
from tidegate_operator.kinds import POD, Kind, kind_of
from tidegate_operator.packed import version_of

KEY = Key("team-a", "chat")
_OURS = (DRAINING_ANNOTATION, DELETION_COST_ANNOTATION)
WRITES = ("apply", "create", "replace", "delete")

_Place = tuple[Kind, str, str]


@dataclass
class FakeCluster:
    """`Cluster` in memory. `answers` maps a verb to what it raises instead of working."""

    objects: dict[_Place, Object] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    answers: dict[str, Exception] = field(default_factory=dict)
    before: Callable[[str, str], None] = lambda verb, kind: None

    def __post_init__(self) -> None:
        self._numbers = itertools.count(100)

    @property
    def writes(self) -> list[tuple[str, str, str]]:
        """What was asked that would change anything."""
        return [call for call in self.calls if call[0].split("/")[0] in WRITES]

    def seed(self, manifest: Mapping[str, Any]) -> Object:
        """Put an object there without anybody asking."""
        item = deepcopy(dict(manifest))
        number = str(next(self._numbers))
        item["metadata"] = {"uid": f"uid-{number}", **item["metadata"], "resourceVersion": number}
        self.objects[_place(item)] = item
        return deepcopy(item)

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        self._called("get", kind, name)
        return deepcopy(self.objects.get((kind, namespace, name)))

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Listing:
        self._called("list", kind, selector)
        found = [item for place, item in self.objects.items() if place[0] == kind]
        items = tuple(deepcopy(one) for one in found if namespace in (None, one["metadata"]["namespace"]))
        return Listing(items, str(next(self._numbers)))

    async def versions(self, kind: Kind, namespace: str | None, selector: str = "") -> Versions:
        self._called("versions", kind, selector)
        found = {place[1:]: version_of(item) for place, item in self.objects.items() if place[0] == kind}
        of = {place: version for place, version in found.items() if namespace in (None, place[0])}
        return Versions(of, str(next(self._numbers)))

    async def await_change(
        self, kind: Kind, namespace: str, selector: str, version: str, seconds: int
    ) -> None:
        self._called("watch", kind, selector)

    async def apply(
        self, manifest: Mapping[str, Any], *, status: bool = False, is_new: bool = False
    ) -> Object:
        place = _place(manifest)
        self._called("apply/status" if status else "apply", place[0], place[2])
        live = self.objects.get(place)
        if is_new and live is not None:
            raise ClusterError(409, "Conflict", "there is one")
        for field_ in ("uid", "resourceVersion"):
            wanted = manifest["metadata"].get(field_)
            if wanted and (live is None or live["metadata"][field_] != wanted):
                raise ClusterError(409, "Conflict", f"{field_} mismatch")
        if status and live is not None:
            # One manager owns all of a status: what it leaves out goes.
            live = {key: value for key, value in live.items() if key != "status"}
        if place[0] == POD and live is not None:
            # So it is with annotations: those that we leave out and have written before go.
            kept = {k: v for k, v in (live["metadata"].get("annotations") or {}).items() if k not in _OURS}
            live = {**live, "metadata": {**live["metadata"], "annotations": kept}}
        return self.seed(_merged(live or {}, manifest))

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        place = _place(manifest)
        self._called("create", place[0], place[2])
        if place in self.objects:
            raise ClusterError(409, "AlreadyExists", "taken")
        return self.seed(manifest)

    async def replace(self, manifest: Mapping[str, Any]) -> Object:
        place = _place(manifest)
        self._called("replace", place[0], place[2])
        live = self.objects.get(place)
        if live is None or live["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise ClusterError(409, "Conflict", "not the current version")
        return self.seed(manifest)

    async def delete(self, live: Mapping[str, Any]) -> None:
        place = _place(live)
        self._called("delete", place[0], place[2])
        there = self.objects.get(place)
        if there and there["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
            raise ClusterError(409, "Conflict", "precondition failed")
        self.objects.pop(place, None)

    def _called(self, verb: str, kind: Kind, name: str) -> None:
        self.calls.append((verb, kind.kind, name))
        self.before(verb, kind.kind)
        if verb in self.answers:
            raise self.answers[verb]


class FakeTimer:
    """A timer of FakeClock."""

    def __init__(self, at: float) -> None:
        self._at, self.off = at, False

    def cancel(self) -> None:
        self.off = True

    def when(self) -> float:
        return self._at


class FakeClock:
    """Time that passes only in `advance` and `sleep`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, FakeTimer, Callable[[Any], None], Any]] = []

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[[Any], None], key: Any, /) -> FakeTimer:
        timer = FakeTimer(when)
        heapq.heappush(self._due, (when, next(self._numbers), timer, callback, key))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due by then."""
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            when, _, timer, callback, key = heapq.heappop(self._due)
            self._now = when
            if not timer.off:
                callback(key)
        self._now = end

    async def sleep(self, seconds: float) -> None:
        """Sleep in no time."""
        self.advance(seconds)
        await asyncio.sleep(0)


def service(name: str = KEY.name, uid: str = "uid-service", **spec: Any) -> Object:
    """Return an LLMService as the API server stores it."""
    return {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {
            "namespace": KEY.namespace,
            "name": name,
            "uid": uid,
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "model": {"uri": "pvc://models/tiny"},
            "engine": {"args": [], "env": []},
            "resourceProfile": "cpu:1",
            "resources": {"requests": {}, "limits": {}},
            "replicas": 1,
            "podTemplate": {},
            "suspend": False,
            **spec,
        },
    }


def child(kind: Kind, name: str = KEY.name, owner: str | None = "uid-service", **more: Any) -> Object:
    """Return an object made for KEY, or by someone else for no owner."""
    reference = {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "name": KEY.name,
        "uid": owner,
        "controller": True,
    }
    owners = {"ownerReferences": [reference]} if owner else {}
    metadata = {"namespace": KEY.namespace, "name": name, **owners}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **more}


def _place(item: Mapping[str, Any]) -> _Place:
    metadata = item["metadata"]
    return kind_of(item["apiVersion"], item["kind"]), metadata["namespace"], metadata["name"]


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    both = {key: old[key] for key in old.keys() - new.keys()}
    for key, value in new.items():
        before = old.get(key)
        both[key] = (
            _merged(before, value) if isinstance(value, Mapping) and isinstance(before, Mapping) else value
        )
    return deepcopy(both)
