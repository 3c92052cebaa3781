"""What the operator would make of documents, by the operator's own pure steps.

Owns the facts that stand in for a cluster. Must not decide what is made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from tidegate_api.model import LLMModelSpec
from tidegate_api.names import (
    API_VERSION,
    APPLIED_HASH_ANNOTATION,
    MODEL_KIND,
    SERVICE_KIND,
    TENANT_KIND,
    pool_name,
)
from tidegate_api.settings import Settings
from tidegate_api.v1alpha1 import LLMModel, LLMService, LLMTenant
from tidegate_cli.documents import Document
from tidegate_models import Invalid
from tidegate_models.actions import wanted_spec
from tidegate_operator.build import build
from tidegate_operator.build.group import followers
from tidegate_operator.desired import Group, Plan
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Key, Observed
from tidegate_operator.kinds import CONTROLLER_REVISION
from tidegate_operator.models.build.llmmodel import llmmodel
from tidegate_operator.models.naming import asked_by, derived_name, model_of, oldest, wanted_by
from tidegate_operator.plan import make_plan
from tidegate_operator.resolve import explain, resolve

_MODELS: Mapping[str, type[BaseModel]] = {
    SERVICE_KIND: LLMService,
    TENANT_KIND: LLMTenant,
    MODEL_KIND: LLMModel,
}
# Why there may be no workers at first although all is well.
_PASSING = ("ModelPending", "ModelInspecting", "VolumeClaimNotFound")
# What Kubernetes adds to the name of a Pod, and where that Pod will be.
_GENERATED = "xxxxx-xxxxx"
_ADDRESS = "ADDRESS-OF-THE-LEADER"
_SHORT_NAME = re.compile(r"^[a-z]([-a-z0-9]{0,48}[a-z0-9])?$")
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")


@dataclass(frozen=True, slots=True)
class Preview:
    """What came of one document: manifests, or why there are none."""

    name: str
    manifests: Sequence[Document] = ()
    problem: str | None = None
    # What has to come before the workers do.
    waits: str | None = None


def preview(documents: Sequence[Document], settings: Settings, namespace: str) -> list[Preview]:
    """Return what comes of each LLMService, LLMTenant and LLMModel, in their order; other objects are left out."""
    placed = [_placed(document, namespace) for document in documents if _is_ours(document)]
    checked = [(document, _problem(document)) for document in placed]
    accepted = [document for document, problem in checked if problem is None]
    return [
        Preview(_title(document), problem=problem) if problem else _preview(document, accepted, settings)
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
    wanted = _NAME if document["kind"] == TENANT_KIND else _SHORT_NAME
    if not isinstance(name, str) or not wanted.match(name):
        limit = "at most 50 characters, " if wanted is _SHORT_NAME else ""
        return f"metadata.name: {limit}lower-case letters, digits and '-', starting with a letter"
    body = {
        key: value
        for key, value in document.items()
        if key not in ("apiVersion", "kind", "metadata", "status")
    }
    try:
        checked = _MODELS[document["kind"]].model_validate(body)
    except ValidationError as error:
        return explain(error, "").replace("; .", "; ").removeprefix(".")
    return _no_model(checked.spec) if isinstance(checked, LLMModel) else None


def _no_model(spec: LLMModelSpec) -> str | None:
    try:
        wanted_spec(spec.uri, spec.revision, None)
    except Invalid as error:
        return f"spec: {error}"
    return None


def _preview(document: Document, accepted: Sequence[Document], settings: Settings) -> Preview:
    if not is_service(document):
        return Preview(_title(document))
    models = [one for one in accepted if one["kind"] == MODEL_KIND]
    services = [one for one in accepted if is_service(one)]
    observed = Observed(
        service=document,
        siblings=tuple(other for other in services if _is_sibling(document, other)),
        children=(),
        pods=(),
        claim=None,
        gateway_endpoints_ready=0,
        now=datetime.fromtimestamp(0, UTC),
        model=model_of(document, models),
    )
    try:
        plan = make_plan(resolve(observed, settings), observed, settings)
    except Stalled as stalled:
        return Preview(_title(document), problem=f"{stalled.reason}: {stalled.message}")
    if plan.withheld is not None and plan.withheld.reason not in _PASSING:
        return Preview(_title(document), problem=f"{plan.withheld.reason}: {plan.withheld.message}")
    made = [*build(plan), *_example_followers(plan)]
    children = [_without_bookkeeping(one) for one in made if one["kind"] != CONTROLLER_REVISION.kind]
    waits = _awaited(document, observed) if plan.withheld is not None else None
    return Preview(_title(document), [*_made_models(document, models), *children], waits=waits)


def _example_followers(plan: Plan) -> list[Document]:
    """Return what is made for one worker of each pool where that is several Pods: it takes the leader's address."""
    if plan.service.spread.nodes == 1:
        return []
    return [
        followers(
            plan.service,
            Group(
                leader=f"{pool_name(plan.service.key.name, pool.name)}-{_GENERATED}",
                uid="",
                address=_ADDRESS,
                pool=pool.name,
                template=plan.versions[pool.name].template,
                has_ended=False,
            ),
        )
        for pool in plan.pools
        if pool.replicas
    ]


def _made_models(service: Document, models: Sequence[Document]) -> list[Document]:
    """Return the LLMModels that are made where the files have none of this source: its model, its adapters."""
    namespace = service["metadata"]["namespace"]
    missing = {
        derived_name(asked.identity): asked
        for asked in asked_by(service)
        if oldest(asked.identity, models, namespace) is None
    }
    return [llmmodel(Key(namespace, name), asked) for name, asked in missing.items()]


def _awaited(service: Document, observed: Observed) -> str:
    """Return what has to come before a service has workers."""
    means = wanted_by(service)
    if means is None:
        return "its workers wait until a Job has looked into the model, at most five minutes"
    name = observed.model["metadata"]["name"] if observed.model is not None else derived_name(means)
    return (
        f"its workers wait for {MODEL_KIND} {name}, which brings {means.uri} into the cache; they are then told the "
        f"commit that {means.revision!r} is"
    )


def _is_sibling(one: Document, other: Document) -> bool:
    """Return whether the other is another LLMService of the same namespace."""
    return other is not one and other["metadata"]["namespace"] == one["metadata"]["namespace"]


def _without_bookkeeping(manifest: Mapping[str, Any]) -> Document:
    """Return the manifest without owner and hash: without a cluster there is no owner for it to have."""
    metadata = dict(manifest["metadata"])
    metadata.pop("ownerReferences")
    annotations = {
        key: value for key, value in metadata.pop("annotations", {}).items() if key != APPLIED_HASH_ANNOTATION
    }
    return {**manifest, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}
