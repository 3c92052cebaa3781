"""The CustomResourceDefinitions of Tidegate, as plain data.

Owns names, printer columns and subresources. Must not write files or YAML (`hack/generate.py` does), nor hold a
field: those are in `v1alpha1.py`.
"""

from dataclasses import dataclass
from typing import Any, Final

from tidegate_api.names import (
    GROUP,
    MODEL_KIND,
    MODELS_PLURAL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    TENANT_KIND,
    TENANTS_PLURAL,
    VERSION,
)
from tidegate_api.schema import Model
from tidegate_api.structural import schema_of
from tidegate_api.v1alpha1 import LLMModel, LLMService, LLMTenant


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; wide columns show only with `-o wide`."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def manifest(self) -> dict[str, Any]:
        """Return the column as the API server takes it."""
        told = {"name": self.name, "type": self.type, "jsonPath": self.path, "description": self.description}
        return {**told, "priority": 1} if self.wide else told


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of custom resource."""

    model: type[Model]
    kind: str
    plural: str
    short_name: str
    columns: tuple[Column, ...]
    subresources: dict[str, Any]

    @property
    def singular(self) -> str:
        """Return the name that `kubectl get` takes for one."""
        return self.kind.lower()

    @property
    def name(self) -> str:
        """Return the name of the definition itself."""
        return f"{self.plural}.{GROUP}"


AGE: Final = Column("AGE", ".metadata.creationTimestamp", "Since when it exists.", type="date")

RESOURCES: Final = (
    Resource(
        model=LLMService,
        kind=SERVICE_KIND,
        plural=SERVICES_PLURAL,
        short_name="llmsvc",
        columns=(
            Column("MODEL", ".status.modelName", "What clients send as `model`."),
            Column("READY", ".status.ready", "Workers that answer, out of those wanted."),
            Column("REASON", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready or not."),
            Column("PHASE", ".status.phase", "The conditions in one word."),
            Column("DESIRED", ".status.desiredReplicas", "Workers wanted.", type="integer"),
            Column("URL", ".status.url", "Base URL for OpenAI clients.", wide=True),
            AGE,
        ),
        subresources={
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
    ),
    Resource(
        model=LLMTenant,
        kind=TENANT_KIND,
        plural=TENANTS_PLURAL,
        short_name="llmtenant",
        columns=(
            Column("CLASS", ".spec.qosClass", "How much its requests matter."),
            Column("REASON", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready or not."),
            Column("KEYS", ".status.activeKeys", "Keys that have not expired.", type="integer"),
            Column("RPM", ".spec.limits.requestsPerMinute", "Most requests in a minute.", type="integer"),
            Column("TPM", ".spec.limits.tokensPerMinute", "Most tokens in a minute.", type="integer"),
            Column("REQUESTS", ".status.usage.requests", "Requests so far.", type="integer"),
            Column("TOKENS", ".status.usage.totalTokens", "Tokens so far.", type="integer"),
            Column("BUDGET", ".spec.budget.tokens", "Most tokens in a window.", type="integer", wide=True),
            Column("USED", ".status.budget.tokens", "Tokens of this window.", type="integer", wide=True),
            AGE,
        ),
        subresources={"status": {}},
    ),
    Resource(
        model=LLMModel,
        kind=MODEL_KIND,
        plural=MODELS_PLURAL,
        short_name="llmm",
        columns=(
            Column("URI", ".spec.uri", "Where it comes from."),
            Column("REVISION", ".status.revision", "The commit that it is pinned to.", wide=True),
            Column("PHASE", ".status.phase", "How it stands in one word."),
            Column(
                "PROGRESS", ".status.progress", "How much of it is in the cache; 100% once it is verified."
            ),
            Column("SIZE", ".status.size", "Its size."),
            Column("REASON", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready or not."),
            Column("USED-BY", ".status.usedBy", "LLMServices that use it.", wide=True),
            AGE,
        ),
        subresources={"status": {}},
    ),
)

# What every Kubernetes object has; the API server knows their types itself.
OBJECT_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "apiVersion": {"type": "string", "description": f"Always `{GROUP}/{VERSION}`."},
    "kind": {"type": "string", "description": "Which kind of object this is."},
    "metadata": {"type": "object"},  # the API server allows no word more
}


def schema(resource: Resource) -> dict[str, Any]:
    """Return the OpenAPI schema of a resource, the fields of every Kubernetes object first."""
    found = schema_of(resource.model)
    return {**found, "properties": {**OBJECT_FIELDS, **found["properties"]}}


def definition(resource: Resource) -> dict[str, Any]:
    """Return the CustomResourceDefinition of a resource."""
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema(resource)},
        "additionalPrinterColumns": [column.manifest() for column in resource.columns],
    }
    if resource.subresources:
        version["subresources"] = resource.subresources
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.name},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.singular,
                "shortNames": [resource.short_name],
                "categories": ["all", "llm"],
            },
            "versions": [version],
        },
    }
