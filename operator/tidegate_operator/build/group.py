"""A worker of several Pods: what makes a pool's Pod the leader of a group, and what its followers are.

Owns how a leader's template becomes a follower's, and the StatefulSet of the followers of one leader. It belongs to the
leader's Pod and goes when that is gone: so pools, their sizes and their rollouts know leaders only. Must not decide
which groups there are.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from tidegate_api.names import (
    COMPONENT_LABEL,
    FOLLOWER_ROLE,
    GROUP_SIZE_ANNOTATION,
    LEADER_LABEL,
    LEADER_ROLE,
    LINK_PORT,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MEMBER_LABEL,
    POOL_LABEL,
    ROLE_LABEL,
    SERVICE_LABEL,
    WORKER_COMPONENT,
    WORKER_CONTAINER,
)
from tidegate_operator.desired import Group, Service

# Where the kubelet finds a Pod's place in its StatefulSet.
_ORDINAL: Final = "metadata.labels['apps.kubernetes.io/pod-index']"
_RANK_VARIABLE: Final = "TIDEGATE_RANK"
# vLLM's own name for it.
_ADDRESS_VARIABLE: Final = "VLLM_HOST_IP"
_LINK: Final = "link"
# What only whoever answers requests has.
_OF_LEADERS: Final = frozenset({"startupProbe", "livenessProbe", "readinessProbe", "lifecycle", "ports"})
# StatefulSets label their Pods with their name, a dash and a hash of ten; and their Pods' names end in a number.
_LONGEST_NAME: Final = 50
_DIGITS: Final = 8


def led(template: Mapping[str, Any], service: Service) -> dict[str, Any]:
    """Return the Pod template of a worker, as that of a group's leader where the worker is several Pods."""
    if service.spread.nodes == 1:
        return dict(template)
    labels = {ROLE_LABEL: LEADER_ROLE, MEMBER_LABEL: service.key.name}
    words = [f"--group-size={service.spread.nodes}", *(["--executor=ray"] if service.spread.is_ray else [])]
    return _changed(
        template,
        labels={**template["metadata"]["labels"], **labels},
        annotations={
            **template["metadata"].get("annotations", {}),
            GROUP_SIZE_ANNOTATION: str(service.spread.nodes),
        },
        main=lambda main: {
            **main,
            "args": [*words, *main["args"]],
            "env": [*main["env"], {"name": _ADDRESS_VARIABLE, "valueFrom": _field("status.podIP")}],
        },
    )


def follower(
    template: Mapping[str, Any], leader: str | None, address: str, rank: str = _ORDINAL
) -> dict[str, Any]:
    """Return the Pod template of the followers of a leader, from the leader's own.

    `address` is the leader's; `rank` is the path of the field that has a follower's. No `leader`: somebody else says
    whose they are.
    """
    own = {key: value for key, value in template["metadata"]["labels"].items() if key != SERVICE_LABEL}
    return _changed(
        template,
        labels={**own, ROLE_LABEL: FOLLOWER_ROLE, **({LEADER_LABEL: leader} if leader else {})},
        annotations={},
        main=lambda main: {
            **{field: value for field, value in main.items() if field not in _OF_LEADERS},
            "args": [f"--rank=$({_RANK_VARIABLE})", f"--leader={address}", *main["args"]],
            "env": [{"name": _RANK_VARIABLE, "valueFrom": _field(rank)}, *main["env"]],
            "ports": [{"name": _LINK, "containerPort": LINK_PORT, "protocol": "TCP"}],
            # Ready exactly while it is linked to its leader.
            "readinessProbe": {"tcpSocket": {"port": _LINK}, "periodSeconds": 5, "failureThreshold": 1},
        },
    )


def followers(service: Service, group: Group) -> dict[str, Any]:
    """Return the StatefulSet of the followers of one leader; of one that has ended it is empty."""
    size = int(group.template["metadata"]["annotations"][GROUP_SIZE_ANNOTATION])
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": followers_name(group.leader),
            "namespace": service.key.namespace,
            "labels": {
                MANAGED_BY_LABEL: MANAGED_BY,
                COMPONENT_LABEL: WORKER_COMPONENT,
                SERVICE_LABEL: service.key.name,
                POOL_LABEL: group.pool,
            },
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": group.leader,
                    "uid": group.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "replicas": 0 if group.has_ended else size - 1,
            "ordinals": {"start": 1},
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 1,
            "serviceName": service.key.name,
            "selector": {"matchLabels": {MEMBER_LABEL: service.key.name, LEADER_LABEL: group.leader}},
            "template": follower(group.template, group.leader, group.address),
        },
    }


def followers_name(leader: str) -> str:
    """Return the name of the StatefulSet of a leader's followers: the leader's, cut where that is too long."""
    if len(leader) <= _LONGEST_NAME:
        return leader
    digest = hashlib.sha256(leader.encode("utf-8")).hexdigest()[:_DIGITS]
    return f"{leader[: _LONGEST_NAME - _DIGITS - 1].rstrip('-')}-{digest}"


def _changed(
    template: Mapping[str, Any],
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    main: Any,
) -> dict[str, Any]:
    spec = template["spec"]
    containers = [main(one) if one["name"] == WORKER_CONTAINER else one for one in spec["containers"]]
    marks = {"labels": dict(labels), **({"annotations": dict(annotations)} if annotations else {})}
    return {**template, "metadata": marks, "spec": {**spec, "containers": containers}}


def _field(path: str) -> dict[str, Any]:
    return {"fieldRef": {"fieldPath": path}}
