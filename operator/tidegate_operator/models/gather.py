"""Gathers what one reconcile of an LLMModel has to know: all of it from the cache, so that nothing is read.

Owns where each fact comes from. Must not decide or write.
"""

from datetime import UTC, datetime

from tidegate_api.names import COMPONENT_LABEL, LOADER_COMPONENT
from tidegate_api.settings import Settings
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Object
from tidegate_operator.facts import Key
from tidegate_operator.kinds import CLAIM, JOB, LLM_MODEL, LLM_SERVICE, POD
from tidegate_operator.models.facts import ModelFacts


def gather(key: Key, cache: Cache, settings: Settings) -> ModelFacts:
    """Return all that concerns an LLMModel; one that is about to go is still there."""
    return ModelFacts(
        key=key,
        model=cache.get(LLM_MODEL, key.namespace, key.name),
        departed=cache.departed.get(key),
        models=tuple(cache.all(LLM_MODEL, key.namespace)),
        services=tuple(cache.all(LLM_SERVICE, key.namespace)),
        jobs=tuple(one for one in cache.all(JOB, key.namespace) if _is_a_loaders(one)),
        pods=tuple(one for one in cache.all(POD, key.namespace) if _is_a_loaders(one)),
        claim=cache.get(CLAIM, key.namespace, settings.models.claim_name),
        progress=cache.progress.get(key),
        now=datetime.now(UTC),
    )


def _is_a_loaders(item: Object) -> bool:
    return (item["metadata"].get("labels") or {}).get(COMPONENT_LABEL) == LOADER_COMPONENT
