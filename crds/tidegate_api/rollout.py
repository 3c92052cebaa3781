"""How a new version of an LLMService's workers takes the place of the one before: `spec.rollout`, `status.rollout`.

Owns these fields. Must not decide how far a rollout is: the operator does.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_api.schema import Model, pattern_message, rules

_NO_ROOM: Final = (
    "rollout.maxSurge and rollout.maxUnavailable must not both be 0: no worker could be replaced; set one of them "
    "to 1"
)

Phase = Literal["Stable", "Canary", "Promoting", "RollingBack", "RolledBack"]
# What is thought of a version: not known yet, good so far, good, bad, or decided by a person.
Verdict = Literal["Waiting", "Passing", "Passed", "Failed", "Promoted", "Aborted", "Withdrawn"]


class CanaryStep(Model):
    """One step of a canary: how much goes to it, and for how long at least."""

    weight: int = Field(
        ge=1,
        le=100,
        description="Percent of the conversations that the new version is given in this step. It gets as many workers "
        "of its own as that takes, at least one in each pool that has any.",
    )
    pause_seconds: int = Field(
        60,
        ge=0,
        le=604800,
        description="How long this step lasts at least, from when its workers are ready. It lasts longer while "
        "`analysis.minRequests` are not reached.",
    )


class GoldenPrompts(Model):
    """The ConfigMap that holds prompts with what is expected of the answers."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        description="Name of a ConfigMap in the namespace of the LLMService. Each of its keys holds a YAML list of "
        "prompts: `{name, prompt | messages, contains | regex | exact, maxTokens}`; at most 50 prompts and 64 KiB.",
        json_schema_extra=pattern_message(
            "goldenPromptsRef.name must be the name of a ConfigMap: lower-case letters, digits, '-' and '.'"
        ),
    )


class Analysis(Model):
    """How the new version is compared with the one in use."""

    min_requests: int = Field(
        50,
        ge=0,
        le=1_000_000,
        description="So many requests the new version must have ended before anything follows from its errors and its "
        "times, and before it goes a step on. 0: golden prompts alone are enough to promote it; without them, one "
        "request is needed.",
    )
    max_error_percent: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Most percent of its requests that may fail, or as many as fail at the version in use if that is "
        "more. It has failed once chance explains its errors in less than one of a hundred cases.",
    )
    max_ttft_regression_percent: float = Field(
        20.0,
        ge=0,
        le=10_000,
        alias="maxTTFTRegressionPercent",
        description="How much longer, in percent, its 90th percentile of the time to the first token may be than that "
        "of the version in use over the same time.",
    )
    golden_prompts_ref: GoldenPrompts | None = Field(
        None,
        description="Prompts that the operator asks a worker of the new version before it gets any request; one wrong "
        "answer and it has failed.",
    )
    auto_rollback: bool = Field(
        True,
        description="Whether a version that has failed is taken back at once. False: it gets no request any more, and "
        "waits for `tidegate rollouts promote` or `tidegate rollouts abort`.",
    )


class CanarySettings(Model):
    """A new version gets workers of its own beside those in use, and a share of the requests that grows by steps."""

    steps: list[CanaryStep] = Field(
        min_length=1,
        max_length=20,
        description="The steps, in order. After the last one all workers become of the new version.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    analysis: Analysis = Field(Analysis(), description="What is asked of it in each step.")


class Rollout(Model):
    """How workers are replaced when the spec asks for others."""

    model_config = rules(
        # The default of `spec.rollout`, in which nothing has been filled in yet, is checked too.
        (
            "!has(self.maxSurge) || !has(self.maxUnavailable) || self.maxSurge + self.maxUnavailable > 0",
            _NO_ROOM,
        )
    )

    max_surge: int = Field(
        1,
        ge=0,
        le=1000,
        description="Most workers of a pool beyond those wanted while they are replaced. Where no node can take one, "
        "the rollout goes on without: one worker of at least two is taken down first.",
    )
    max_unavailable: int = Field(
        0, ge=0, le=1000, description="Most workers of a pool that may be missing while they are replaced."
    )
    drain_seconds: int | None = Field(
        None,
        ge=1,
        le=3600,
        description="How long a stopping worker may finish the answers it has begun. Default: the chart's "
        "`worker.drainSeconds`.",
    )
    canary: CanarySettings | None = Field(
        None, description="Tries a new version on a share of the requests first. Unset: a rolling update."
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.max_surge + self.max_unavailable == 0:
            raise ValueError(_NO_ROOM)
        return self


class VersionFigures(Model):
    """What the gateways counted of one version since they know of the other."""

    requests: int | None = Field(None, ge=0, description="Requests that ended there.")
    errors: int | None = Field(
        None, ge=0, description="Those of them that the workers failed on, whoever answered them then."
    )
    ttft_p50_milliseconds: int | None = Field(
        None, ge=0, alias="ttftP50Milliseconds", description="Median of the time to the first token."
    )
    ttft_p90_milliseconds: int | None = Field(
        None, ge=0, alias="ttftP90Milliseconds", description="90th percentile of the time to the first token."
    )


class RolloutStatus(Model):
    """Which versions there are, and how far the one that is tried has come."""

    phase: Phase | None = Field(
        None,
        description="`Stable`: one version. `Canary`: another is tried. `Promoting`: all workers become of it. "
        "`RollingBack`: its workers go. `RolledBack`: it has failed, and is not tried again until the spec changes.",
    )
    revision: str | None = Field(
        None, max_length=63, description="The version in use: the label serving.tidegate.dev/revision."
    )
    canary_revision: str | None = Field(
        None,
        max_length=63,
        description="The version that is tried, promoted or taken back, or that has failed.",
    )
    step: int | None = Field(None, ge=0, description="Which step of the canary, from 1.")
    steps: int | None = Field(None, ge=0, description="How many steps there are.")
    weight: int | None = Field(
        None,
        ge=0,
        le=100,
        description="Percent of the conversations that gateways give to the version that is tried.",
    )
    started_at: str | None = Field(None, max_length=32, description="When the rollout began (RFC 3339).")
    step_started_at: str | None = Field(
        None,
        max_length=32,
        description="Since when the weight is what it is, or its workers are awaited (RFC 3339).",
    )
    verdict: Verdict | None = Field(None, description="What is thought of the version that is tried.")
    message: str | None = Field(
        None, max_length=4096, description="Why, in words; what is awaited, or what failed."
    )
    stable: VersionFigures | None = Field(None, description="The version in use.")
    canary: VersionFigures | None = Field(None, description="The version that is tried.")
    golden: str | None = Field(
        None, max_length=16, description="Golden prompts that were answered as expected, of all, as `5/5`."
    )
