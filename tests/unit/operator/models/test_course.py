"""Whatever happens to a download, in whatever order: one Job at a time, nothing lost, the model there in the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_api.model import LLMModelSpec
from tidegate_api.settings import Settings
from tidegate_operator.models.facts import ModelFacts, Progress
from tidegate_operator.models.plan import make_plan
from tidegate_operator.models.status import summarize
from unit.operator.models.scenes import NOW, Object, at, ended_pod, facts, model, pod, progress, words

# What a loader, a user, a node or the time can do.
HAPPENINGS = (
    "runs",
    "gets on",
    "is verified",
    "comes",
    "may pass",
    "for a person",
    "is killed",
    "node is gone",
    "paused",
    "goes on",
    "Job deleted",
    "Pod deleted",
    "a moment",
    "minutes",
    "another token",
)


@dataclass
class World:
    """One LLMModel with the Job and the Pod that there are, and the seconds since the beginning."""

    spec: Object = field(default_factory=dict)
    status: Object = field(default_factory=dict)
    job: Object | None = None
    pod: Object | None = None
    progress: Progress | None = None
    seconds: float = 0
    made: int = 0
    tokens: int = 0

    def facts(self) -> ModelFacts:
        seen = facts(
            model(status=self.status, **self.spec),
            jobs=[self.job] if self.job else [],
            pods=[self.pod] if self.pod else [],
            now=self.progress,
        )
        return replace(seen, now=NOW + timedelta(seconds=self.seconds))

    def settle(self) -> None:
        """Reconcile as often as it takes until nothing is left to do: a Pod that goes may leave something."""
        self._reconcile()
        self._reconcile()
        before = (self.job, dict(self.status))
        self._reconcile()
        assert (self.job, self.status) == before

    def _reconcile(self) -> None:
        seen = self.facts()
        assert seen.model
        spec = LLMModelSpec.model_validate(seen.model["spec"])
        plan = make_plan(seen, seen.model, spec, Settings())
        if plan.delete is not None:
            assert plan.delete is self.job
            self.job = self.pod = self.progress = None
        if plan.suspend is not None:
            assert self.job is not None
            self.job = {**self.job, "spec": {**self.job["spec"], "suspend": plan.suspend[1]}}
            self.pod = self.progress = None
        for manifest in plan.create:
            assert self.job is None, "one at a time"
            self.made += 1
            self.job = self._stored(dict(manifest))
        seen = self.facts()
        assert seen.model
        self.status = summarize(seen, seen.model, make_plan(seen, seen.model, spec, Settings()), None)

    def _stored(self, manifest: Object) -> Object:
        uid = {"uid": f"uid-job-{self.made}", "creationTimestamp": at(self.seconds)}
        return {**manifest, "metadata": {**manifest["metadata"], **uid}}

    def ends(self, kind: str, last: Object | None) -> None:
        """Have the Job end, with this Pod or none."""
        if self.job is None or self.job.get("status") or self.job["spec"]["suspend"] or self.pod is None:
            return
        condition = {"type": kind, "status": "True", "lastTransitionTime": at(self.seconds)}
        self.job = {**self.job, "status": {"conditions": [condition]}}
        self.pod, self.progress = (self._owned(last) if last is not None else None), None

    def _owned(self, one: Object) -> Object:
        assert self.job
        owner = {"controller": True, "uid": self.job["metadata"]["uid"]}
        return {**one, "metadata": {**one["metadata"], "ownerReferences": [owner]}}

    def happens(self, what: str) -> None:
        """Have something happen, where it can."""
        done: dict[str, Any] = {"comes": words(), "may pass": {"reason": "HubUnreachable", "message": "x"}}
        match what:
            case "runs" if self.job and not self.job.get("status") and not self.job["spec"]["suspend"]:
                self.pod = self._owned(pod())
            case "gets on" | "is verified" if self.pod and self.job and not self.job.get("status"):
                there = int(self.status.get("percent") or 0)
                step = "Downloading" if what == "gets on" else "Verifying"
                self.progress = progress(min(2 * there + 20, 200) if what == "gets on" else 200, step=step)
            case "comes":
                self.ends("Complete", ended_pod(done["comes"]))
            case "may pass":
                self.ends("Failed", ended_pod(done["may pass"], 75))
            case "for a person":
                self.ends("Failed", ended_pod({"reason": "AccessDenied", "message": "x"}, 78))
            case "is killed" | "Pod deleted":
                self.ends("Failed", None)
            case "node is gone":
                self.ends("FailureTarget", pod())
            case "paused" | "goes on":
                self.spec = {**self.spec, "suspend": what == "paused"}
            case "Job deleted":
                self.job = self.pod = self.progress = None
            case "a moment" | "minutes":
                self.seconds += 7 if what == "a moment" else 700
            case "another token":
                self.tokens += 1
                self.spec = {**self.spec, "tokenSecretRef": {"name": f"t{self.tokens}", "key": "token"}}


@settings(deadline=None)
@given(st.lists(st.sampled_from(HAPPENINGS), max_size=30))
def test_a_download_ends_well_whatever_happened_on_the_way(happenings: list[str]) -> None:
    world = World()
    percent = attempts = 0
    for what in happenings:
        world.happens(what)
        world.settle()
        assert percent <= int(world.status.get("percent") or 0) <= 100
        assert attempts <= int(world.status.get("attempts") or 0) <= world.made
        assert (world.status["phase"] == "Ready") == (world.status.get("percent") == 100)
        percent, attempts = int(world.status.get("percent") or 0), int(world.status.get("attempts") or 0)
    for what in ("goes on", "minutes", "runs", "gets on", "comes"):
        world.happens(what)
        world.settle()
    assert world.status["phase"] == "Ready"
