"""Names, labels and owner of what is made for LLMModels.

Owns metadata. Must not know any kind.
"""

from typing import Any, Final

from tidegate_api.names import (
    API_VERSION,
    COMPONENT_LABEL,
    GROUP,
    LOADER_COMPONENT,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_KIND,
    MODEL_LABEL,
)
from tidegate_operator.facts import Key
from tidegate_operator.models.request import Request

# How many loads before this one failed in a row for something that may pass; a Job's delay grows with it.
FAILURES_ANNOTATION: Final = f"{GROUP}/failures"
# What a Job was asked for; another one means that its failure may be over.
FINGERPRINT_ANNOTATION: Final = f"{GROUP}/fingerprint"
# The directory of the cache that a Job removes.
PATH_ANNOTATION: Final = f"{GROUP}/path"


def load_job_name(model: str) -> str:
    """Return the name of the Job (and of the NetworkPolicy) that brings an LLMModel in."""
    return f"{model}-load"


def remove_job_name(model: str, uid: str) -> str:
    """Return the name of the Job that takes the files of a deleted LLMModel out: one for each that there was."""
    return f"{model[:40].rstrip('-')}-remove-{uid.replace('-', '')[:8]}"


def labels(model: str) -> dict[str, str]:
    """Return the labels of everything that is made for an LLMModel."""
    return {MANAGED_BY_LABEL: MANAGED_BY, COMPONENT_LABEL: LOADER_COMPONENT, MODEL_LABEL: model}


def owned(wanted: Request) -> dict[str, Any]:
    """Return the metadata of what goes with the LLMModel."""
    return {
        **of_key(wanted.key, load_job_name(wanted.key.name)),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": MODEL_KIND,
                "name": wanted.key.name,
                "uid": wanted.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def of_key(key: Key, name: str) -> dict[str, Any]:
    """Return the metadata of what is made for an LLMModel and outlives it."""
    return {"name": name, "namespace": key.namespace, "labels": labels(key.name)}
