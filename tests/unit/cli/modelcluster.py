"""A namespace with LLMModels and LLMServices, in memory, as the Kubernetes client shows it; every call is kept."""

import json
from typing import Any

from kubernetes import client

from tidegate_api.names import MODELS_PLURAL, SERVICE_KIND, SERVICES_PLURAL
from tidegate_models import Cluster

NAMESPACE = "team-a"
URI = "hf://Org/Name"
Json = dict[str, Any]


def model(name: str = "m", uri: str = URI, age: int = 0, **more: Any) -> Json:
    """Return an LLMModel; `status` and the rest of the spec are in `more`."""
    status = more.pop("status", None)
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-{name}",
        "generation": 1,
        "resourceVersion": "7",
        "creationTimestamp": f"2026-11-{28 - age:02}T00:00:00Z",
    }
    return {
        "metadata": metadata,
        "spec": {"uri": uri, **more},
        **({"status": {"observedGeneration": 1, **status}} if status else {}),
    }


def service(
    name: str = "chat", uri: str = URI, revision: str | None = None, suspend: bool = False, **more: Any
) -> Json:
    """Return an LLMService of a model; `status` is in `more`."""
    source = {"uri": uri, **({"revision": revision} if revision else {})}
    spec: Json = {"model": source, **({"suspend": True} if suspend else {})}
    metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"}
    return {"kind": SERVICE_KIND, "metadata": metadata, "spec": spec, **more}


def refusal(status: int, message: str = "no") -> client.ApiException:
    """Return what the client raises when the API server says no."""
    error = client.ApiException(status=status, reason="Reason")
    error.body = json.dumps({"message": message})
    return error


class Objects:
    """Stands for `kubernetes.client.CustomObjectsApi`; `refused` are the errors of a verb, `PLURAL VERB` -> error."""

    def __init__(self, *objects: Json) -> None:
        self.kept = {(_plural(one), one["metadata"]["name"]): one for one in objects}
        self.refused: dict[str, Exception] = {}
        self.writes: list[tuple[str, str, Any]] = []

    def cluster(self) -> Cluster:
        return Cluster(self, NAMESPACE)

    def get_namespaced_custom_object(self, *where: str, **_: Any) -> Json:
        self._check(where[3], "get")
        return self._found(where[3], where[4])

    def list_namespaced_custom_object(self, *where: str, **_: Any) -> Json:
        self._check(where[3], "list")
        return {"items": [one for (plural, _), one in self.kept.items() if plural == where[3]]}

    def create_namespaced_custom_object(self, *where: Any, **_: Any) -> Json:
        self._check(where[3], "create")
        made: Json = where[4]
        self.writes.append(("create", made["metadata"]["name"], made["spec"]))
        self.kept[where[3], made["metadata"]["name"]] = made
        return made

    def patch_namespaced_custom_object(self, *where: Any, _content_type: str, **_: Any) -> Json:
        assert _content_type == "application/merge-patch+json"
        self._check(where[3], "patch")
        found = self._found(where[3], where[4])
        self.writes.append(("patch", where[4], where[5]))
        return found

    def delete_namespaced_custom_object(self, *where: Any, body: Any, **_: Any) -> None:
        self._check(where[3], "delete")
        assert body.preconditions.uid == self._found(where[3], where[4])["metadata"]["uid"]
        self.writes.append(("delete", where[4], None))

    def _check(self, plural: str, verb: str) -> None:
        if error := self.refused.get(f"{plural} {verb}"):
            raise error

    def _found(self, plural: str, name: str) -> Json:
        try:
            return self.kept[plural, name]
        except KeyError:
            raise refusal(404, f"{name} not found") from None


def _plural(one: Json) -> str:
    return SERVICES_PLURAL if one.get("kind") == SERVICE_KIND else MODELS_PLURAL
