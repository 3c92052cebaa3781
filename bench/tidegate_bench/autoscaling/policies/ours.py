"""Our law as the operator runs it, on what the simulated gateway and engines tell.

Owns the way from an observation to the law's own shapes. The decision is `tidegate_operator.scaling`'s, unchanged:
what is measured here is what ships.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate_api.names import QosClass
from tidegate_bench.autoscaling.model import MODEL, Model
from tidegate_bench.autoscaling.policies.policy import ANY, GatewayView, Limits, Observation, PodView, latest
from tidegate_bench.autoscaling.pool import Pool, Scrape, State
from tidegate_operator.scaling import coldstart, facts, law
from tidegate_operator.scaling.facts import Decision, Demand, Sample, Supply, Worker
from tidegate_operator.scaling.retire import Retiree, retire
from tidegate_operator.scaling.tuning import DEFAULT, Tuning

# What the operator asks for where the user does not say.
KV_UTILIZATION: Final = 0.75
# Three scrapes: what is older is no measurement.
FRESH_SECONDS: Final = 45.0


@dataclass(slots=True)
class Ours:
    """One pool's decisions, every ten seconds. The defaults are Tidegate's."""

    qos_class: QosClass = "medium"
    limits: Limits = ANY
    tuning: Tuning = DEFAULT
    model: Model = MODEL
    idle_seconds: float = 1800.0
    ttft_slo_seconds: float = 2.0
    interval_seconds: float = 10.0
    # Whether the newest decision is kept, for who wants to read it.
    decisions: list[Decision] = field(default_factory=list)
    _memory: law.Memory = law.EMPTY
    _gateway: tuple[float, GatewayView] | None = None
    _direct: dict[str, Scrape] = field(default_factory=dict)
    _starts: dict[str, float] = field(default_factory=dict)

    def restart(self, now: float) -> None:
        """Forget everything but what the status keeps."""
        self._memory = law.recall(law.remember(self._memory))
        self._gateway, self._direct = None, {}

    def decide(self, observation: Observation) -> int:
        """Return the law's decision."""
        now = observation.now
        for pod in observation.pods:
            if pod.ready_at is not None and pod.ready_at > pod.created:
                self._starts.setdefault(pod.name, pod.ready_at - pod.created)
        decision, self._memory = law.decide(
            self._memory,
            self._sample(observation),
            supply(observation),
            facts.Policy(
                "Auto",
                self.limits.min_replicas,
                self.limits.max_replicas,
                self.qos_class,
                kv_utilization_target=KV_UTILIZATION,
                ttft_slo_seconds=self.ttft_slo_seconds,
                idle_seconds=self.idle_seconds,
            ),
            coldstart.percentiles(tuple(self._starts.values())),
            now,
            demand_mark=now if observation.gateway and observation.gateway.queued else None,
            tuning=self.tuning,
        )
        self.decisions.append(decision)
        return decision.wanted

    def is_blind(self) -> bool:
        """Tell whether gateways or engines could not be read for the last decision."""
        return bool(self.decisions) and not self.decisions[-1].missing.keys().isdisjoint(
            {"demand", "workers"}
        )

    def _sample(self, observation: Observation) -> Sample:
        now, seen = observation.now, observation.gateway
        before, self._gateway = self._gateway, (now, seen) if seen is not None else self._gateway
        interval = now - before[0] if before else 0.0
        demand = None if seen is None else _demand(seen, before[1] if before else seen)
        found = [self._worker(pod, observation, interval) for pod in observation.live if pod.ready]
        workers = tuple(worker for worker in found if worker is not None)
        self._direct = observation.direct or {}
        sources: Mapping[str, str] = {
            "demand": "the gateway was not heard" if seen is None else "gateway",
            "workers": "prometheus" if observation.prometheus_up else "direct",
        }
        return Sample(now, interval, demand, workers or None, sources)

    def _worker(self, pod: PodView, observation: Observation, interval: float) -> Worker | None:
        """Return what an engine tells: by Prometheus if that is fresh, else asked directly, else nothing."""
        newest = latest(pod)
        if newest is not None and observation.now - newest.at <= FRESH_SECONDS:
            return _told(
                pod.name, newest, pod.scrapes[-2] if len(pod.scrapes) > 1 else None, interval, self.model
            )
        asked = (observation.direct or {}).get(pod.name)
        if asked is None:
            return None
        return _told(pod.name, asked, self._direct.get(pod.name), interval, self.model)

    def leave(self, pool: Pool, wanted: int, now: float) -> None:
        """Do the next step towards so many replicas: mark who is to leave, or take that back; remove who is done."""
        there = {replica.name: replica for replica in pool.replicas}
        plan = retire(
            [
                Retiree(
                    replica.name,
                    replica.state is not State.PENDING,
                    replica.engine.in_flight,
                    replica.state is State.DRAINING,
                    replica.drains_since,
                )
                for replica in there.values()
            ],
            wanted,
            pool.drain_seconds,
            now,
        )
        for name in plan.unmark:
            pool.restore(there[name])
        for name in plan.mark:
            pool.drain(there[name], now)
        # The ReplicaSet removes those whose deletion costs least.
        for name in sorted(plan.costs, key=lambda n: plan.costs[n])[: max(0, len(there) - plan.replicas)]:
            pool.remove(there[name], now)


def supply(observation: Observation) -> Supply:
    """Return the replicas that there are. The Deployment asks for those that drain, until they are done."""
    live = observation.live
    stuck = sum(pod.stuck for pod in live)
    return Supply(
        desired=len(observation.pods),
        ready=observation.ready,
        pending=len(live) - observation.ready - stuck,
        stuck=stuck,
        draining=len(observation.pods) - len(live),
        stuck_because="no node has room" if stuck else "",
    )


def _demand(seen: GatewayView, before: GatewayView) -> Demand:
    mean = seen.finished_output_tokens / seen.finished_requests if seen.finished_requests else 0.0
    return Demand(
        queued=seen.queued,
        running=seen.running,
        queued_prompt_tokens=seen.queued_prompt_tokens,
        queued_output_tokens=round(mean * seen.queued),
        arrived_requests=seen.arrived_requests - before.arrived_requests,
        arrived_prompt_tokens=seen.arrived_prompt_tokens - before.arrived_prompt_tokens,
        finished_requests=seen.finished_requests - before.finished_requests,
        finished_output_tokens=seen.finished_output_tokens - before.finished_output_tokens,
        first_tokens=seen.first_tokens - before.first_tokens,
        late_first_tokens=seen.late_first_tokens - before.late_first_tokens,
    )


def _told(name: str, newest: Scrape, before: Scrape | None, interval: float, model: Model) -> Worker:
    """Return a worker's numbers, the rates between two scrapes brought to the interval of the sample."""
    worker = Worker(name, newest.waiting, newest.running, newest.kv_used, model.kv_tokens)
    if before is None or newest.at <= before.at:
        return worker
    scale = interval / (newest.at - before.at)
    gaps = newest.gaps - before.gaps
    return Worker(
        name,
        newest.waiting,
        newest.running,
        newest.kv_used,
        model.kv_tokens,
        prompt_tokens=round((newest.prompt_tokens - before.prompt_tokens) * scale),
        output_tokens=round((newest.output_tokens - before.output_tokens) * scale),
        inter_token_seconds=(newest.gap_seconds - before.gap_seconds) / gaps if gaps > 0 else None,
    )
