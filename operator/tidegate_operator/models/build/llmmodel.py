"""The LLMModel that is made for an LLMService where there is none: owned by nobody, so that it outlives the service."""

from typing import Any

from tidegate_api.names import API_VERSION, MANAGED_BY, MANAGED_BY_LABEL, MODEL_KIND
from tidegate_operator.facts import Key, Manifest


def llmmodel(key: Key, service: Manifest) -> dict[str, Any]:
    """Return the LLMModel that this LLMService asks for; its token stays with those who name it."""
    source = service["spec"]["model"]
    revision = source.get("revision")
    return {
        "apiVersion": API_VERSION,
        "kind": MODEL_KIND,
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
        },
        "spec": {"uri": source["uri"], **({"revision": revision} if revision else {})},
    }
