"""The routes that the gateway answers itself.

Owns what is told of models. Must not ask a worker: a model that sleeps stays listed.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.directory import Caller, Directory, Model
from tidegate_gateway.errors import refuse
from tidegate_gateway.request import Head, allowed, model_of
from tidegate_gateway.routes.openapi import document
from tidegate_gateway.routes.page import POLICY, page

Answer = tuple[int, bytes, tuple[tuple[str, str], ...]]
Entry = dict[str, Any]


class Service(Protocol):
    """What is known of a service from its workers."""

    @property
    def adapters(self) -> Collection[str]:
        """Names of the LoRA adapters that a worker serves."""

    @property
    def context_tokens(self) -> int:
        """The most tokens of a prompt and its answer; 0 while no worker has said."""


# By namespace and name.
Services = Mapping[tuple[str, str], Service]


def answer(
    head: Head, caller: Caller | None, directory: Directory, services: Services = MappingProxyType({})
) -> Answer:
    """Return status, content and headers for a request that needs no worker; raise Refused for an unknown model."""
    if head.action == "openapi":
        return 200, document(), ()
    if head.action == "docs":
        return (
            200,
            page(),
            (("content-type", "text/html; charset=utf-8"), ("content-security-policy", POLICY)),
        )
    if caller is None:
        return 204, b"", (("allow", allowed(head.path)),)
    models = sorted(_models(caller, directory), key=lambda model: model.name)
    if head.action == "show_services":
        return _json(
            {"object": "list", "data": [_service(model, caller, directory, services) for model in models]}
        )
    entries = {entry["id"]: entry for model in models for entry in _entries(model, services)}
    if head.action == "list_models":
        return _json({"object": "list", "data": [entries[name] for name in sorted(entries)]})
    name = model_of(head.path)
    if name not in entries:
        refuse(errors.model_not_found(name))
    return _json(entries[name])


def _json(content: Entry) -> Answer:
    return 200, msgspec.json.encode(content), ()


def _models(caller: Caller, directory: Directory) -> Iterator[Model]:
    models = directory.models.get(caller.namespace, {})
    return (model for model in models.values() if caller.may_call(model))


def _entries(model: Model, services: Services) -> Iterator[Entry]:
    """Yield adapters and the model itself, which goes before an adapter of its name."""
    created = int(model.created) if math.isfinite(model.created) else 0
    entry = {"object": "model", "created": created, "owned_by": model.namespace}
    service = services.get((model.namespace, model.service))
    for name in service.adapters if service is not None else ():
        yield {"id": name, **entry, "parent": model.name}
    yield {"id": model.name, **entry}


def _service(model: Model, caller: Caller, directory: Directory, services: Services) -> Entry:
    key = (model.namespace, model.service)
    service, pool = services.get(key), model.classes[caller.qos_class].pool
    told: Entry = {
        "name": model.name,
        "service": model.service,
        "namespace": model.namespace,
        "qos_class": caller.qos_class,
        "pool": pool,
        "ready_workers": sum(
            worker.pool == pool and worker.may_serve(model.canary)
            for worker in directory.workers.get(key, ())
        ),
        "adapters": sorted(service.adapters) if service is not None else [],
    }
    if service is not None and service.context_tokens:
        told["context_length"] = service.context_tokens
    return told
