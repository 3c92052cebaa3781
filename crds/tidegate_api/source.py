"""Where a model comes from: the grammar of its URI, what goes with each scheme, and what is known of it.

Owns the fields `spec.model`, `status.model` and `status.estimate` of an LLMService, and what an LLMModel shares with
them. Must not know how a model comes into a cache, or how its memory is reckoned.
"""

from typing import Annotated, Final

from pydantic import Field

from tidegate_api.schema import Model, pattern_message, rules

# Downloaded into the cache of the namespace.
HUB_SCHEMES: Final = ("hf", "ms")
# Streamed by the engine while it starts.
STREAMED_SCHEMES: Final = ("s3", "gs", "az")

# Each scheme's grammar, checked by the API server; the operator reads it again in `uri.py`. Hubs allow these characters
# in names, and neither `--` nor `..`, which have rules of their own.
HUB_URI_PATTERN: Final = r"^(hf|ms)://[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$"
CLAIM_URI_PATTERN: Final = r"^pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/.+)?$"
# After `#` comes the directory inside the image.
IMAGE_URI_PATTERN: Final = (
    r"^oci://[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?(#[A-Za-z0-9._/-]+)?$"
)
STREAMED_URI_PATTERN: Final = r"^(s3|gs|az)://[a-z0-9][a-z0-9._-]{1,221}[a-z0-9]/[^\s?#@]+$"
REVISION_PATTERN: Final = r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$"

_HUB: Final = "self.uri.matches('^(hf|ms)://')"
_STREAMED: Final = "self.uri.matches('^(s3|gs|az)://')"

Bytes = Annotated[int, Field(ge=0)]


def revision_field(description: str) -> str | None:
    """Return the field of a revision, which says the same wherever it stands."""
    field: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=REVISION_PATTERN,
        description=description,
        json_schema_extra=pattern_message(
            "revision must be the name of a branch or tag, or a commit of 40 hex digits: letters, digits and . _ / -"
        ),
    )
    return field


class TokenSecret(Model):
    """The key of a Secret, in the namespace of the object that names it, which holds a hub's token."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="Name of the Secret.",
        json_schema_extra=pattern_message(
            "tokenSecretRef.name must be the name of a Secret, never the token"
        ),
    )
    key: str = Field(
        "token",
        min_length=1,
        max_length=253,
        pattern=r"^[-._A-Za-z0-9]+$",
        description="Key of the token in it.",
        json_schema_extra=pattern_message("tokenSecretRef.key must be letters, digits and - _ ."),
    )


class CredentialsSecret(Model):
    """A Secret of the LLMService's namespace whose keys become environment variables of the engine."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="Name of the Secret.",
        json_schema_extra=pattern_message("credentialsSecretRef.name must be the name of a Secret"),
    )


class ModelSource(Model):
    """Where the weights are, and what clients call the model."""

    model_config = rules(
        (
            "!self.uri.contains('..')",
            "model.uri must not contain '..': name the directory of the model itself",
        ),
        (
            "self.uri.matches('^(hf|ms|pvc|oci|s3|gs|az)://') || self.uri.startsWith('file:///')",
            "model.uri has an unknown scheme: use hf://ORG/NAME, ms://ORG/NAME, pvc://CLAIM/PATH, file:///PATH, "
            "oci://IMAGE, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX",
        ),
        (
            f"!{_HUB} || self.uri.matches('{HUB_URI_PATTERN}') && !self.uri.contains('--')",
            "model.uri must be hf://ORG/NAME or ms://ORG/NAME, as the hub spells them; a branch, tag or commit goes "
            "into model.revision, and a token into the Secret that model.tokenSecretRef names",
        ),
        (
            f"!self.uri.startsWith('pvc://') || self.uri.matches('{CLAIM_URI_PATTERN}')",
            "model.uri must be pvc://CLAIM/PATH, where CLAIM is the name of a PersistentVolumeClaim",
        ),
        (
            f"!self.uri.startsWith('oci://') || self.uri.matches('{IMAGE_URI_PATTERN}')",
            "model.uri must be oci://IMAGE or oci://IMAGE#PATH, where IMAGE is a reference such as "
            "registry.example.com/models/tiny:1 and PATH a directory in it",
        ),
        (
            f"!{_STREAMED} || self.uri.matches(r'{STREAMED_URI_PATTERN}')",
            "model.uri must be s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX, without a query; "
            "credentials go into the Secret that model.credentialsSecretRef names",
        ),
        (
            f"!has(self.revision) || {_HUB}",
            "model.revision is for hf:// and ms:// only: other sources name what they mean in model.uri",
        ),
        (
            f"!has(self.tokenSecretRef) || {_HUB}",
            "model.tokenSecretRef is for hf:// and ms:// only: for s3://, gs:// and az:// use "
            "model.credentialsSecretRef, for oci:// the chart's images.pullSecrets",
        ),
        (
            f"!has(self.credentialsSecretRef) || {_STREAMED}",
            "model.credentialsSecretRef is for s3://, gs:// and az:// only: for hf:// and ms:// use "
            "model.tokenSecretRef",
        ),
        (
            "!has(self.revision) || !self.revision.contains('..') && !self.revision.contains('//')",
            "model.revision must not contain '..' or '//'",
        ),
    )

    uri: str = Field(
        max_length=1024,
        description="Where the model (config.json, tokenizer, *.safetensors) is. `hf://ORG/NAME` and `ms://ORG/NAME`: "
        "on the Hugging Face Hub and on ModelScope, from where it is downloaded into the cache of the namespace, once "
        "for all LLMServices there. `pvc://CLAIM/PATH`: on a PersistentVolumeClaim of the same namespace. "
        "`oci://IMAGE#PATH`: in an image, mounted as a volume (Kubernetes 1.35). `file:///PATH`: in a directory of the "
        "node, which the operator's setting `allowedFilePaths` must allow. `s3://BUCKET/PREFIX`, `gs://…`, "
        "`az://CONTAINER/PREFIX`: in an object store, from where the engine streams it at each start. Volumes are "
        "mounted read-only.",
        examples=["hf://HuggingFaceTB/SmolLM2-135M-Instruct", "pvc://models/smollm2-135m-instruct"],
    )
    revision: str | None = revision_field(
        "Branch, tag or commit of a model of `hf://` or `ms://`; it is pinned to the commit that is found first, shown "
        "in `status.model.revision`. Default: `main`, for ModelScope `master`.",
    )
    token_secret_ref: TokenSecret | None = Field(
        None,
        description="The token for a gated or private model of `hf://` or `ms://`. Only the loader gets it.",
    )
    credentials_secret_ref: CredentialsSecret | None = Field(
        None,
        description="For `s3://`, `gs://` and `az://`: the Secret whose keys become environment variables of the "
        "engine, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    )
    name: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._:/-]*[A-Za-z0-9])?$",
        description="The `model` that clients send in OpenAI requests. Defaults to the name of the LLMService.",
        json_schema_extra=pattern_message(
            "model.name must be letters, digits and . _ : / -, and begin and end with a letter or digit"
        ),
    )


class ModelState(Model):
    """The LLMModel that a service uses, and how far its download is."""

    name: str = Field(max_length=253, description="Name of the LLMModel, in the same namespace.")
    revision: str | None = Field(None, max_length=128, description="The commit that it is pinned to.")
    bytes_done: Bytes | None = Field(None, description="Bytes that are in the cache.")
    bytes_total: Bytes | None = Field(None, description="Bytes that it has.")
    percent: int | None = Field(
        None, ge=0, le=100, description="How much of it is in the cache; 100 once it is verified."
    )
    bytes_per_second: Bytes | None = Field(None, description="How fast it comes now.")
    remaining_seconds: int | None = Field(None, ge=0, description="How long it will still take.")


class MemoryEstimate(Model):
    """What the model needs of the memory of one worker, and what is left for the KV cache."""

    weights_bytes: Bytes | None = Field(None, description="Bytes of the weights on each accelerator.")
    kv_bytes_per_token: Bytes | None = Field(
        None, description="Bytes of the KV cache for each token, on each accelerator."
    )
    kv_cache_tokens: int | None = Field(None, ge=0, description="Tokens that the KV cache will hold.")
    max_concurrency: str | None = Field(
        None, max_length=32, description="Requests of the greatest length that fit at a time, such as `3.4`."
    )
    accelerator_memory_bytes: Bytes | None = Field(
        None, description="Memory of each accelerator; without one, what the worker may use for the KV cache."
    )
    message: str | None = Field(None, max_length=1024, description="The same in a sentence.")
