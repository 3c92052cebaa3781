"""The LLMModel that is made for an LLMService where there is none: owned by nobody, so that it outlives the service."""

from typing import Any

from tidegate_api.names import API_VERSION, MANAGED_BY, MANAGED_BY_LABEL, MODEL_KIND
from tidegate_operator.facts import Key
from tidegate_operator.models.naming import Asked


def llmmodel(key: Key, asked: Asked) -> dict[str, Any]:
    """Return the LLMModel that an LLMService asks for; its token stays with those who name it."""
    source, is_model = asked.source, asked.identity.type == "Model"
    revision = source.get("revision")
    return {
        "apiVersion": API_VERSION,
        "kind": MODEL_KIND,
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
        },
        "spec": {
            "uri": source["uri"],
            **({"revision": revision} if revision else {}),
            **({} if is_model else {"type": asked.identity.type}),
        },
    }
