"""What was found by trying inputs at random, each by the name of what it was: none of it may come back."""

import json

import pytest

from tidegate_console import bodies
from tidegate_console.problems import Problem
from tidegate_gateway.routing.exposition import read_report
from tidegate_operator.engines import Unusable, figures
from tidegate_operator.exposition import read_page
from tidegate_operator.promql import Pod, read_answers
from tidegate_worker.safetensors import MAX_DIMENSIONS, header_problem

NEEDED = "vllm:num_requests_running 1\nvllm:num_requests_waiting 2\nvllm:kv_cache_usage_perc 0.5\n"
MANY = "9" * 5000
BLOCKS = {
    "blocks of more digits than Python reads": f'num_gpu_blocks="{MANY}",block_size="16"',
    "blocks of more digits than a float has": f'num_gpu_blocks="{"9" * 400}",block_size="{"9" * 400}"',
    "digits of another script": 'num_gpu_blocks="٣",block_size="²"',
    "a size of more digits than Python reads": f'kv_cache_size_tokens="{MANY}"',
}


@pytest.mark.parametrize("labels", BLOCKS.values(), ids=BLOCKS)
def test_a_worker_with_an_endless_cache_is_told_without_it(labels: str) -> None:
    page = f"{NEEDED}vllm:cache_config_info{{{labels}}} 1\n"
    assert figures(read_page(page), 0.0, 0.0).kv_capacity_tokens == 0
    report = read_report(page.encode(), 0.0)
    assert report is not None
    assert report.kv_tokens == 0


@pytest.mark.parametrize("labels", BLOCKS.values(), ids=BLOCKS)
def test_one_worker_with_an_endless_cache_hides_no_other_from_Prometheus(labels: str) -> None:
    said = dict(pair.split("=") for pair in labels.replace('"', "").split(","))
    hostile = {"metric": {"namespace": "ns", "pod": "bad", **said}, "value": [0, "1"]}
    good = {
        "metric": {"namespace": "ns", "pod": "good", "num_gpu_blocks": "5", "block_size": "16"},
        "value": [0, "1"],
    }
    read = read_answers({"kv_capacity_tokens": [hostile, good], "running": [good]})
    assert read[Pod("ns", "good")] == {"kv_capacity_tokens": 80.0, "running": 1.0}


def test_a_whole_number_beyond_all_floats_is_no_sample() -> None:
    huge = {"metric": {"namespace": "ns", "pod": "p"}, "value": [0, 10**400]}
    assert read_answers({"running": [huge]}) == {}


@pytest.mark.parametrize("value", ["1e308", "1e300", "-1e308", "9" * 400])
def test_engines_that_count_beyond_all_floats_together_are_no_report(value: str) -> None:
    lines = "".join(f'vllm:num_requests_running{{engine="{i}"}} {value}\n' for i in range(3))
    page = NEEDED.replace("vllm:num_requests_running 1\n", lines)
    assert read_report(page.encode(), 0.0) is None
    with pytest.raises(Unusable):
        figures(read_page(page), 0.0, 0.0)


def test_a_tensor_of_very_many_dimensions_is_not_multiplied() -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [9] * 1_000_000, "data_offsets": [0, 4]}}).encode()
    assert f"the limit is {MAX_DIMENSIONS}" in (header_problem(header, len(header) + 12) or "")


ODD = {
    "half of a character": rb'{"x":"\ud800"}',
    "half of a character in a key": rb'{"\udc00":1}',
    "what is no number": b'{"x":NaN}',
    "a number beyond all": b'{"x":1e999}',
    "a number below all": b'{"x":-Infinity}',
    "a key twice": b'{"x":1,"x":2}',
    "a key twice deep inside": b'{"x":[{"y":{"z":1,"z":2}}]}',
}


@pytest.mark.parametrize("spec", ODD.values(), ids=ODD)
def test_the_console_sends_on_nothing_that_nobody_has_written(spec: bytes) -> None:
    with pytest.raises(Problem) as told:
        bodies.read(bodies.Applied, b'{"namespace":"a","name":"b","spec":%b}' % spec)
    assert told.value.status == 400


@pytest.mark.parametrize("coding", ["utf-16", "utf-32", "utf-8-sig"])
def test_the_console_reads_one_coding(coding: str) -> None:
    with pytest.raises(Problem):
        bodies.read(bodies.Applied, '{"namespace":"a","name":"b","spec":{}}'.encode(coding))
