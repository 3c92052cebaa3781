"""From what clients and engines say to figures, and from these to goals."""

from collections.abc import Mapping
from typing import Any

import pytest

from tidegate_bench.sim.fit import Seen
from tidegate_bench.sim.probe import Question
from tidegate_bench.techniques import witness
from tidegate_bench.techniques.batching import BATCHING
from tidegate_bench.techniques.counters import parse
from tidegate_bench.techniques.passes import told
from tidegate_bench.techniques.table import TECHNIQUES
from tidegate_bench.techniques.technique import ratio
from tidegate_bench.techniques.weights import judge

EXPOSITION = """\
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="1000"} 1.0
# TYPE vllm:spec_decode_num_draft_tokens counter
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m"} 40.0
# TYPE vllm:spec_decode_num_accepted_tokens counter
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m"} 30.0
"""


def test_blocks_in_use_are_told_as_the_tokens_they_have_room_for() -> None:
    counters = parse(EXPOSITION)

    assert counters.tokens_held == 0.25 * 1000 * 16
    assert (counters.drafted, counters.accepted) == (40, 30)


def test_an_engine_that_does_not_speculate_has_drafted_nothing() -> None:
    plain = "\n".join(line for line in EXPOSITION.splitlines() if "spec_decode" not in line) + "\n"

    assert parse(plain).drafted == 0


def test_an_exposition_without_a_cache_is_refused() -> None:
    with pytest.raises(KeyError):
        parse("# TYPE up gauge\nup 1\n")


def test_a_pass_counts_the_tokens_that_were_asked_for_however_they_were_sent() -> None:
    seen = [Seen(10, 0.0, (1.0, 2.0, 4.0)), Seen(10, 1.0, (3.0, 5.0))]
    measured = told(seen, [Question((1,), 6), Question((1,), 4)], seconds=5.0)

    assert measured.tokens_per_second == 2.0
    assert measured.latencies == (4.0, 4.0)
    assert measured.first_token_p50 == 1.5
    assert sorted(measured.gaps) == [1.0, 2.0, 2.0]


def test_arms_are_compared_within_their_round() -> None:
    rounds = [
        {"a": {"tokens/s": 10.0}, "b": {"tokens/s": 2.0}},
        {"a": {"tokens/s": 100.0}, "b": {"tokens/s": 20.0}},
    ]

    figure = ratio(rounds, "a", "b", "tokens/s")

    assert (figure.value, figure.low, figure.high) == (5.0, 5.0, 5.0)


def _batching(faster: float, sooner: float) -> list[Mapping[str, Mapping[str, float]]]:
    alone = {"tokens/s": 10.0, "latency p50": 8.0}
    batched = {"tokens/s": 10.0 * faster, "latency p50": 8.0 * sooner}
    static = {"tokens/s": 10.0 * faster / 2, "latency p50": 8.0}
    return [{"one at a time": alone, "static batches": static, "continuous": batched}] * 3


@pytest.mark.parametrize(
    ("faster", "sooner", "met"),
    [
        pytest.param(4.0, 0.25, [True, True, True], id="four times as much in a quarter of the time"),
        pytest.param(3.9, 0.25, [False, True, True], id="not quite as much"),
        pytest.param(4.0, 0.26, [True, False, True], id="not quite as soon"),
    ],
)
def test_batching_has_to_bring_both_throughput_and_latency(
    faster: float, sooner: float, met: list[bool]
) -> None:
    assert [goal.is_met for goal in BATCHING.judge(_batching(faster, sooner))] == met


def test_every_technique_measures_engines_that_it_has() -> None:
    assert len({technique.name for technique in TECHNIQUES}) == len(TECHNIQUES)
    for technique in TECHNIQUES:
        assert {arm.engine for arm in technique.arms} == set(technique.engines)


def _report(successful: int) -> dict[str, Any]:
    return {
        "benchmarks": [
            {
                "start_time": 100.0,
                "end_time": 110.0,
                "metrics": {
                    "request_totals": {"successful": successful},
                    "output_token_count": {"successful": {"total_sum": 1000.0}},
                    "request_latency": {"successful": {"median": 2.5}},
                    "time_to_first_token_ms": {"successful": {"median": 250.0}},
                },
            }
        ]
    }


def test_the_witness_tells_tokens_of_the_whole_run_and_seconds() -> None:
    assert witness.read(_report(witness.REQUESTS)) == {
        "tokens/s": 100.0,
        "latency p50": 2.5,
        "first token p50": 0.25,
    }


def test_a_witness_that_lost_a_request_is_no_witness() -> None:
    with pytest.raises(RuntimeError, match="31 of 32"):
        witness.read(_report(31))


def _form(memory: int) -> dict[str, int]:
    return {"files": 300, "matrices": 200, "memory": memory}


def test_small_weights_are_judged_by_what_the_engine_holds_of_the_layers() -> None:
    # 100 of 200 saved, and 140 of 200.
    eight, four = judge({"as stored": _form(1000), "int8": _form(900), "int4": _form(860)})

    assert (eight.figure.value, eight.is_met) == (0.5, True)
    assert (four.figure.value, four.is_met) == (pytest.approx(0.3), True)


def test_weights_that_were_only_smaller_on_disk_are_short() -> None:
    eight, four = judge({"as stored": _form(1000), "int8": _form(1000), "int4": _form(1000)})

    assert not eight.is_met
    assert not four.is_met
