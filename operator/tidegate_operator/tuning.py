"""What Tidegate chooses for the engine, worked into the words that profile, fields and user give it.

Owns the order: own, profile, preset, fields, user; vLLM takes the last. Must not know what a preset stands for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate_api.fit.shape import Shape
from tidegate_api.serving import Engine
from tidegate_api.settings import Accelerator
from tidegate_operator import presets
from tidegate_operator.asked import Asked
from tidegate_operator.presets import Choice, Ground


@dataclass(frozen=True, slots=True)
class Words:
    """What the engine is told: by its resource profile and the accelerators it gets, and by the LLMService."""

    profile: Sequence[str] = ()
    service: Sequence[str] = ()

    @property
    def all(self) -> list[str]:
        """Return both, in their order."""
        return [*self.profile, *self.service]


@dataclass(frozen=True, slots=True)
class Tuned:
    """The words with what was chosen, and what `status.engine` says of it, None where nothing was to be chosen."""

    words: tuple[str, ...]
    state: Mapping[str, Any] | None = None


def tune(
    engine: Engine, words: Words, of_fields: Sequence[Choice], asked: Asked, shape: Shape | None
) -> Tuned:
    """Return the words with what preset and fields add; `asked` is read from them without that.

    `shape` is None where nobody has read the model's config.json.
    """
    preset = engine.preset or presets.DEFAULT
    kept = presets.left(of_fields, engine.args)
    taken = [*words.service, *(word for one in kept for word in one.words)]
    choices = [*presets.chosen(preset, _ground(asked, shape), taken), *kept]
    added = [word for one in choices for word in one.words]
    return Tuned((*words.profile, *added, *words.service), _state(preset, choices))


def _ground(asked: Asked, shape: Shape | None) -> Ground:
    serving = asked.serving
    accelerator: Accelerator = "cpu" if serving.on_cpu else "nvidia"
    return Ground(
        accelerator=accelerator,
        profile=asked.profile,
        batched_tokens=serving.batched_tokens,
        requests=asked.requests,
        length=serving.max_model_len if shape is None else serving.length(shape),
        keeps_heads=shape is not None and shape.latent_dim is None and shape.unknown is None,
    )


def _state(preset: str, choices: Sequence[Choice]) -> Mapping[str, Any]:
    told = [{"flag": one.text, "reason": one.reason} for one in choices]
    return {"preset": preset, **({"flags": told} if told else {})}
