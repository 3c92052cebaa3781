"""What the operator would make of documents, by the operator's own pure steps.

Owns the facts that stand in for a cluster. Must not decide what is made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from tidegate_api.names import API_VERSION, APPLIED_HASH_ANNOTATION, SERVICE_KIND, TENANT_KIND
from tidegate_api.settings import Settings
from tidegate_api.v1alpha1 import LLMService, LLMTenant
from tidegate_cli.documents import Document
from tidegate_operator.build import build
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Observed
from tidegate_operator.plan import make_plan
from tidegate_operator.resolve import explain, resolve

_MODELS: Mapping[str, type[BaseModel]] = {SERVICE_KIND: LLMService, TENANT_KIND: LLMTenant}
_SERVICE_NAME = re.compile(r"^[a-z]([-a-z0-9]{0,48}[a-z0-9])?$")
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")


@dataclass(frozen=True, slots=True)
class Preview:
    """What came of one document: manifests, or why there are none."""

    name: str
    manifests: Sequence[Document] = ()
    problem: str | None = None


def preview(documents: Sequence[Document], settings: Settings, namespace: str) -> list[Preview]:
    """Return what comes of each LLMService and LLMTenant, in their order; other objects are left out."""
    placed = [_placed(document, namespace) for document in documents if _is_ours(document)]
    checked = [(document, _problem(document)) for document in placed]
    services = [document for document, problem in checked if is_service(document) and problem is None]
    return [
        Preview(_title(document), problem=problem) if problem else _preview(document, services, settings)
        for document, problem in checked
    ]


def is_service(document: Document) -> bool:
    """Return whether a document is an LLMService."""
    return _is_ours(document) and document["kind"] == SERVICE_KIND


def _is_ours(document: Document) -> bool:
    return document.get("apiVersion") == API_VERSION and document.get("kind") in _MODELS


def _placed(document: Document, namespace: str) -> Document:
    metadata = document.get("metadata")
    return {
        **document,
        "metadata": {"namespace": namespace, **(metadata if isinstance(metadata, dict) else {})},
    }


def _title(document: Document) -> str:
    metadata = document["metadata"]
    return f"{document['kind']} {metadata['namespace']}/{metadata.get('name', '?')}"


def _problem(document: Document) -> str | None:
    """Return what the API server would refuse, None where that is nothing."""
    name = document["metadata"].get("name")
    wanted = _SERVICE_NAME if document["kind"] == SERVICE_KIND else _NAME
    if not isinstance(name, str) or not wanted.match(name):
        limit = "at most 50 characters, " if document["kind"] == SERVICE_KIND else ""
        return f"metadata.name: {limit}lower-case letters, digits and '-', starting with a letter"
    body = {
        key: value
        for key, value in document.items()
        if key not in ("apiVersion", "kind", "metadata", "status")
    }
    try:
        _MODELS[document["kind"]].model_validate(body)
    except ValidationError as error:
        return explain(error, "").replace("; .", "; ").removeprefix(".")
    return None


def _preview(document: Document, services: Sequence[Document], settings: Settings) -> Preview:
    if not is_service(document):
        return Preview(_title(document))
    observed = Observed(
        service=document,
        siblings=tuple(other for other in services if _is_sibling(document, other)),
        children=(),
        pods=(),
        claim=None,
        gateway_endpoints_ready=0,
        now=datetime.fromtimestamp(0, UTC),
    )
    try:
        plan = make_plan(resolve(observed, settings), observed)
    except Stalled as stalled:
        return Preview(_title(document), problem=f"{stalled.reason}: {stalled.message}")
    return Preview(_title(document), [_without_bookkeeping(manifest) for manifest in build(plan)])


def _is_sibling(one: Document, other: Document) -> bool:
    """Return whether the other is another LLMService of the same namespace."""
    return other is not one and other["metadata"]["namespace"] == one["metadata"]["namespace"]


def _without_bookkeeping(manifest: Mapping[str, Any]) -> Document:
    """Return the manifest without owner and hash: without a cluster there is no owner for it to have."""
    metadata = dict(manifest["metadata"])
    metadata.pop("ownerReferences")
    annotations = {
        key: value for key, value in metadata.pop("annotations").items() if key != APPLIED_HASH_ANNOTATION
    }
    return {**manifest, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}
