"""What the gateways say they count and hold: of each one its last word, and the sums over all of them.

Owns the shapes and the sums. A gateway that was not heard is not one that holds nothing: then there is no sum.
Must not do I/O, or know what follows from a number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from tidegate_api.names import QOS_CLASSES, QosClass
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.facts import ClassTraffic, Counters, Key, Manifest, PoolTraffic, Traffic
from tidegate_operator.rollout.facts import Compared


@dataclass(frozen=True, slots=True)
class ClassReading:
    """One class in one pool of one gateway; `share` is percent of the tokens admitted lately, None when none were."""

    queued: int
    running: int
    share: float | None


@dataclass(frozen=True, slots=True)
class PoolCounters:
    """What one gateway process has counted of one pool since it started; what was refused for want of room arrived."""

    arrived_requests: int = 0
    arrived_prompt_tokens: int = 0
    finished_requests: int = 0
    finished_output_tokens: int = 0
    first_tokens: int = 0
    late_first_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PoolReading:
    """One pool in one gateway; credits are tokens, as is what the waiting requests are expected to take.

    `counters` is None of a gateway that does not count: it is of an older version.
    """

    credits_used: int
    credits_limit: int
    classes: Mapping[QosClass, ClassReading]
    queued_prompt_tokens: int = 0
    queued_output_tokens: int = 0
    counters: PoolCounters | None = None


@dataclass(frozen=True, slots=True)
class VersionsReading:
    """What one gateway process counted of a version that is tried, by its name, and of the one in use meanwhile."""

    revision: str
    compared: Compared


@dataclass(frozen=True, slots=True)
class Reading:
    """What one gateway process said: by tenant what it has counted since it started, by service and pool what it holds.

    `instance` begins with the uid of the process's Pod. `in_flight` are its requests with each worker, by the uid of
    the worker's Pod; None if it does not say.
    """

    instance: str
    tenants: Mapping[Key, Counters] = field(default_factory=dict)
    pools: Mapping[Key, Mapping[str, PoolReading]] = field(default_factory=dict)
    in_flight: Mapping[str, int] | None = None
    # By service, of those of which another version is tried.
    versions: Mapping[Key, VersionsReading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Census:
    """The Pods of the gateway, by uid, and what each has said last."""

    pods: frozenset[str]
    readings: Mapping[str, Reading]
    # Whether every gateway that takes requests was heard, now or before.
    is_complete: bool
    # Names of those that take requests, and of those that are ending, that were not heard in this round.
    unheard: tuple[str, ...] = ()
    unheard_ending: tuple[str, ...] = ()

    def counters(self, tenant: Key) -> dict[str, Counters]:
        """Return what each process has counted for a tenant."""
        told = ((one.instance, one.tenants.get(tenant)) for one in self.readings.values())
        return {instance: counters for instance, counters in told if counters is not None}

    def has_ended(self, instance: str) -> bool:
        """Return whether a process can never be heard again: its Pod is gone, or has started another one."""
        pod = next((uid for uid in self.pods if instance.startswith(f"{uid}-")), None)
        return pod is None or (pod in self.readings and self.readings[pod].instance != instance)

    def traffic(self, service: Key) -> Traffic | None:
        """Return what all gateways together hold of a service, by pool; None while one of them was not heard."""
        if not self.is_complete:
            return None
        told = [one.pools[service] for one in self.readings.values() if service in one.pools]
        names = sorted({name for pools in told for name in pools})
        return {name: _sum([pools[name] for pools in told if name in pools]) for name in names}

    def tallies(self, service: Key) -> dict[str, Compared]:
        """Return what the versions that are tried of a service did, by name, and the one in use meanwhile.

        Gateways that were not heard are left out: what the others have seen is evidence without them.
        """
        found: dict[str, Compared] = {}
        for one in self.readings.values():
            told = one.versions.get(service)
            if told is not None:
                found[told.revision] = found.get(told.revision, Compared()).plus(told.compared)
        return found

    def in_flight(self, worker: str) -> int | None:
        """Return the requests of all gateways with the worker of this uid; None while one may have some unheard."""
        told = [one.in_flight for one in self.readings.values()]
        if self.unheard or self.unheard_ending or not told:
            return None
        known = [one.get(worker, 0) for one in told if one is not None]
        return sum(known) if len(known) == len(told) else None


def next_census(before: Census | None, pods: Sequence[Manifest], heard: Mapping[str, Reading]) -> Census:
    """Return the census after a round; `heard` are this round's readings by the uid of the Pod.

    A Pod that takes requests and was not heard keeps its last word; what one that takes none held is gone with it.
    """
    known = before.readings if before is not None else {}
    ready = {uid_of(pod) for pod in pods if of_pod.is_ready(pod)}
    kept = {uid: known[uid] for uid in ready if uid in known}
    # An address may already belong to another Pod.
    own = {uid: one for uid, one in heard.items() if one.instance.startswith(f"{uid}-")}
    readings = {**kept, **own}
    silent = [pod for pod in pods if uid_of(pod) not in own]
    return Census(
        pods=frozenset(uid_of(pod) for pod in pods),
        readings=readings,
        is_complete=ready <= readings.keys(),
        unheard=tuple(of_pod.name(pod) for pod in silent if of_pod.is_ready(pod)),
        unheard_ending=tuple(of_pod.name(pod) for pod in silent if "deletionTimestamp" in pod["metadata"]),
    )


def changed_services(before: Census, after: Census) -> set[Key]:
    """Return the services of which something else is held than before."""
    known = {key for census in (before, after) for one in census.readings.values() for key in one.pools}
    return {key for key in known if before.traffic(key) != after.traffic(key)}


def changed_tenants(before: Census, after: Census) -> set[Key]:
    """Return the tenants for whom something else is counted than before, or by others."""
    known = {key for census in (before, after) for one in census.readings.values() for key in one.tenants}
    return {key for key in known if before.counters(key) != after.counters(key)}


def uid_of(pod: Manifest) -> str:
    """Return the uid of a Pod."""
    uid: str = pod["metadata"]["uid"]
    return uid


def _sum(readings: Sequence[PoolReading]) -> PoolTraffic:
    named = ((name, [one.classes[name] for one in readings if name in one.classes]) for name in QOS_CLASSES)
    return PoolTraffic(
        credits_used=sum(one.credits_used for one in readings),
        credits_limit=sum(one.credits_limit for one in readings),
        classes={name: _sum_of_class(found) for name, found in named if found},
    )


def _sum_of_class(readings: Sequence[ClassReading]) -> ClassTraffic:
    return ClassTraffic(
        queued=sum(one.queued for one in readings),
        running=sum(one.running for one in readings),
        share_percent=_mean(one.share for one in readings),
    )


def _mean(shares: Iterable[float | None]) -> int | None:
    """Return the mean of the gateways that admitted anything: each takes about as many requests as any other."""
    given = [share for share in shares if share is not None]
    return min(round(fmean(given)), 100) if given else None
