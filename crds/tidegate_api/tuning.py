"""What makes vLLM quick for one kind of work: the fields of `spec.engine` with which Tidegate chooses flags.

Owns these fields and what `status.engine` says of them. Must not know flags: the operator chooses them.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_api.quantity import Quantity
from tidegate_api.schema import Model, list_map, pattern_message, rules
from tidegate_api.source import CLAIM_URI_PATTERN, HUB_URI_PATTERN, TokenSecret, revision_field

Preset = Literal["Balanced", "Interactive", "Throughput", "LongContext", "Batch"]
SpeculativeMethod = Literal["ngram", "draft_model", "eagle", "eagle3", "mtp"]

# Methods that need a second model, and those that have none.
_WITH_DRAFT: Final = ("draft_model", "eagle", "eagle3")
_HUB: Final = "self.uri.matches('^(hf|ms)://')"
_NEEDS_DRAFT: Final = (
    "engine.speculative.model names the model that guesses: it is needed for draft_model, eagle and eagle3, and "
    "ngram and mtp have none"
)
_LOOKUP: Final = "engine.speculative.promptLookupMax and promptLookupMin are for the method ngram only"
_LOOKUP_ORDER: Final = "engine.speculative.promptLookupMin must not be above promptLookupMax"


class DraftSource(Model):
    """Where the model is that guesses."""

    model_config = rules(
        (
            "self.uri.matches('^(hf|ms|pvc)://') || self.uri.startsWith('file:///')",
            "engine.speculative.model.uri has a scheme that a draft cannot come from: use hf://ORG/NAME, "
            "ms://ORG/NAME, pvc://CLAIM/PATH or file:///PATH",
        ),
        (
            "!self.uri.contains('..')",
            "engine.speculative.model.uri must not contain '..': name the directory of the model itself",
        ),
        (
            f"!{_HUB} || self.uri.matches('{HUB_URI_PATTERN}') && !self.uri.contains('--')",
            "engine.speculative.model.uri must be hf://ORG/NAME or ms://ORG/NAME, as the hub spells them",
        ),
        (
            f"!self.uri.startsWith('pvc://') || self.uri.matches('{CLAIM_URI_PATTERN}')",
            "engine.speculative.model.uri must be pvc://CLAIM/PATH, where CLAIM is the name of a PersistentVolumeClaim",
        ),
        (
            f"{_HUB} || !has(self.revision) && !has(self.tokenSecretRef)",
            "engine.speculative.model.revision and tokenSecretRef are for hf:// and ms:// only",
        ),
        (
            "!has(self.revision) || !self.revision.contains('..') && !self.revision.contains('//')",
            "engine.speculative.model.revision must not contain '..' or '//'",
        ),
    )

    uri: str = Field(
        max_length=1024,
        description="Where it is, as in `spec.model.uri`: `hf://`, `ms://`, `pvc://` or `file:///`.",
        examples=["hf://yuhuili/EAGLE3-LLaMA3.1-Instruct-8B", "pvc://models/smollm2-135m-instruct"],
    )
    revision: str | None = revision_field(
        "Branch, tag or commit of a model of `hf://` or `ms://`. Default: `main`, for ModelScope `master`."
    )
    token_secret_ref: TokenSecret | None = Field(
        None, description="The token for a gated or private model. Only the loader gets it."
    )


class Speculative(Model):
    """Tokens that are guessed cheaply and checked together: fewer steps for an answer, and more work in each."""

    model_config = rules(
        (
            "has(self.model) == (self.method in ['draft_model', 'eagle', 'eagle3'])",
            _NEEDS_DRAFT,
        ),
        (
            "self.method == 'ngram' || !has(self.promptLookupMax) && !has(self.promptLookupMin)",
            _LOOKUP,
        ),
        (
            "!has(self.promptLookupMax) || !has(self.promptLookupMin) || self.promptLookupMin <= self.promptLookupMax",
            _LOOKUP_ORDER,
        ),
    )

    method: SpeculativeMethod = Field(
        description="Who guesses. `ngram`: what followed the same words earlier in the prompt or answer; it costs next "
        "to nothing, and helps where answers repeat their prompt (edits, summaries, extraction). `draft_model`: a "
        "small model with the same vocabulary. `eagle`, `eagle3`: a head trained for this very model. `mtp`: layers "
        "that the model brings itself.",
    )
    model: DraftSource | None = Field(
        None, description="The model that guesses, for `draft_model`, `eagle` and `eagle3`."
    )
    num_speculative_tokens: int | None = Field(
        None,
        ge=1,
        le=32,
        description="How many tokens are guessed at a time. Default: 4, for `mtp` 1: such models are trained to guess "
        "one.",
    )
    prompt_lookup_max: int | None = Field(
        None, ge=1, le=64, description="`ngram`: the most words that are looked up. Default: vLLM's own, 5."
    )
    prompt_lookup_min: int | None = Field(
        None,
        ge=1,
        le=64,
        description="`ngram`: the fewest words that are looked up. Default: `promptLookupMax`.",
    )
    max_running: int = Field(
        8,
        ge=1,
        le=65535,
        description="Nothing is guessed while a worker runs more requests than this: then its steps are full without "
        "guesses, which only take room. Published runs gain most with one request and lose with many; raise it where "
        "`vllm:spec_decode_num_accepted_tokens_total` says that most guesses are right.",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.model is not None) != (self.method in _WITH_DRAFT):
            raise ValueError(_NEEDS_DRAFT)
        low, high = self.prompt_lookup_min, self.prompt_lookup_max
        if self.method != "ngram" and (low, high) != (None, None):
            raise ValueError(_LOOKUP)
        if low is not None and high is not None and low > high:
            raise ValueError(_LOOKUP_ORDER)
        return self


class KvCacheOffloading(Model):
    """Memory beside the accelerator's own for keys and values that do not fit there any more."""

    cpu: Quantity = Field(
        description="How much of the node's memory each worker sets aside, such as `16Gi`; its memory request and "
        "limit grow by as much. It pays where the same long prompts come back after others have pushed them out; "
        "without that it costs a few percent.",
    )


class CompileCache(Model):
    """Where compiled code is kept from one start of a worker to the next."""

    claim_name: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="A PersistentVolumeClaim of the same namespace that all workers of this LLMService mount and write "
        "to: ReadWriteMany, or ReadWriteOnce where they are on one node. What is in it is run by the workers: give it "
        "to nobody else.",
        json_schema_extra=pattern_message(
            "compileCache.claimName must be the name of a PersistentVolumeClaim"
        ),
    )


class Tuning(Model):
    """What the engine is to be good at."""

    preset: Preset | None = Field(
        None,
        description="What the engine is to be good at; the flags that follow, each with its reason, are in "
        "`status.engine`. A flag that another field or `args` sets is left as it is set there. `Balanced`: vLLM's own "
        "defaults, among them chunked prefill and prefix caching. `Interactive`: few callers, who wait for each token. "
        "`Throughput`: many callers, and tokens per second count. `LongContext`: long prompts beside short ones. "
        "`Batch`: nobody waits. Default: `Balanced`.",
    )
    speculative: Speculative | None = Field(
        None, description="Speculative decoding: tokens are guessed and checked together. Unset: none."
    )
    kv_cache_offloading: KvCacheOffloading | None = Field(
        None,
        description="Keeps keys and values in the node's memory when the accelerator's is full, instead of computing "
        "them again. For NVIDIA GPUs. Unset: no.",
    )
    compile_cache: CompileCache | None = Field(
        None,
        description="Keeps what the engine compiles, so that the next worker starts sooner. Unset: every worker "
        "compiles for itself.",
    )


class ChosenFlag(Model):
    """A flag that Tidegate has chosen, and why."""

    flag: str = Field(max_length=2048, description="The flag with its value, as vLLM gets it.")
    reason: str = Field(max_length=512, description="Why it is set.")


class EngineState(Model):
    """What Tidegate has chosen for the engine."""

    preset: Preset | None = Field(None, description="The preset, its default filled in.")
    flags: list[ChosenFlag] | None = Field(
        None,
        max_length=16,
        description="The flags that follow from the preset and from the fields about speed and memory; none: vLLM's "
        "own defaults.",
        json_schema_extra=list_map("flag"),
    )
