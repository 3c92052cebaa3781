"""Whatever happens on the way, what is asked for comes about, stays, and is what a fresh start would have made.

A state machine by hypothesis over the whole reconcile and a cluster in memory: users edit, children vanish, the process
dies before or after any write, the API server refuses, and what is known is old. In the end: at most three looks until
nothing more is written, and the children are those of a cluster where only the last spec was ever asked for (after
Anvil, OSDI 2024: eventually stable reconciliation).
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tidegate_api.names import REVISION_LABEL
from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import ClusterError, Object
from tidegate_operator.errors import Waiting
from tidegate_operator.kinds import (
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    LLM_SERVICE,
    NETWORK_POLICY,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from tidegate_operator.metrics import Metrics
from tidegate_operator.reconcile import Reconciler
from tidegate_operator.resync import read_all
from unit.operator.fakes import KEY, FakeCluster, child, service

CHILDREN = (SERVICE_ACCOUNT, SERVICE, DEPLOYMENT, DISRUPTION_BUDGET, NETWORK_POLICY)
SETTINGS = Settings()
# With a number of one's own, other examples are tried each time.
EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "0"))
# A version is rolled out over two looks, and remembered in a third.
MOST_LOOKS = 6
DEDICATED = {"classes": [{"name": "high", "pool": "Dedicated", "replicas": 2}]}
EDITS: Mapping[str, st.SearchStrategy[Any]] = {
    "replicas": st.integers(0, 3),
    "suspend": st.booleans(),
    "engine": st.sampled_from([{"args": [], "env": []}, {"args": [], "env": [], "maxModelLen": 512}]),
    "qos": st.sampled_from([None, DEDICATED]),
}


class Killed(BaseException):
    """The process is gone: nothing of ours may catch this."""


class Operator(RuleBasedStateMachine):
    """A cluster, an operator that may die at any write, and what it believes to be there."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = FakeCluster()
        self.generations = itertools.count(2)
        self.cluster.seed(service())
        self.cluster.seed(child(CLAIM, "models", owner=None, status={"phase": "Bound"}))
        self.cache = Cache()
        self.read()

    # What users and time do

    @rule(data=st.data(), field=st.sampled_from(sorted(EDITS)))
    def edit(self, data: st.DataObject, field: str) -> None:
        """A user changes the spec."""
        value = data.draw(EDITS[field])
        asked = self.asked()
        spec = {key: one for key, one in {**asked["spec"], field: value}.items() if one is not None}
        metadata = {**asked["metadata"], "generation": next(self.generations)}
        self.cluster.seed({**asked, "metadata": metadata, "spec": spec})

    @rule(kind=st.sampled_from(CHILDREN))
    def lose_children(self, kind: Kind) -> None:
        """Somebody deletes what the operator has made."""
        for place in [place for place in self.cluster.objects if place[0] == kind]:
            del self.cluster.objects[place]

    @rule()
    def spoil_a_child(self) -> None:
        """Somebody changes what the operator has made."""
        found = self.cluster.objects.get((SERVICE, KEY.namespace, KEY.name))
        if found is not None:
            self.cluster.seed({**found, "spec": {**found["spec"], "ports": []}})

    @rule()
    def controllers_act(self) -> None:
        """Deployments become what they ask for."""
        for place, one in list(self.cluster.objects.items()):
            if place[0] == DEPLOYMENT:
                self.cluster.seed(rolled_out(one))

    # What the operator does, and what befalls it

    @rule()
    def read(self) -> None:
        """It learns what is there now."""
        self.cache = Cache()
        self.cache.gateway_ready = 1
        asyncio.run(read_all(self.cluster, self.cache, [None]))

    @rule()
    def look(self) -> None:
        """It reconciles with what it knows, which may be old."""
        asyncio.run(self.reconcile())

    @rule(write=st.integers(1, 8), is_done=st.booleans())
    def die(self, write: int, is_done: bool) -> None:
        """It is killed before or right after a write, and comes back knowing nothing."""
        self.strike(write, Killed(), is_done)
        self.read()

    @rule(write=st.integers(1, 8), status=st.sampled_from([409, 429, 500, 503]), is_done=st.booleans())
    def be_refused(self, write: int, status: int, is_done: bool) -> None:
        """The API server refuses a write, or does it and answers nothing."""
        self.strike(write, ClusterError(status, "Fault", "a fault"), is_done)

    def strike(self, write: int, what: BaseException, is_done: bool) -> None:
        left = itertools.count(write, -1)
        true = self.cluster.apply

        async def apply(manifest: Mapping[str, Any], *, status: bool = False, is_new: bool = False) -> Object:
            turn = next(left)
            if turn == 1 and not is_done:
                raise what
            done = await true(manifest, status=status, is_new=is_new)
            if turn == 1:
                raise what
            return done

        self.cluster.apply = apply  # type: ignore[method-assign]
        try:
            asyncio.run(self.reconcile())
        except Killed:
            pass
        finally:
            self.cluster.apply = true  # type: ignore[method-assign]

    async def reconcile(self) -> None:
        reconciler = Reconciler(self.cluster, self.cache, SETTINGS, Metrics(), "operator-0")
        try:
            await reconciler.reconcile(KEY)
        except (ClusterError, Waiting):
            """It looks again later."""

    # What must hold

    @invariant()
    def nothing_is_there_twice(self) -> None:
        """No child has another name than the one that is known beforehand."""
        names = {name for kind, _, name in self.cluster.objects if kind in CHILDREN}
        assert names <= {"chat", "chat-shared", "chat-high"}

    def teardown(self) -> None:
        """Left alone, it comes to what a fresh start makes of the same spec, and stays there."""
        self.settle()
        fresh = Operator.fresh(self.asked())
        assert self.made() == fresh.made()
        self.cluster.calls.clear()
        self.read()
        self.look()
        assert self.cluster.writes == []

    def settle(self) -> None:
        for _ in range(MOST_LOOKS):
            self.cluster.calls.clear()
            self.read()
            self.look()
            if not self.cluster.writes:
                return
            self.controllers_act()
        raise AssertionError(f"after {MOST_LOOKS} looks it still writes {self.cluster.writes}")

    @classmethod
    def fresh(cls, asked: Object) -> Operator:
        """Return an operator in a cluster where nothing but this was ever asked for."""
        one = cls()
        one.cluster.seed({key: value for key, value in asked.items() if key != "status"})
        one.settle()
        return one

    def asked(self) -> Object:
        return deepcopy(self.cluster.objects[LLM_SERVICE, KEY.namespace, KEY.name])

    def made(self) -> dict[str, Any]:
        """Return what the children are to be, by kind and name."""
        return {
            f"{kind.kind} {name}": nameless(one.get("spec"))
            for (kind, _, name), one in self.cluster.objects.items()
            if kind in CHILDREN
        }


def nameless(value: Any) -> Any:
    """Return a spec without the name of its version: a pool whose Pods do not change keeps the one that it had."""
    if isinstance(value, dict):
        return {key: nameless(one) for key, one in value.items() if key != REVISION_LABEL}
    return [nameless(one) for one in value] if isinstance(value, list) else value


def rolled_out(deployment: Object) -> Object:
    """Return a Deployment whose workers are all there, and of its own template."""
    count = deployment["spec"].get("replicas", 1)
    numbers = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status = {**dict.fromkeys(numbers, count), "observedGeneration": 1}
    metadata = {**deployment["metadata"], "generation": 1}
    return {**deployment, "metadata": metadata, "status": status}


TestConvergence = Operator.TestCase
TestConvergence.settings = settings(
    max_examples=EXAMPLES or 50,
    stateful_step_count=15,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
