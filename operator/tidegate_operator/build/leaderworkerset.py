"""The LeaderWorkerSet of a pool whose workers are several Pods each, where the cluster knows that kind.

Owns how a leader's template becomes both of a set's templates. Must not decide whether there is one.
"""

from typing import Any, Final

from tidegate_api.names import GROUP_SIZE_ANNOTATION
from tidegate_operator.build import metadata
from tidegate_operator.build.deployment import workload_annotations
from tidegate_operator.build.group import follower
from tidegate_operator.desired import Pool, Service, Strategy, Version

# What its controller tells each container, and its own name for a follower's rank.
_ADDRESS: Final = "$(LWS_LEADER_ADDRESS)"
_RANK: Final = "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']"


def leaderworkerset(service: Service, pool: Pool, version: Version, strategy: Strategy) -> dict[str, Any]:
    """Return the LeaderWorkerSet."""
    replicas = {} if pool.is_left_to_others else {"replicas": pool.replicas}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {
            **metadata.of_pool(service, pool),
            "annotations": workload_annotations(pool, version),
        },
        "spec": {
            **replicas,
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": {
                    "maxSurge": strategy.max_surge,
                    "maxUnavailable": strategy.max_unavailable,
                },
            },
            "startupPolicy": "LeaderCreated",
            "leaderWorkerTemplate": {
                "size": int(version.template["metadata"]["annotations"][GROUP_SIZE_ANNOTATION]),
                # Members start again together by themselves, in their Pods.
                "restartPolicy": "None",
                "leaderTemplate": version.template,
                "workerTemplate": follower(version.template, None, _ADDRESS, _RANK),
            },
        },
    }
