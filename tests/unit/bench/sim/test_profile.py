"""What a simulated engine is told to be."""

from pathlib import Path

import pytest

from tidegate_bench.sim.profile import Profile, load


def test_changes_are_json_or_words_and_come_on_top_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"max_num_seqs": 8, "model": "big"}')
    made = load(file, ["max_num_seqs=16", "scheduling_policy=fcfs", 'adapters=["a","b"]'])
    assert (made.max_num_seqs, made.model, made.scheduling_policy, made.adapters) == (
        16,
        "big",
        "fcfs",
        ("a", "b"),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("max_num_seqs=0", "max_num_seqs must be at least 1"),
        ("num_gpu_blocks=10", "num_gpu_blocks=10 of 16 tokens hold fewer than max_model_len=8192"),
        ("colour=red", "colour"),
        ("scheduling_policy=lifo", "lifo"),
        ("max_num_seqs", "expected name=value"),
    ],
)
def test_what_cannot_run_is_refused_by_name(change: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(None, [change])


def test_a_step_costs_what_it_computes() -> None:
    profile = Profile(
        step_seconds=1,
        prefill_token_seconds=0.1,
        decode_seq_seconds=0.01,
        context_token_seconds=0.001,
        lora_load_seconds=10,
    )
    assert profile.duration(3, 2, 5, 1) == pytest.approx(1 + 0.3 + 0.02 + 0.005 + 10)
    assert profile.faster(10).duration(3, 2, 5, 1) == pytest.approx(1.1325)
    assert profile.faster(10).max_num_seqs == profile.max_num_seqs
