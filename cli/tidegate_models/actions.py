"""What a user does with models: bring one in, see which there are, pause one, remove one, load and unload a service.

Owns what is refused, and why. Must not call Kubernetes but through `Cluster`.
"""

import re
from typing import Any, Final

from tidegate_api.names import API_VERSION, MODEL_KIND, SERVICE_KIND
from tidegate_api.source import HUB_URI_PATTERN, REVISION_PATTERN
from tidegate_models.cluster import Cluster
from tidegate_models.errors import Denied, InUse, Invalid, Missing
from tidegate_models.reading import inventory, users
from tidegate_models.values import Model, Pulled, Toggled
from tidegate_operator.models.naming import derived_name, identity, oldest, wanted

Json = dict[str, Any]
_URI: Final = re.compile(HUB_URI_PATTERN)
_REVISION: Final = re.compile(REVISION_PATTERN)


def pull(cluster: Cluster, uri: str, revision: str | None = None, token_secret: str | None = None) -> Pulled:
    """See to it that a model of a hub is brought into the namespace's cache, and return its LLMModel; it starts nothing
    anew where the model is there or on its way, and lets one go on that was paused.

    `token_secret` is `NAME` or `NAME/KEY` of a Secret of the namespace. Raises Invalid for a URI that no hub has.
    """
    spec = wanted_spec(uri, revision, token_secret)
    meant = wanted(uri, revision)
    if meant is None:
        raise not_of_a_hub(uri)
    found = oldest(meant, cluster.list(MODEL_KIND), cluster.namespace)
    if found is None:
        name = derived_name(meant)
        manifest = {"apiVersion": API_VERSION, "kind": MODEL_KIND, "metadata": {"name": name}, "spec": spec}
        if cluster.create(MODEL_KIND, manifest) is not None:
            return Pulled(name, uri, changed=True)
        # Somebody was faster: the operator, or the same command once more.
        found = cluster.read(MODEL_KIND, name)
        if identity(found) != meant:
            raise Invalid(
                f"the name {name!r} is taken by {found['spec']['uri']}",
                f"namespace {cluster.namespace}",
                "remove that LLMModel",
            )
    patch = _needed_change(found["spec"], spec)
    name = found["metadata"]["name"]
    if patch:
        cluster.merge(MODEL_KIND, name, {"spec": patch})
    return Pulled(name, uri, changed=bool(patch))


def wanted_spec(uri: str, revision: str | None, token_secret: str | None) -> Json:
    """Return the spec of an LLMModel; raises Invalid for what the API server would refuse."""
    if not _URI.match(uri) or ".." in uri or "--" in uri:
        raise not_of_a_hub(uri)
    if revision is not None and not _REVISION.match(revision):
        raise Invalid(f"{revision!r} is no revision", "revision", "write a branch, a tag or a commit")
    spec: Json = {"uri": uri}
    if revision is not None:
        spec["revision"] = revision
    if token_secret is not None:
        name, _, key = token_secret.partition("/")
        if not re.match(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", name):
            # It is not repeated: what is no name may well be the token itself.
            raise Invalid(
                "that is no name of a Secret", "token Secret", "write NAME or NAME/KEY, never the token"
            )
        spec["tokenSecretRef"] = {"name": name, "key": key or "token"}
    return spec


def not_of_a_hub(uri: str) -> Invalid:
    """Return the error about a URI that names nothing that is downloaded."""
    return Invalid(f"{uri!r} names no model of a hub", "URI", "write hf://ORG/NAME or ms://ORG/NAME")


def models(cluster: Cluster) -> list[Model]:
    """Return every model of the namespace: where it is, how large, how far, and who uses it."""
    return inventory(cluster.list(MODEL_KIND), cluster.list(SERVICE_KIND))


def remove(cluster: Cluster, name: str, revision: str | None = None) -> str:
    """Remove a model, by its LLMModel's name or its URI, from the cache; return the LLMModel's name.

    Raises Missing where there is none, and InUse, with the names of the LLMServices, while it is used.
    """
    every = cluster.list(MODEL_KIND)
    model = chosen(every, name, revision, cluster.namespace)
    using = _users(cluster, model, every)
    if using:
        raise InUse(f"{model['spec']['uri']} is not removed: it", f"namespace {cluster.namespace}", using)
    cluster.delete(MODEL_KIND, model["metadata"]["name"], model["metadata"]["uid"])
    return str(model["metadata"]["name"])


def pause(cluster: Cluster, name: str, revision: str | None = None) -> Toggled:
    """Stop a download, by its LLMModel's name or its URI; what is there stays."""
    return _suspend_model(cluster, name, revision, wanted=True)


def resume(cluster: Cluster, name: str, revision: str | None = None) -> Toggled:
    """Let a paused download go on from where it is."""
    return _suspend_model(cluster, name, revision, wanted=False)


def load(cluster: Cluster, service: str) -> Toggled:
    """Let an LLMService have workers again: from its cache, so nothing is downloaded."""
    return _suspend(cluster, SERVICE_KIND, cluster.read(SERVICE_KIND, service), wanted=False)


def unload(cluster: Cluster, service: str) -> Toggled:
    """Take an LLMService's workers down; its address, its settings and its cache stay."""
    return _suspend(cluster, SERVICE_KIND, cluster.read(SERVICE_KIND, service), wanted=True)


def chosen(models: list[Json], name: str, revision: str | None, namespace: str) -> Json:
    """Return the one LLMModel of that name, or of that URI and revision; raises Missing, or Invalid for several."""
    where = f"namespace {namespace}"
    if "://" not in name:
        by_name = [one for one in models if one["metadata"]["name"] == name]
    else:
        by_name = [
            one
            for one in models
            if one["spec"]["uri"] == name and revision in {None, one["spec"].get("revision")}
        ]
    if not by_name:
        raise Missing(f"there is no model {name!r}", where, "`tidegate models list` shows them")
    if len(by_name) > 1:
        names = ", ".join(sorted(one["metadata"]["name"] for one in by_name))
        raise Invalid(f"{name!r} is more than one LLMModel", where, f"name one of {names}")
    return by_name[0]


def _needed_change(spec: Json, asked: Json) -> Json:
    """Return what to merge into the spec so that what was asked for comes; empty where nothing is."""
    patch: Json = {"suspend": False} if spec.get("suspend") else {}
    token = asked.get("tokenSecretRef")
    return {**patch, "tokenSecretRef": token} if token and spec.get("tokenSecretRef") != token else patch


def _users(cluster: Cluster, model: Json, every: list[Json]) -> tuple[str, ...]:
    try:
        return users(model, every, cluster.list(SERVICE_KIND))
    except Denied:
        # Who may not see LLMServices is told what the operator has written.
        return tuple((model.get("status") or {}).get("usedBy") or ())


def _suspend_model(cluster: Cluster, name: str, revision: str | None, wanted: bool) -> Toggled:
    found = chosen(cluster.list(MODEL_KIND), name, revision, cluster.namespace)
    return _suspend(cluster, MODEL_KIND, found, wanted)


def _suspend(cluster: Cluster, kind: str, found: Json, wanted: bool) -> Toggled:
    name = found["metadata"]["name"]
    if bool(found["spec"].get("suspend")) == wanted:
        return Toggled(name, changed=False)
    cluster.merge(kind, name, {"spec": {"suspend": wanted}})
    return Toggled(name, changed=True)
