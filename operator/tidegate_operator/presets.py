"""Which flags of vLLM a preset stands for on this accelerator and model, each with its reason.

Owns the table and its sources. What vLLM 0.32 has on by default is never set: chunked prefill, prefix caching,
asynchronous scheduling, compilation. Must not know what users or profiles have set: `chosen` is handed what is taken.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_api.settings import Accelerator
from tidegate_api.tuning import Preset
from tidegate_operator import flags

DEFAULT: Final[Preset] = "Balanced"

# Tokens of a step below which vLLM's guide sees tokens come more evenly, and above which it sees more of them
# (docs/configuration/optimization.md, "Chunked Prefill").
_EVEN_TOKENS: Final = 2048
_MANY_TOKENS: Final = 8192
# A step of 2,048 tokens takes a CPU seconds. What chunks of 256 gave on one is in docs/benchmarks/engine.md.
_EVEN_TOKENS_ON_CPU: Final = 512
# What names a GPU whose tensor cores compute in FP8 (compute capability 8.9 and up) in a profile's name.
_HAS_FP8: Final = ("l4", "l40", "l40s", "h20", "h100", "h200", "gh200", "b200", "b300", "gb200", "gb300")


@dataclass(frozen=True, slots=True)
class Choice:
    """A flag that was chosen, its value (None: it takes none), and why."""

    flag: str
    value: str | None
    reason: str

    @property
    def words(self) -> tuple[str, ...]:
        """Return the flag as vLLM gets it."""
        return (self.flag,) if self.value is None else (self.flag, self.value)

    @property
    def text(self) -> str:
        """Return the flag in one word."""
        return self.flag if self.value is None else f"{self.flag}={self.value}"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a choice stands on.

    `profile` is the name of the resource profile; `batched_tokens` are the most tokens of a step and `requests` the
    most requests at a time, as the engine would have them without a preset. `length` is the longest sequence and
    `keeps_heads` whether each layer keeps keys and values of heads, None and False where the model is not known.
    """

    accelerator: Accelerator
    profile: str
    batched_tokens: int
    requests: int
    length: int | None = None
    keeps_heads: bool = False


def chosen(preset: Preset, ground: Ground, taken: Sequence[str]) -> tuple[Choice, ...]:
    """Return the flags of a preset but for those that are set in `taken`, under whichever name."""
    return left(_PRESETS[preset](ground), taken)


def left(choices: Iterable[Choice], taken: Sequence[str]) -> tuple[Choice, ...]:
    """Return the choices whose flags are not set in `taken`, under whichever name."""
    table = flags.engine_table()
    return tuple(one for one in choices if not flags.sets_any(taken, frozenset({one.flag}), table))


def _balanced(_ground: Ground) -> Iterator[Choice]:
    yield from ()


def _interactive(ground: Ground) -> Iterator[Choice]:
    if ground.accelerator == "nvidia":
        yield Choice(
            "--performance-mode",
            "interactivity",
            "captures a CUDA graph for each number of requests up to 32, so that no step of few requests is padded",
        )
    most = max(_EVEN_TOKENS_ON_CPU if ground.accelerator == "cpu" else _EVEN_TOKENS, ground.requests)
    if most < ground.batched_tokens:
        yield Choice(
            "--max-num-batched-tokens",
            str(most),
            f"prompts are read in pieces of {most} tokens instead of {ground.batched_tokens}, so that answers that are "
            "being written pause for less time; a long prompt alone takes longer",
        )


def _throughput(_ground: Ground) -> Iterator[Choice]:
    yield Choice(
        "--performance-mode",
        "throughput",
        "doubles vLLM's own limits of tokens in a step and of requests at a time: more of both share the weights' way "
        "through memory, and each waits a little longer",
    )


def _long_context(ground: Ground) -> Iterator[Choice]:
    if ground.keeps_heads and (ground.accelerator == "cpu" or _has_fp8(ground.profile)):
        yield Choice(
            "--kv-cache-dtype",
            "fp8",
            "keys and values take half the memory, so twice the tokens fit; answers may differ slightly: compare them, "
            "and set spec.engine.kvCacheDtype to auto if they must not",
        )
    share = ground.batched_tokens // 2
    if ground.length is not None and share < ground.length:
        yield Choice(
            "--long-prefill-token-threshold",
            str(share),
            "a long prompt takes at most half of a step while others wait, so that short ones start beside it",
        )


def _batch(ground: Ground) -> Iterator[Choice]:
    yield from _throughput(ground)
    if ground.accelerator == "nvidia" and ground.batched_tokens * 2 < _MANY_TOKENS:
        yield Choice(
            "--max-num-batched-tokens",
            str(_MANY_TOKENS),
            f"vLLM's guide advises {_MANY_TOKENS} and more where only tokens per second count, and this accelerator's "
            f"default is {ground.batched_tokens}",
        )


def _has_fp8(profile: str) -> bool:
    return not set(profile.lower().split("-")).isdisjoint(_HAS_FP8)


_PRESETS: Final[Mapping[Preset, Callable[[Ground], Iterator[Choice]]]] = {
    "Balanced": _balanced,
    "Interactive": _interactive,
    "Throughput": _throughput,
    "LongContext": _long_context,
    "Batch": _batch,
}
