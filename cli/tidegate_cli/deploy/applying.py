"""From the command line to objects in the cluster: read, checked, applied server-side.

Owns as whom fields are set. Must not wait for what becomes of them.
"""

from typing import Any, Final

from tidegate_api.names import (
    API_VERSION,
    MODEL_KIND,
    MODELS_PLURAL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    TENANT_KIND,
    TENANTS_PLURAL,
)
from tidegate_cli.deploy.asked import Asked, is_uri, manifest
from tidegate_cli.deploy.checking import problems
from tidegate_cli.deploy.settings import settings_of
from tidegate_cli.documents import Unreadable, read_documents
from tidegate_cli.shell.failing import MISUSED, Failed
from tidegate_cli.shell.kube import Kube
from tidegate_models.errors import Conflict, Missing

Json = dict[str, Any]
MANAGER: Final = "tidegate-cli"
_PLURALS: Final = {SERVICE_KIND: SERVICES_PLURAL, TENANT_KIND: TENANTS_PLURAL, MODEL_KIND: MODELS_PLURAL}


def documents(source: str, asked: Asked) -> list[Json]:
    """Return the objects that are wanted: out of a URI and options, or out of a file; ends the command for neither."""
    if is_uri(source):
        return [manifest(asked)]
    if asked != Asked(source):
        raise Failed("options of the service are for a URI: in a file they are fields of its spec", MISUSED)
    try:
        return read_documents(source)
    except Unreadable as error:
        raise Failed(f"{error}: name a file, or a model such as hf://ORG/NAME", MISUSED) from error


def check(kube: Kube, wanted: list[Json]) -> None:
    """End the command where what is wanted makes no sense, before the cluster sees it."""
    found = list(problems(wanted, settings_of(kube), kube.namespace))
    if found:
        raise Failed("; ".join(found))


def apply(kube: Kube, document: Json, *, force: bool, dry_run: bool) -> Json:
    """Apply an object and return it; ends the command where others own what it sets."""
    kind, name = document["kind"], document["metadata"]["name"]
    path = f"/apis/{API_VERSION}/namespaces/{kube.namespace}/{_PLURALS[kind]}/{name}"
    try:
        applied = kube.apply(path, document, MANAGER, force=force, dry_run=dry_run)
    except Conflict as conflict:
        raise Failed(
            f"{kind} {kube.namespace}/{name} is not changed: {conflict.what}: --force-conflicts takes these fields over"
        ) from conflict
    except Missing as missing:
        if "namespaces" in missing.what:
            raise Failed(f"{missing.what}: kubectl create namespace {kube.namespace}") from missing
        raise
    applied["metadata"].pop("managedFields", None)
    if dry_run:
        # What is there already says nothing of what would be.
        applied.pop("status", None)
    return applied
