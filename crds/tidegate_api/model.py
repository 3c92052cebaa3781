"""The custom resource LLMModel: one model of a hub in the cache of its namespace, and how far its download is.

Owns its fields, bounds and rules. Must not know where the cache is, or who downloads: the operator's settings say it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from tidegate_api.condition import Condition
from tidegate_api.schema import Model, list_map, opaque, rules
from tidegate_api.source import HUB_URI_PATTERN, Bytes, TokenSecret, revision_field

Phase = Literal["Pending", "Downloading", "Verifying", "Ready", "Failed", "Suspended"]
# What a repository holds: a model, or a LoRA adapter of one.
RepositoryType = Literal["Model", "Adapter"]
ServiceName = Annotated[str, Field(max_length=50)]


class LLMModelSpec(Model):
    """Which model is wanted in the cache of this namespace."""

    model_config = rules(
        (
            "!self.uri.contains('..') && !self.uri.contains('--')",
            "uri must not contain '..' or '--': hubs allow neither in a name",
        ),
        (
            f"self.uri.matches('{HUB_URI_PATTERN}')",
            "uri must be hf://ORG/NAME or ms://ORG/NAME, as the hub spells them: only models of hubs are downloaded; a "
            "branch, tag or commit goes into spec.revision, and a token into the Secret that spec.tokenSecretRef names",
        ),
        (
            "self.uri == oldSelf.uri",
            "uri cannot be changed, since the files are those of the old one: make another LLMModel",
        ),
        (
            "has(self.revision) == has(oldSelf.revision) && "
            "(!has(self.revision) || self.revision == oldSelf.revision)",
            "revision cannot be changed, since the files are those of the old one: make another LLMModel",
        ),
        (
            "self.type == oldSelf.type",
            "type cannot be changed, since other files are needed for it: make another LLMModel",
        ),
        (
            "!has(self.revision) || !self.revision.contains('..') && !self.revision.contains('//')",
            "revision must not contain '..' or '//'",
        ),
    )

    uri: str = Field(
        max_length=256,
        description="Where it comes from: `hf://ORG/NAME` on the Hugging Face Hub, `ms://ORG/NAME` on ModelScope. "
        "Cannot be changed.",
        examples=["hf://HuggingFaceTB/SmolLM2-135M-Instruct"],
    )
    revision: str | None = revision_field(
        "Branch, tag or commit; it is pinned to the commit that is found first. Default: `main`, for ModelScope "
        "`master`. Cannot be changed."
    )
    type: RepositoryType = Field(
        "Model",
        description="What it is: a `Model`, or an `Adapter` (LoRA) that an LLMService lists in `spec.model.lora`. "
        "Cannot be changed.",
    )
    token_secret_ref: TokenSecret | None = Field(
        None, description="The token for a gated or private model. Only the loader gets it."
    )
    suspend: bool = Field(
        False,
        description="True stops the download; what is there stays, and it goes on from there once false.",
    )


class LLMModelStatus(Model):
    """How it stands: written by the operator only."""

    phase: Phase | None = Field(None, description="How it stands in one word.")
    observed_generation: int | None = Field(
        None, ge=0, description="The generation of the spec that was read."
    )
    revision: str | None = Field(
        None, max_length=128, description="The commit that it is pinned to: all later loads are of this one."
    )
    path: str | None = Field(None, max_length=512, description="Its directory in the cache.")
    bytes_done: Bytes | None = Field(
        None, description="Bytes that are in the cache; it never falls while a commit is downloaded."
    )
    bytes_total: Bytes | None = Field(None, description="Bytes of all files that are needed.")
    percent: int | None = Field(
        None, ge=0, le=100, description="How much of it is in the cache; 100 once it is verified."
    )
    progress: str | None = Field(None, max_length=16, description="The same as a text, such as `37%`.")
    bytes_per_second: Bytes | None = Field(None, description="How fast it comes now.")
    remaining_seconds: int | None = Field(None, ge=0, description="How long it will still take.")
    files_done: int | None = Field(None, ge=0, description="Files that are in the cache.")
    files_total: int | None = Field(None, ge=0, description="Files that are needed.")
    size_bytes: Bytes | None = Field(None, description="What it takes of the cache, once it is Ready.")
    size: str | None = Field(None, max_length=32, description="Its size for people, such as `257 MiB`.")
    license: str | None = Field(None, max_length=128, description="Its licence, as the hub tells it.")
    shape: dict[str, Any] | None = Field(
        None,
        description="What its config says of layers, heads and types, from which memory is reckoned.",
        json_schema_extra=opaque(),
    )
    used_by: list[ServiceName] | None = Field(
        None,
        max_length=64,
        description="LLMServices that use it. While there is one, its files are never removed.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    last_used_at: str | None = Field(
        None,
        description="When the last LLMService that used it went (RFC 3339, UTC); absent while one uses it.",
        json_schema_extra={"format": "date-time"},
    )
    attempts: int | None = Field(None, ge=0, description="How often its download was begun.")
    conditions: list[Condition] | None = Field(
        None,
        max_length=16,
        description="Ready: all files are in the cache, and are what the hub says they are.",
        json_schema_extra=list_map("type"),
    )


class LLMModel(Model):
    """A model of a hub in the cache of its namespace: made by hand to fetch it beforehand, or by an LLMService.

    It outlives the LLMServices that use it. Deleting it removes its files, unless an LLMService uses them: then it is
    made again at once.
    """

    model_config = rules(
        (
            "self.metadata.name.size() <= 50",
            "metadata.name must be at most 50 characters: names of Jobs and Pods are made from it",
        ),
        (
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name must be lower-case letters, digits and '-', and start with a letter",
        ),
    )

    spec: LLMModelSpec = Field(description="Which model is wanted.")
    status: LLMModelStatus | None = Field(None, description="How it stands.")
