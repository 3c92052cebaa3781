"""Which LLMService an object belongs to, by what it says itself; and the names that an LLMService claims.

Owns owner references and labels as the way back. Pure.
"""

from collections.abc import Iterator

from tidegate_api.names import API_VERSION, INSPECTED_FOR_LABEL, SERVICE_KIND, SERVICE_LABEL
from tidegate_operator.facts import Key, Manifest
from tidegate_operator.groups import service_of_follower


def owners_of(item: Manifest) -> Iterator[Key]:
    """Return the LLMServices that an object says it is made for: by its controller, by its label."""
    metadata = item["metadata"]
    for reference in metadata.get("ownerReferences", ()):
        if (reference.get("apiVersion"), reference.get("kind")) == (API_VERSION, SERVICE_KIND):
            yield Key(metadata["namespace"], reference["name"])
    if name := metadata.get("labels", {}).get(SERVICE_LABEL):
        yield Key(metadata["namespace"], name)


def inspected_for(pod: Manifest) -> str | None:
    """Return the name of the LLMService whose model a Pod looks into."""
    found: str | None = (pod["metadata"].get("labels") or {}).get(INSPECTED_FOR_LABEL)
    return found


def all_of(item: Manifest) -> set[Key]:
    """Return every LLMService that an object is made for, looks into the model of, or computes for."""
    others = (inspected_for(item), service_of_follower(item))
    namespace = item["metadata"]["namespace"]
    return {*owners_of(item), *(Key(namespace, name) for name in others if name)}


def claimed_names(service: Manifest) -> set[str]:
    """Return the names that clients call what an LLMService serves: its model's, and those of its adapters."""
    source = (service.get("spec") or {}).get("model") or {}
    adapters = (source.get("lora") or {}).get("adapters") or ()
    return {source.get("name") or service["metadata"]["name"], *(one["name"] for one in adapters)}
