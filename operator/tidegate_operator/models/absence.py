"""What follows from an LLMModel that is not there: it is made where somebody wants it, else its files are removed.

Owns when either is right. Must not do I/O or read the clock.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_api.settings import Settings
from tidegate_operator.facts import Manifest
from tidegate_operator.models.build.llmmodel import llmmodel
from tidegate_operator.models.build.remove import remove
from tidegate_operator.models.facts import ModelFacts, path_of, users
from tidegate_operator.models.naming import cache_volume, identity
from tidegate_operator.models.outcome import evictions
from tidegate_operator.models.request import placement


def missing(facts: ModelFacts) -> Mapping[str, Any] | None:
    """Return the LLMModel to make under this name, None where nobody wants one."""
    wanted = facts.wanted
    return llmmodel(facts.key, wanted) if wanted is not None else None


def removal(facts: ModelFacts, settings: Settings) -> Mapping[str, Any] | None:
    """Return the Job that removes the files of an LLMModel that was deleted, None where they are to stay."""
    gone = facts.departed
    path = path_of(gone) if gone is not None else None
    volume = cache_volume(settings.models, facts.key.namespace)
    if gone is None or path is None or volume is None or (volume.claim is not None and facts.claim is None):
        return None
    # Evicted already; or wanted again, by an LLMService or by another LLMModel that may mean the same commit.
    if path in evictions(facts) or _is_wanted_again(facts, gone):
        return None
    neighbours = tuple(one for model in facts.models for one in users(model, facts.models, facts.services))
    where = placement(neighbours, settings)
    return remove(facts.key, gone["metadata"]["uid"], path, volume=volume, placement=where, settings=settings)


def _is_wanted_again(facts: ModelFacts, gone: Manifest) -> bool:
    means = identity(gone)
    if means is None or users(gone, (*facts.models, gone), facts.services):
        return True
    uris = [other["spec"]["uri"] for other in facts.models if path_of(other) in (None, path_of(gone))]
    return means.uri in uris
