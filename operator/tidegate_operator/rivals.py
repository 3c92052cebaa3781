"""Who else scales a pool: HorizontalPodAutoscalers of its Deployment, those that KEDA makes among them.

Owns how they are recognised and named. Must not judge whether they may.
"""

from collections.abc import Iterable

from tidegate_api.names import pool_name
from tidegate_operator.facts import Manifest
from tidegate_operator.kinds import DEPLOYMENT, LEADER_WORKER_SET

# On every HorizontalPodAutoscaler that KEDA makes: the ScaledObject that it is made for.
SCALED_OBJECT_LABEL = "scaledobject.keda.sh/name"

_SCALED = {(kind.group, kind.kind) for kind in (DEPLOYMENT, LEADER_WORKER_SET)}


def rivals(service: str, pools: Iterable[str], autoscalers: Iterable[Manifest]) -> dict[str, str]:
    """Return who scales each pool of a service, in words; pools that nobody else scales are left out."""
    named = {pool_name(service, pool): pool for pool in pools}
    targets = sorted(((deployment_of(one), _words(one)) for one in autoscalers), key=lambda one: one[1])
    found: dict[str, list[str]] = {}
    for target, words in targets:
        if target in named:
            found.setdefault(named[target], []).append(words)
    return {pool: " and ".join(every) for pool, every in found.items()}


def deployment_of(autoscaler: Manifest) -> str:
    """Return the name of the Deployment that it scales, empty if it scales something else."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    group = str(target.get("apiVersion", "apps/")).partition("/")[0]
    is_deployment = (group, target.get("kind")) in _SCALED
    return str(target.get("name", "")) if is_deployment else ""


def _words(autoscaler: Manifest) -> str:
    metadata = autoscaler["metadata"]
    made_for = (metadata.get("labels") or {}).get(SCALED_OBJECT_LABEL)
    own = f"HorizontalPodAutoscaler {metadata['name']!r}"
    return f"KEDA's ScaledObject {made_for!r} (by its {own})" if made_for else own
