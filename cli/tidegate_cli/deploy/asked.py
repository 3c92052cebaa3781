"""What a user asks for on the command line, as an LLMService. Pure.

Owns names and the fields that options set. Must not know whether the cluster would take it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from tidegate_api.names import API_VERSION, SERVICE_KIND
from tidegate_models.errors import Invalid

Json = dict[str, Any]
_MOST_CHARACTERS: Final = 50
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a service; None: not given."""

    uri: str
    name: str | None = None
    model_name: str | None = None
    revision: str | None = None
    token_secret: str | None = None
    profile: str | None = None
    replicas: int | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    max_model_len: int | None = None
    quantization: str | None = None
    preset: str | None = None


def is_uri(source: str) -> bool:
    """Tell a model's URI from the path of a file."""
    return "://" in source


def manifest(asked: Asked) -> Json:
    """Return the LLMService that was asked for; raises Invalid where options contradict each other."""
    return {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {"name": asked.name or name_of(asked.uri)},
        "spec": _given(
            model=_model(asked),
            engine=_given(
                maxModelLen=asked.max_model_len, quantization=asked.quantization, preset=asked.preset
            )
            or None,
            resourceProfile=asked.profile,
            replicas=asked.replicas,
            scaling=_scaling(asked),
        ),
    }


def name_of(uri: str) -> str:
    """Return a name for the service of a model: the last part of its URI, as Kubernetes takes names."""
    # Of an image, the directory in it, or else the image without its tag and digest.
    image, _, inside = uri.partition("://")[2].partition("#")
    last = (inside or image.partition("@")[0]).rstrip("/").rpartition("/")[2].partition(":")[0]
    name = _NO_NAME.sub("-", last.lower()).strip("-")
    name = name if name[:1].isalpha() else f"llm-{name}"
    return name[:_MOST_CHARACTERS].rstrip("-")


def _model(asked: Asked) -> Json:
    token = None
    if asked.token_secret is not None:
        secret, _, key = asked.token_secret.partition("/")
        token = _given(name=secret, key=key or None)
    return _given(uri=asked.uri, name=asked.model_name, revision=asked.revision, tokenSecretRef=token)


def _scaling(asked: Asked) -> Json | None:
    if asked.min_replicas is None and asked.max_replicas is None:
        return None
    if asked.replicas is not None:
        raise Invalid(
            "--replicas is a number of workers, --min-replicas and --max-replicas are bounds",
            "",
            "give one of them",
        )
    if asked.max_replicas is None:
        raise Invalid("--min-replicas is there without --max-replicas", "", "give both")
    return _given(minReplicas=asked.min_replicas, maxReplicas=asked.max_replicas)


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
