"""Pools to decide about: facts with defaults, and a loop that carries out what is decided."""

from dataclasses import dataclass, field, replace
from typing import Any

from tidegate_operator.scaling import law
from tidegate_operator.scaling.facts import ColdStart, Decision, Demand, Policy, Sample, Supply, Worker
from tidegate_operator.scaling.tuning import DEFAULT, Tuning

NOON = 1_795_262_400.0
COLD_START = ColdStart(100.0, 120.0, 150.0)
IDLE = Demand(0, 0, 0, 0, 0, 0, 0, 0)
# What one replica is seen to do at 40 requests at once: 45 ms between tokens, 1,150 tokens in and 210 out.
PACE = 0.045


def policy(**fields: Any) -> Policy:
    """A pool of 1 to 10 replicas, of the medium class, whose user has said nothing else."""
    return Policy(**{"mode": "Auto", "min_replicas": 1, "max_replicas": 10, "qos_class": "medium"} | fields)


def demand(at_once: int = 0, queued: int = 0, **fields: Any) -> Demand:
    """Gateways that hold so many requests; in ten seconds as many come and end as engines at their usual pace do."""
    served = round(at_once * 10 / (210 * PACE))
    return replace(
        Demand(
            queued=queued,
            running=at_once,
            queued_prompt_tokens=queued * 1150,
            queued_output_tokens=queued * 210,
            arrived_requests=served,
            arrived_prompt_tokens=served * 1150,
            finished_requests=served,
            finished_output_tokens=served * 210,
            first_tokens=served,
        ),
        **fields,
    )


def worker(name: str = "w0", running: int = 0, **fields: Any) -> Worker:
    """An engine that runs so many requests, and is as full and as busy as that makes it."""
    served = round(running * 10 / PACE / 210)
    return replace(
        Worker(
            name=name,
            waiting=0,
            running=running,
            kv_used=min(running * 0.012, 1.0),
            kv_capacity_tokens=120_000,
            prompt_tokens=served * 1150,
            output_tokens=served * 210,
            inter_token_seconds=PACE if running else None,
        ),
        **fields,
    )


def sample(at: float, ready: int, at_once: int = 0, queued: int = 0) -> Sample:
    """What is measured of so many replicas that run so many requests together."""
    each = at_once // ready if ready else 0
    found = tuple(worker(f"w{index}", each) for index in range(ready))
    return Sample(at, 10.0, demand(at_once, queued), found)


@dataclass
class Loop:
    """A pool whose replicas are what was decided, `start` seconds later; nothing is left to chance."""

    policy: Policy = field(default_factory=policy)
    replicas: int = 1
    start: float = 100.0
    tuning: Tuning = DEFAULT
    now: float = NOON
    memory: law.Memory = law.EMPTY
    decisions: list[Decision] = field(default_factory=list)
    # When the replicas that start will be ready.
    starting: list[float] = field(default_factory=list)

    @property
    def ready(self) -> int:
        return self.replicas - len(self.starting)

    @property
    def counts(self) -> list[int]:
        """How many replicas were wanted, one decision after the other, without repetitions."""
        found: list[int] = []
        for one in self.decisions:
            if not found or found[-1] != one.wanted:
                found.append(one.wanted)
        return found

    def tick(
        self, at_once: int = 0, queued: int = 0, *, seen: Sample | None = None, **fields: Any
    ) -> Decision:
        """Decide ten seconds later, and carry it out; `seen` in place of what that load would look like."""
        self.now += 10
        self.starting = [at for at in self.starting if at > self.now]
        decision = self.decide(seen or sample(self.now, self.ready, at_once, queued), **fields)
        grown = decision.wanted - self.replicas
        self.starting = (
            [*self.starting, *[self.now + self.start] * grown]
            if grown > 0
            else self.starting[: grown or None]
        )
        self.replicas = decision.wanted
        return decision

    def decide(self, seen: Sample, *, mark: float | None = None, supply: Supply | None = None) -> Decision:
        there = supply or Supply(self.replicas, self.ready, len(self.starting))
        decision, self.memory = law.decide(
            self.memory, seen, there, self.policy, COLD_START, self.now, demand_mark=mark, tuning=self.tuning
        )
        self.decisions.append(decision)
        return decision

    def run(self, seconds: float, at_once: int = 0, queued: int = 0) -> Decision:
        """Decide for so long under the same load."""
        for _ in range(int(seconds // 10)):
            decision = self.tick(at_once, queued)
        return decision


def warm(replicas: int = 3, at_once: int = 90, **fields: Any) -> Loop:
    """A pool that has been watched for half an hour, and knows what its replicas can do."""
    loop = Loop(policy(**fields), replicas)
    loop.run(1800, at_once)
    loop.decisions.clear()
    return loop


def reasons(decision: Decision) -> list[str]:
    return [one.reason for one in decision.clamps]


def term(decision: Decision, name: str) -> float:
    """What a term asks for."""
    return next(one.replicas for one in decision.terms if one.name == name)
