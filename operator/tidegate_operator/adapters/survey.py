"""Whom to ask about adapters: the workers of every LLMService that serves some, and what each is to have.

Owns how the cache is read for that. Must not do I/O or remember anything.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidegate_api.names import SERVICE_LABEL
from tidegate_api.settings import Settings
from tidegate_operator.adapters.decide import Wanted
from tidegate_operator.adapters.declared import Around, Declared, declared, lora_of
from tidegate_operator.adapters.pods import answers, serves_adapters, wanted_of
from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Object
from tidegate_operator.facts import Key
from tidegate_operator.kinds import CLAIM, LLM_MODEL, LLM_SERVICE, POD


@dataclass(frozen=True, slots=True)
class Asked:
    """A worker, and what it is to have."""

    service: Key
    pod: str
    uid: str
    address: str
    wanted: Wanted


def survey(cache: Cache, settings: Settings) -> list[Asked]:
    """Return the workers to look after now."""
    services = [one for one in cache.all(LLM_SERVICE) if lora_of(one) is not None]
    if not services:
        return []
    by_service = _pods_by_service(cache)
    found: list[Asked] = []
    for service in services:
        key = Key(service["metadata"]["namespace"], service["metadata"]["name"])
        adapters = declared(service, _around(key, cache), settings)
        found.extend(_asked(key, pod, adapters) for pod in by_service[key])
    return found


def _around(key: Key, cache: Cache) -> Around:
    services = cache.all(LLM_SERVICE, key.namespace)
    return Around(
        siblings=[one for one in services if one["metadata"]["name"] != key.name],
        models=list(cache.all(LLM_MODEL, key.namespace)),
        claims={one["metadata"]["name"]: one for one in cache.all(CLAIM, key.namespace)},
    )


def _asked(key: Key, pod: Object, adapters: Sequence[Declared]) -> Asked:
    metadata, address = pod["metadata"], (pod.get("status") or {}).get("podIP") or ""
    return Asked(key, metadata["name"], metadata["uid"], address, wanted_of(pod, adapters))


def _pods_by_service(cache: Cache) -> Mapping[Key, list[Object]]:
    found: defaultdict[Key, list[Object]] = defaultdict(list)
    for pod in _that_answer(cache):
        metadata = pod["metadata"]
        found[Key(metadata["namespace"], metadata["labels"][SERVICE_LABEL])].append(pod)
    return found


def _that_answer(cache: Cache) -> Iterator[Object]:
    for pod in cache.all(POD):
        if SERVICE_LABEL in (pod["metadata"].get("labels") or {}) and answers(pod) and serves_adapters(pod):
            yield pod
