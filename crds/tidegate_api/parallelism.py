"""How a model is spread over accelerators: `spec.parallelism`.

Owns these fields. Must not know how many accelerators a Pod has: the operator compares.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from tidegate_api.schema import Model, rules

_RAY_ALONE: Final = (
    "parallelism.executor Ray needs tensor x pipeline above 1: a model in one process needs no executor"
)


class Parallelism(Model):
    """Over how many processes a model is spread, each on an accelerator of its own."""

    model_config = rules(("self.executor != 'Ray' || self.tensor * self.pipeline > 1", _RAY_ALONE))

    tensor: int = Field(
        1,
        ge=1,
        le=64,
        description="Parts into which every layer is cut (vLLM `--tensor-parallel-size`). It must divide the model's "
        "attention heads. The parts talk at every layer: keep them within one node where you can.",
    )
    pipeline: int = Field(
        1,
        ge=1,
        le=64,
        description="Stages into which the layers are put one after another (vLLM `--pipeline-parallel-size`). Stages "
        "talk little: this is for nodes with a slow network between them.",
    )
    data: int = Field(
        1,
        ge=1,
        le=64,
        description="Copies of the model inside one worker (vLLM `--data-parallel-size`), each of tensor x pipeline "
        "processes, all in one Pod. For copies in Pods of their own raise `replicas`.",
    )
    executor: Literal["Processes", "Ray"] = Field(
        "Processes",
        description="What starts the processes: vLLM itself, or a Ray cluster that lives inside the worker's Pods "
        "(`Ray` needs an image with Ray in it).",
    )

    @property
    def ranks(self) -> int:
        """Return over how many processes one copy of the model is spread."""
        return self.tensor * self.pipeline

    @model_validator(mode="after")
    def _has_something_to_execute(self) -> Self:
        if self.executor == "Ray" and self.ranks == 1:
            raise ValueError(_RAY_ALONE)
        return self
