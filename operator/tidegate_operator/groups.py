"""Which groups of Pods there are: one for each leader, whose followers are made once it has an address.

Owns the reading of leaders and followers. Must not build anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tidegate_api.names import (
    GROUP_SIZE_ANNOTATION,
    LEADER_LABEL,
    LEADER_ROLE,
    MEMBER_LABEL,
    POOL_LABEL,
    REVISION_LABEL,
    ROLE_LABEL,
    SERVICE_LABEL,
    pool_name,
)
from tidegate_operator.build.group import followers_name
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.desired import Group, Plan, Service, Version
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.kinds import DEPLOYMENT

# What its controller writes on the Pods of a LeaderWorkerSet: its name, and which group of it they are.
_SET_LABEL: Final = "leaderworkerset.sigs.k8s.io/name"
_GROUP_LABEL: Final = "leaderworkerset.sigs.k8s.io/group-index"


def groups(plan: Plan, observed: Observed) -> Iterator[Group]:
    """Yield the groups that have to have followers, and those whose followers have to go: their leader has ended.

    A leader of a version that is not known any more keeps the followers that it has.
    """
    there = {one["metadata"]["name"] for one in observed.children if one["kind"] == "StatefulSet"}
    for leader in observed.pods:
        labels, name = _labels(leader), of_pod.name(leader)
        version = _version(plan, labels.get(POOL_LABEL, ""), labels.get(REVISION_LABEL, ""))
        address = (leader.get("status") or {}).get("podIP")
        has_ended = of_pod.phase(leader) in ("Failed", "Succeeded")
        if labels.get(ROLE_LABEL) != LEADER_ROLE or _SET_LABEL in labels or version is None or not address:
            continue
        if GROUP_SIZE_ANNOTATION not in version.template["metadata"].get("annotations", {}):
            continue
        if not has_ended or followers_name(name) in there:
            uid = leader["metadata"]["uid"]
            yield Group(name, uid, address, labels[POOL_LABEL], version.template, has_ended)


def is_in_sets(service: Service, observed: Observed) -> bool:
    """Return whether workers of several Pods are LeaderWorkerSets: where the cluster knows these.

    A service that has begun with Deployments stays with them, or installing that project would restart its workers.
    """
    if service.spread.nodes == 1 or not observed.knows_sets:
        return False
    names = {pool_name(service.key.name, pool.name) for pool in service.pools}
    deployments = (one["metadata"]["name"] for one in observed.children if one["kind"] == DEPLOYMENT.kind)
    return names.isdisjoint(deployments)


def service_of_follower(pod: Manifest) -> str | None:
    """Return the name of the LLMService of a follower, None of any other Pod."""
    labels = _labels(pod)
    return None if SERVICE_LABEL in labels else labels.get(MEMBER_LABEL)


def size_of(leader: Manifest) -> int:
    """Return how many Pods a worker is, from its leader or only Pod."""
    annotations = leader["metadata"].get("annotations") or {}
    return int(annotations.get(GROUP_SIZE_ANNOTATION, 1))


def followers_of(leader: Manifest, followers: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Return a leader's followers by rank."""
    name, place = of_pod.name(leader), _place(leader)
    own = (
        pod
        for pod in followers
        if _labels(pod).get(LEADER_LABEL) == name or (place is not None and _place(pod) == place)
    )
    return tuple(sorted(own, key=of_pod.name))


def _place(pod: Manifest) -> tuple[str, str] | None:
    """Return which group of which LeaderWorkerSet a Pod is of, None where it is of none."""
    labels = _labels(pod)
    return (labels[_SET_LABEL], labels.get(_GROUP_LABEL, "")) if _SET_LABEL in labels else None


def _version(plan: Plan, pool: str, revision: str) -> Version | None:
    tried = plan.canaries.get(pool)
    running = [plan.versions.get(pool), tried.version if tried is not None else None]
    kept = (one.of(pool) for one in plan.revisions)
    return next((one for one in (*running, *kept) if one is not None and one.revision == revision), None)


def _labels(pod: Manifest) -> Mapping[str, str]:
    found: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return found
