"""The routes that the gateway answers itself.

Owns the list of models as OpenAI clients read it. Must not ask a worker: a model that sleeps stays listed.
"""

import math

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.directory import Caller, Directory, Model
from tidegate_gateway.errors import refuse
from tidegate_gateway.request import Head, allowed, model_of

Answer = tuple[int, bytes, tuple[tuple[str, str], ...]]


def answer(head: Head, caller: Caller | None, directory: Directory) -> Answer:
    """Return status, JSON and headers for a request that needs no worker; raise Refused for an unknown model."""
    if head.action == "options" or caller is None:
        return 204, b"", (("allow", allowed(head.path)),)
    known = directory.models.get(caller.namespace, {})
    models = {name: model for name, model in known.items() if caller.may_call(model)}
    if head.action == "list_models":
        listed = [_entry(models[name]) for name in sorted(models)]
        return 200, msgspec.json.encode({"object": "list", "data": listed}), ()
    name = model_of(head.path)
    model = models.get(name)
    if model is None:
        refuse(errors.model_not_found(name))
    return 200, msgspec.json.encode(_entry(model)), ()


def _entry(model: Model) -> dict[str, str | int]:
    created = int(model.created) if math.isfinite(model.created) else 0
    return {"id": model.name, "object": "model", "created": created, "owned_by": model.namespace}
