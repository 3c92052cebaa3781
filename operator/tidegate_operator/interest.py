"""Which LLMServices, LLMTenants and LLMModels an object or a change of it concerns.

Owns the ways from an object back to its LLMService or LLMModel: owner reference, label, claim; from an LLMService to
the tenants that name it and to the model that it uses, and back. Must not do I/O; reads the cache.
"""

from collections.abc import Iterable

from tidegate_api.names import MODEL_LABEL, QOS_CLASSES, SHARED_POOL, pool_name
from tidegate_operator.adapters.declared import adapters_of
from tidegate_operator.belonging import claimed_names, inspected_for, owners_of
from tidegate_operator.cache import Cache, Change
from tidegate_operator.cluster import Object
from tidegate_operator.facts import Key, Manifest
from tidegate_operator.groups import service_of_follower
from tidegate_operator.kinds import CLAIM, JOB, LLM_MODEL, LLM_SERVICE, LLM_TENANT, POD, POD_AUTOSCALER
from tidegate_operator.models.naming import Identity, asked_by, derived_name, identity
from tidegate_operator.rivals import deployment_of

_NOT_CHILDREN = (LLM_SERVICE, LLM_TENANT, LLM_MODEL, POD, CLAIM, POD_AUTOSCALER)


def keys_of(change: Change, cache: Cache) -> set[Key]:
    """Return whom to reconcile after a change."""
    seen = [item for item in (change.before, change.after) if item]
    if change.kind == LLM_MODEL:
        return {key_of(user) for item in seen for user in users_of(item, cache)}
    if change.kind == LLM_SERVICE:
        return {key_of(seen[-1])} | (_rivals(seen, cache) if _is_news_to_siblings(change) else set())
    if change.kind == CLAIM:
        namespace, name = key_of(seen[-1])
        return {key_of(one) for one in cache.all(LLM_SERVICE, namespace) if name in claims_of(one)}
    if change.kind == POD_AUTOSCALER:
        return {key for item in seen for key in scaled_by(item, cache)}
    if change.kind == POD and (of := inspected_for(seen[-1]) or service_of_follower(seen[-1])):
        return {Key(seen[-1]["metadata"]["namespace"], of)}
    return {key for item in seen for key in owners_of(item)}


def _rivals(seen: Iterable[Object], cache: Cache) -> set[Key]:
    """Return the LLMServices that may win or lose a name which another one claims now, or did before."""
    return {
        key_of(other)
        for item in seen
        for other in cache.claiming(item["metadata"]["namespace"], claimed_names(item))
    }


def tenants_of(change: Change, cache: Cache) -> set[Key]:
    """Return which LLMTenants to reconcile after a change."""
    item = change.after or change.before
    if item is None:
        return set()
    if change.kind == LLM_TENANT:
        return {key_of(item)}
    if change.kind != LLM_SERVICE or (change.before and change.after):
        return set()
    # A service has come or gone: who may call it by name wants to know.
    namespace, name = key_of(item)
    return {
        key_of(one) for one in cache.all(LLM_TENANT, namespace) if name in (one["spec"].get("services") or ())
    }


def models_of(change: Change, cache: Cache) -> set[Key]:
    """Return which LLMModels to reconcile after a change; some of them may have to be made first."""
    seen = [item for item in (change.before, change.after) if item]
    if change.kind == LLM_SERVICE:
        return (
            {key for item in seen for key in used_by(item, cache)} if _is_news_to_siblings(change) else set()
        )
    if change.kind == LLM_MODEL:
        came_or_went = not (change.before and change.after) or "deletionTimestamp" in seen[-1]["metadata"]
        means = identity(seen[-1]) if came_or_went else None
        return {key_of(seen[-1])} | (_alike(means, key_of(seen[-1]).namespace, cache) if means else set())
    if change.kind == CLAIM:
        return all_models(cache, key_of(seen[-1]).namespace)
    if change.kind not in (JOB, POD):
        return set()
    metadata = seen[-1]["metadata"]
    own = metadata.get("labels", {}).get(MODEL_LABEL)
    if own is None:
        return set()
    # What one loader has evicted, or a removal has finished, concerns all that share the cache.
    is_over = _has_ended(seen[-1]) or change.after is None
    neighbours = all_models(cache, metadata["namespace"]) if change.kind == JOB and is_over else set()
    return {Key(metadata["namespace"], own)} | neighbours


def users_of(model: Object, cache: Cache) -> list[Object]:
    """Return the LLMServices that ask for what an LLMModel is, whichever LLMModel they use for it."""
    means = identity(model)
    services = cache.all(LLM_SERVICE, model["metadata"]["namespace"])
    return [one for one in services if any(asked.identity == means for asked in asked_by(one))]


def used_by(service: Object, cache: Cache) -> set[Key]:
    """Return the LLMModels that an LLMService uses, or those to make for it."""
    namespace = service["metadata"]["namespace"]
    return {key for asked in asked_by(service) for key in _alike(asked.identity, namespace, cache)}


def _alike(means: Identity, namespace: str, cache: Cache) -> set[Key]:
    """Return all LLMModels of an identity, and the name of the one that would be made for it."""
    same = {key_of(one) for one in cache.all(LLM_MODEL, namespace) if identity(one) == means}
    return same | {Key(namespace, derived_name(means))}


def _has_ended(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def all_models(cache: Cache, namespace: str | None = None) -> set[Key]:
    """Return all LLMModels, and those that have yet to be made for an LLMService."""
    models = list(cache.all(LLM_MODEL, namespace))
    there = {(one["metadata"]["namespace"], identity(one)) for one in models}
    wanted = (
        (one["metadata"]["namespace"], asked.identity)
        for one in cache.all(LLM_SERVICE, namespace)
        for asked in asked_by(one)
    )
    missing = {Key(where, derived_name(means)) for where, means in wanted if (where, means) not in there}
    return {key_of(one) for one in models} | missing


def all_tenants(cache: Cache) -> set[Key]:
    """Return all LLMTenants."""
    return {key_of(item) for item in cache.all(LLM_TENANT)}


def all_keys(cache: Cache, namespace: str | None = None) -> set[Key]:
    """Return all LLMServices."""
    return {key_of(item) for item in cache.all(LLM_SERVICE, namespace)}


def key_of(item: Object) -> Key:
    """Return an object's own namespace and name."""
    return Key(item["metadata"]["namespace"], item["metadata"]["name"])


def scaled_by(autoscaler: Object, cache: Cache) -> set[Key]:
    """Return the LLMServices of which a HorizontalPodAutoscaler scales a pool."""
    target, namespace = deployment_of(autoscaler), autoscaler["metadata"]["namespace"]
    pools = (SHARED_POOL, *QOS_CLASSES)
    keys = all_keys(cache, namespace) if target else set()
    return {key for key in keys if target in {pool_name(key.name, pool) for pool in pools}}


def woken(change: Change) -> Key | None:
    """Return the LLMService of which a gateway has just asked for a pool, by a mark in its status; else None."""
    if change.kind != LLM_SERVICE or change.after is None:
        return None
    now = (change.after.get("status") or {}).get("demand") or []
    before = ((change.before or {}).get("status") or {}).get("demand") or []
    return key_of(change.after) if now and now != before else None


def names_of_services(cache: Cache, namespace: str) -> frozenset[str]:
    """Return the names of the LLMServices of a namespace."""
    return frozenset(key_of(item).name for item in cache.all(LLM_SERVICE, namespace))


def is_controlled_by(item: Manifest, uid: str) -> bool:
    """Return whether an object is ours to change: its controller is this very LLMService."""
    references: Iterable[Manifest] = item["metadata"].get("ownerReferences", ())
    return any(reference.get("controller") and reference["uid"] == uid for reference in references)


def children_of(key: Key, cache: Cache) -> list[Object]:
    """Return every object that claims to be made for an LLMService, whatever its name."""
    kinds = [kind for kind in cache.kinds() if kind not in _NOT_CHILDREN]
    return [item for kind in kinds for item in cache.of(key, kind) if key in owners_of(item)]


def pods_of(key: Key, cache: Cache) -> list[Object]:
    """Return the Pods of an LLMService."""
    return [pod for pod in cache.of(key, POD) if key in owners_of(pod)]


def inspectors_of(key: Key, cache: Cache) -> list[Object]:
    """Return the Pods that look into the model of an LLMService."""
    return [pod for pod in cache.of(key, POD) if inspected_for(pod) == key.name]


def followers_of(key: Key, cache: Cache) -> list[Object]:
    """Return the Pods that only compute for workers of an LLMService."""
    return [pod for pod in cache.of(key, POD) if service_of_follower(pod) == key.name]


def claim_of(service: Object) -> str | None:
    """Return the name of the PersistentVolumeClaim that an LLMService's model is on."""
    scheme, _, rest = service["spec"]["model"]["uri"].partition("://")
    return rest.partition("/")[0] if scheme == "pvc" else None


def claims_of(service: Object) -> set[str]:
    """Return the names of all PersistentVolumeClaims that an LLMService names: its model's, and those of adapters."""
    uris = (one["uri"].partition("://") for one in adapters_of(service))
    named = {rest.partition("/")[0] for scheme, _, rest in uris if scheme == "pvc"}
    return named | ({own} if (own := claim_of(service)) else set())


def _is_news_to_siblings(change: Change) -> bool:
    generations = {item["metadata"]["generation"] for item in (change.before, change.after) if item}
    return len(generations) > 1 or not (change.before and change.after)
