"""LoRA adapters of a model: which are wanted, under which names, and how far each is on which worker.

Owns `spec.model.lora` and `status.adapters`. Must not know how an adapter comes into a cache or into an engine.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from tidegate_api.schema import Model, list_map, pattern_message, rules
from tidegate_api.source import (
    CLAIM_URI_PATTERN,
    HUB_URI_PATTERN,
    ModelSource,
    TokenSecret,
    revision_field,
)

# The most of one model.
MOST_ADAPTERS: Final = 64
# The most workers that are told of for each adapter: those that lack it come first.
MOST_PODS: Final = 16

AdapterPhase = Literal["Pending", "Downloading", "Loading", "Ready", "Failed"]
AdapterPodState = Literal["Waiting", "Loading", "Loaded", "Failed"]

_HUB: Final = "self.uri.matches('^(hf|ms)://')"


class Adapter(Model):
    """A LoRA adapter, and what clients call it."""

    model_config = rules(
        (
            "self.uri.matches('^(hf|ms|pvc)://') || self.uri.startsWith('file:///')",
            "model.lora.adapters.uri has a scheme that adapters cannot come from: use hf://ORG/NAME, ms://ORG/NAME, "
            "pvc://CLAIM/PATH or file:///PATH",
        ),
        (
            "!self.uri.contains('..')",
            "model.lora.adapters.uri must not contain '..': name the directory of the adapter itself",
        ),
        (
            f"!{_HUB} || self.uri.matches('{HUB_URI_PATTERN}') && !self.uri.contains('--')",
            "model.lora.adapters.uri must be hf://ORG/NAME or ms://ORG/NAME, as the hub spells them; a branch, tag or "
            "commit goes into revision, and a token into the Secret that tokenSecretRef names",
        ),
        (
            f"!self.uri.startsWith('pvc://') || self.uri.matches('{CLAIM_URI_PATTERN}')",
            "model.lora.adapters.uri must be pvc://CLAIM/PATH, where CLAIM is the name of a PersistentVolumeClaim",
        ),
        (
            f"!has(self.revision) || {_HUB}",
            "model.lora.adapters.revision is for hf:// and ms:// only: other sources name what they mean in uri",
        ),
        (
            f"!has(self.tokenSecretRef) || {_HUB}",
            "model.lora.adapters.tokenSecretRef is for hf:// and ms:// only",
        ),
        (
            "!has(self.revision) || !self.revision.contains('..') && !self.revision.contains('//')",
            "model.lora.adapters.revision must not contain '..' or '//'",
        ),
    )

    name: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._:/-]*[A-Za-z0-9])?$",
        description="The `model` that clients send to be answered by this adapter. No model and no other adapter of "
        "the namespace may have it.",
        json_schema_extra=pattern_message(
            "model.lora.adapters.name must be letters, digits and . _ : / -, and begin and end with a letter or digit"
        ),
    )
    uri: str = Field(
        max_length=512,
        description="Where it is (adapter_config.json, adapter_model.safetensors): `hf://ORG/NAME` or `ms://ORG/NAME`, "
        "from where it is downloaded into the cache of the namespace; `pvc://CLAIM/PATH` on a PersistentVolumeClaim of "
        "the same namespace; `file:///PATH` below a directory of the node that the operator's setting "
        "`allowedFilePaths` allows.",
        examples=["hf://acme/smollm2-support", "pvc://models/adapters/support"],
    )
    revision: str | None = revision_field(
        "Branch, tag or commit of an adapter of `hf://` or `ms://`; it is pinned to the commit that is found first. "
        "Another one replaces the adapter on all workers, without a restart. Default: `main`, for ModelScope `master`."
    )
    token_secret_ref: TokenSecret | None = Field(
        None,
        description="The token for a gated or private adapter of `hf://` or `ms://`. Only the loader gets it.",
    )


class Lora(Model):
    """LoRA adapters of the model: how much room the engine keeps for them, and which there are."""

    max_rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] = Field(
        16,
        description="The highest rank that an adapter may have (vLLM `--max-lora-rank`). Room for it is kept on the "
        "accelerator, so no more than is needed. Another one replaces the workers.",
    )
    max_adapters: int = Field(
        4,
        ge=1,
        le=MOST_ADAPTERS,
        description="How many different adapters one batch can hold (vLLM `--max-loras`); requests for others wait for "
        "the next. Four times as many are kept in the memory of the worker. Another number replaces the workers.",
    )
    adapters: list[Adapter] = Field(
        [],
        max_length=MOST_ADAPTERS,
        description="The adapters. One that is added, changed or removed is loaded or unloaded while the workers go on "
        "answering; they are replaced only where a volume has to be mounted that they do not have.",
        json_schema_extra=list_map("name"),
    )


class ServedModel(ModelSource):
    """A model as an LLMService serves it: where it comes from, its name, and its adapters."""

    lora: Lora | None = Field(
        None,
        description="Serves LoRA adapters of the model beside it, each under a name of its own. Setting or removing it "
        "replaces the workers; what `adapters` lists does not.",
    )


class AdapterPod(Model):
    """One adapter on one worker."""

    name: str = Field(max_length=253, description="Name of the Pod.")
    state: AdapterPodState = Field(description="How far it is there.")
    message: str | None = Field(
        None, max_length=512, description="Why it is not loaded, in the engine's words."
    )


class AdapterState(Model):
    """How an adapter stands."""

    name: str = Field(max_length=128, description="Its name.")
    phase: AdapterPhase = Field(description="How it stands in one word: Ready once all workers have it.")
    loaded: str = Field(
        max_length=16, description="Workers that have it, out of those that answer, as `2/2`."
    )
    revision: str | None = Field(None, max_length=128, description="The commit that it is pinned to.")
    message: str | None = Field(None, max_length=1024, description="Why it is not Ready, and what to do.")
    pods: Annotated[list[AdapterPod], Field(max_length=MOST_PODS)] | None = Field(
        None,
        description="How far it is on each worker; of more than 16, those that lack it first.",
        json_schema_extra=list_map("name"),
    )
