"""What of an LLMService's own words reaches its workers, pool by pool, as one hash each.

Owns the line between a change that its user made and one of the operator, its settings or its code: only the first
makes new workers. What is not listed here counts as reaching them, so that a new field is never overlooked. Must not
know how a template is rendered.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tidegate_api.names import RENEW_ANNOTATION
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator.desired import Pool, Service
from tidegate_operator.facts import Manifest

# What the operator, the gateway or a loader does, and no worker is told; `qos` and `rollout` are told in part.
_NOT_TOLD: Final[dict[str, Any]] = {
    "replicas": True,
    "scaling": True,
    "cold_start": True,
    "qos": True,
    "routing": True,
    "rollout": True,
    "suspend": True,
    # Adapters are loaded into workers that run; where one needs a volume, that is listed below.
    "model": {"token_secret_ref": True, "lora": {"adapters": True}},
}


def inputs(of: Manifest, service: Service) -> dict[str, str]:
    """Return the hash of what the user has said of the workers of each pool.

    Defaults are left out: a field that a later release adds, and the API server then fills in, is no change.
    """
    spec = LLMServiceSpec.model_validate(of.get("spec", {}))
    said = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_NOT_TOLD)
    annotations = of["metadata"].get("annotations") or {}
    common = {
        "spec": said,
        "drainSeconds": spec.rollout.drain_seconds,
        "files": [service.model.source, service.model.path],
        "adapterVolumes": [one.name for one in service.side_volumes],
        "renewed": annotations.get(RENEW_ANNOTATION),
    }
    return {pool.name: digest({**common, "pool": _of_pool(spec, pool)}) for pool in service.pools}


def digest(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _of_pool(spec: LLMServiceSpec, pool: Pool) -> str | None:
    """Return what the user has said of one pool only."""
    return next((one.priority_class_name for one in spec.qos.dedicated if one.name == pool.name), None)
