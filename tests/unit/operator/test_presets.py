"""The flags of each preset: what is set on which accelerator and model, and what is left to whoever has set it."""

from typing import Any

import pytest

from objects import observed, service, status
from tidegate_api.fit.shape import to_json
from tidegate_api.settings import ResourceProfile, Settings
from tidegate_api.tuning import Preset
from tidegate_operator import flags
from tidegate_operator.presets import Ground, chosen
from tidegate_operator.resolve import resolve
from unit.fit.families import LLAMA_3_8B, shape_of

SMALL = Ground("nvidia", "nvidia-l4", batched_tokens=2048, requests=256)
LARGE = Ground("nvidia", "nvidia-h100-80gb", batched_tokens=8192, requests=1024)
OLD = Ground("nvidia", "nvidia-a100-80gb", batched_tokens=2048, requests=256, length=32768, keeps_heads=True)
CPU = Ground("cpu", "cpu", batched_tokens=2048, requests=128)
LLAMA = {"length": 32768, "keeps_heads": True}


def known(ground: Ground, **more: Any) -> Ground:
    return Ground(**{**{name: getattr(ground, name) for name in Ground.__slots__}, **more})


CASES = [
    pytest.param("Balanced", LARGE, [], id="balanced: vLLM's own defaults are never set"),
    pytest.param(
        "Interactive",
        LARGE,
        ["--performance-mode=interactivity", "--max-num-batched-tokens=2048"],
        id="interactive on a large GPU: small graphs, small pieces of prompts",
    ),
    pytest.param(
        "Interactive", SMALL, ["--performance-mode=interactivity"], id="pieces are small there already"
    ),
    pytest.param(
        "Interactive", CPU, ["--max-num-batched-tokens=512"], id="interactive on a CPU, which has no graphs"
    ),
    pytest.param(
        "Interactive",
        known(CPU, requests=600),
        ["--max-num-batched-tokens=600"],
        id="never less than the requests at a time, which vLLM refuses",
    ),
    pytest.param("Throughput", SMALL, ["--performance-mode=throughput"], id="throughput"),
    pytest.param("Throughput", CPU, ["--performance-mode=throughput"], id="throughput on a CPU"),
    pytest.param("LongContext", SMALL, [], id="long context of a model that nobody knows"),
    pytest.param(
        "LongContext",
        known(LARGE, **LLAMA),
        ["--kv-cache-dtype=fp8", "--long-prefill-token-threshold=4096"],
        id="long context where FP8 is computed",
    ),
    pytest.param(
        "LongContext", OLD, ["--long-prefill-token-threshold=1024"], id="long context where it is not"
    ),
    pytest.param(
        "LongContext",
        known(LARGE, length=4096, keeps_heads=True),
        ["--kv-cache-dtype=fp8"],
        id="a threshold that no prompt can reach, which vLLM refuses when it is above its length",
    ),
    pytest.param(
        "LongContext",
        known(CPU, length=8192, keeps_heads=False),
        ["--long-prefill-token-threshold=1024"],
        id="a model that keeps one vector for all heads keeps its type of cache",
    ),
    pytest.param(
        "Batch",
        SMALL,
        ["--performance-mode=throughput", "--max-num-batched-tokens=8192"],
        id="batch on a small GPU, whose default is far below what the guide advises",
    ),
    pytest.param(
        "Batch", LARGE, ["--performance-mode=throughput"], id="batch on a large one: doubled is enough"
    ),
]


@pytest.mark.parametrize(("preset", "ground", "expected"), CASES)
def test_a_preset_stands_for(preset: Preset, ground: Ground, expected: list[str]) -> None:
    assert [one.text for one in chosen(preset, ground, [])] == expected


@pytest.mark.parametrize(("preset", "ground", "expected"), CASES)
def test_each_flag_is_one_that_this_vllm_takes(preset: Preset, ground: Ground, expected: list[str]) -> None:
    words = [word for one in chosen(preset, ground, []) for word in one.words]
    assert flags.problems(words, flags.engine_table(), "preset") == []


@pytest.mark.parametrize(("preset", "ground", "expected"), CASES)
def test_each_flag_has_a_reason_that_fits_into_the_status(
    preset: Preset, ground: Ground, expected: list[str]
) -> None:
    assert all(40 < len(one.reason) <= 512 for one in chosen(preset, ground, []))


@pytest.mark.parametrize(
    "word",
    ["--max-num-batched-tokens=4096", "--max_num_batched_tokens=4096"],
    ids=["its name", "underscores"],
)
def test_a_flag_that_is_set_is_left_alone(word: str) -> None:
    found = [one.flag for one in chosen("Interactive", LARGE, [word])]
    assert found == ["--performance-mode"]


# ---- in a Service

H100 = ResourceProfile(accelerator="nvidia", accelerator_memory="79Gi", limits={"nvidia.com/gpu": "1"})
SETTINGS = Settings(resource_profiles={**Settings().resource_profiles, "nvidia-h100": H100})


def engine_of(**spec: Any) -> tuple[str, ...]:
    facts = observed(service(resourceProfile="nvidia-h100:1", **spec))
    return resolve(facts, SETTINGS).engine_args


def test_a_preset_comes_after_the_profile_and_before_fields_and_the_users_words() -> None:
    words = engine_of(engine={"preset": "Interactive", "maxNumSeqs": 64, "args": ["--seed=1"]})
    assert words[-7:] == (
        *("--performance-mode", "interactivity", "--max-num-batched-tokens", "2048"),
        *("--max-num-seqs", "64", "--seed=1"),
    )


def test_what_the_user_sets_in_words_the_preset_does_not() -> None:
    words = engine_of(engine={"preset": "Interactive", "args": ["--max-num-batched-tokens=4096"]})
    assert [word for word in words if "batched" in word] == ["--max-num-batched-tokens=4096"]


def test_without_a_preset_nothing_is_set() -> None:
    assert engine_of() == engine_of(engine={"preset": "Balanced"})


def test_the_status_names_the_preset_its_flags_and_why() -> None:
    facts = observed(service(resourceProfile="nvidia-h100:1", engine={"preset": "Throughput"}))
    (told,) = status(facts, SETTINGS)["engine"]["flags"]
    assert told["flag"] == "--performance-mode=throughput"
    assert "doubles" in told["reason"]


def test_the_status_says_balanced_where_nothing_is_said() -> None:
    assert status(observed())["engine"] == {"preset": "Balanced"}


def test_another_engine_has_no_flags_of_vllms() -> None:
    facts = observed(service(engine={"type": "Custom", "image": "llama:1"}))
    assert "engine" not in status(facts)


def test_what_was_chosen_stays_in_the_status_while_the_spec_cannot_be_read() -> None:
    broken = service(engine={"args": ["--nonsense"]})
    broken["status"] = {"engine": {"preset": "Batch"}}
    assert status(observed(broken))["engine"] == {"preset": "Batch"}


def test_the_estimate_reckons_with_what_the_preset_has_changed() -> None:
    """Twice the tokens of a step take more memory, which the KV cache has not."""
    shape = to_json(shape_of(LLAMA_3_8B, 16_060_522_496))
    hub = {"uri": "hf://meta-llama/Llama-3.1-8B", "revision": "main"}

    def tokens(preset: str) -> int:
        model = {
            "metadata": {"name": "llama", "namespace": "team-a"},
            "spec": hub,
            "status": {
                "shape": shape,
                "path": "hf/a/b",
                "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": ""}],
            },
        }
        asked = service(model=hub, resourceProfile="nvidia-h100:1", engine={"preset": preset})
        found = status(observed(asked, model=model), SETTINGS)["estimate"]
        return int(found["kvCacheTokens"])

    assert tokens("Throughput") < tokens("Balanced") < tokens("LongContext")
    assert tokens("LongContext") == pytest.approx(2 * tokens("Balanced"), rel=0.01)
