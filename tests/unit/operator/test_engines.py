"""What an engine says, however it is had: names, sums, bounds, and how fast it goes."""

from typing import Any

import pytest

from tidegate_operator.engines import AHEAD_SECONDS, STALE_SECONDS, Figures, Unusable, figures
from tidegate_operator.exposition import read_page
from tidegate_operator.pace import Pace, step, worker
from tidegate_operator.promql import QUERIES, SCRAPED_AT, Pod, read_answers

SOUND = {"waiting": 1.0, "running": 2.0, "kv_used": 0.5}


def line(metric: str, value: str, **labels: str) -> str:
    told = ",".join(f'{name}="{text}"' for name, text in {"engine": "0", "model_name": "m", **labels}.items())
    return f"vllm:{metric}{{{told}}} {value}\n"


PAGES: list[Any] = [
    pytest.param("", {}, id="nothing"),
    pytest.param("python_gc_objects_collected_total 3\n", {}, id="metrics of something else"),
    pytest.param(line("num_requests_running", "3.0"), {"running": 3}, id="requests that run"),
    pytest.param(
        line("num_requests_running", "3") + line("num_requests_running", "4", engine="1"),
        {"running": 7},
        id="two engines of one worker add up",
    ),
    pytest.param(
        line("num_requests_running", "3") + line("num_requests_running", "3"),
        {"running": 3},
        id="a series that is there twice is one",
    ),
    pytest.param(
        line("kv_cache_usage_perc", "0.2") + line("kv_cache_usage_perc", "0.9", engine="1"),
        {"kv_used": 0.9},
        id="the fullest engine is the first without room",
    ),
    pytest.param(
        line("num_requests_waiting_by_reason", "2", reason="capacity")
        + line("num_requests_waiting_by_reason", "5", reason="deferred")
        + line("num_requests_waiting", "7"),
        {"waiting": 2},
        id="what waits for an adapter does not wait for room",
    ),
    pytest.param(
        line("num_requests_waiting", "7"), {"waiting": 7}, id="an engine that does not tell the reasons apart"
    ),
    pytest.param(
        line("cache_config_info", "1.0", num_gpu_blocks="100", block_size="16"),
        {"kv_capacity_tokens": 1600},
        id="how many tokens the cache holds is in labels",
    ),
    pytest.param(
        line("cache_config_info", "1.0", num_gpu_blocks="None", block_size="16"),
        {"kv_capacity_tokens": 0},
        id="an engine that does not know how many",
    ),
    pytest.param(
        line("inter_token_latency_seconds_sum", "1.5")
        + line("inter_token_latency_seconds_count", "30")
        + line("inter_token_latency_seconds_bucket", "3", le="0.1"),
        {"gap_seconds": 1.5, "gaps": 30},
        id="of a histogram its sum and count",
    ),
    pytest.param(
        line("prompt_tokens_total", "1e3")
        + line("prompt_tokens_cached_total", "10")
        + line("generation_tokens_total", "5"),
        {"prompt_tokens": 1000, "cached_prompt_tokens": 10, "output_tokens": 5},
        id="counters of tokens",
    ),
    pytest.param("vllm:num_requests_running\n", {}, id="half a line"),
    pytest.param(
        'vllm:num_requests_running{model_name="a\\"}b",engine="0"} 2 1700000000000\n',
        {"running": 2},
        id="a model of a strange name, and a time",
    ),
]


@pytest.mark.parametrize(("page", "signals"), PAGES)
def test_signals_of_a_page(page: str, signals: dict[str, float]) -> None:
    assert read_page(page) == signals


def test_a_value_that_is_no_number_is_not_hidden_by_another() -> None:
    page = line("num_requests_running", "NaN") + line("num_requests_running", "3", engine="1")
    assert read_page(page)["running"] != read_page(page)["running"]


BAD: list[Any] = [
    pytest.param({"waiting": 1.0, "running": 2.0}, 0, "does not say kv_used", id="one that is needed"),
    pytest.param({**SOUND, "running": float("nan")}, 0, "running is nan", id="no number"),
    pytest.param({**SOUND, "output_tokens": float("inf")}, 0, "output_tokens is inf", id="no end"),
    pytest.param({**SOUND, "waiting": -1.0}, 0, "less than nothing", id="less than nothing"),
    pytest.param({**SOUND, "kv_used": 1.01}, 0, "more than all", id="more than all"),
    pytest.param(SOUND, STALE_SECONDS + 1, "31 s old", id="old"),
    pytest.param(SOUND, -AHEAD_SECONDS - 1, "6 s in the future", id="of the future"),
    pytest.param(SOUND, float("nan"), "no valid time", id="of no time"),
]


@pytest.mark.parametrize(("values", "age", "says"), BAD)
def test_what_cannot_be_is_no_measurement(values: dict[str, float], age: float, says: str) -> None:
    with pytest.raises(Unusable, match=says):
        figures(values, 1000 - age, 1000)


def test_what_an_engine_does_not_say_of_its_counters_is_nothing_new() -> None:
    found = figures(SOUND, 1000, 1000)
    assert found == Figures(1000, waiting=1, running=2, kv_used=0.5)


def vector(*samples: tuple[dict[str, str], object]) -> list[dict[str, Any]]:
    return [{"metric": labels, "value": [0, value]} for labels, value in samples]


def test_answers_are_put_together_by_pod() -> None:
    a, b = {"namespace": "n", "pod": "a"}, {"namespace": "n", "pod": "b"}
    blocks = {"num_gpu_blocks": "10", "block_size": "16"}
    found = read_answers(
        {
            "at": vector((a, "1000.5"), (b, "999")),
            "running": vector((a, "3")),
            "kv_capacity_tokens": vector(
                ({**a, "engine": "0", **blocks}, "1"), ({**a, "engine": "1", **blocks}, "1")
            ),
        }
    )
    assert found == {
        Pod("n", "a"): {"at": 1000.5, "running": 3, "kv_capacity_tokens": 320},
        Pod("n", "b"): {"at": 999},
    }


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        ["text"],
        [{}],
        [{"metric": {}, "value": [0, "1"]}],
        [{"metric": {"pod": "a"}, "value": [0, "1"]}],
        [{"metric": {"namespace": "n", "pod": "a"}}],
        [{"metric": {"namespace": "n", "pod": "a"}, "value": []}],
        [{"metric": {"namespace": "n", "pod": "a"}, "value": [0, "many"]}],
        [{"metric": {"namespace": "n", "pod": "a"}, "value": [0, None]}],
    ],
    ids=str,
)
def test_a_sample_of_another_shape_is_passed_over(result: Any) -> None:
    assert read_answers({"running": result}) == {}


def test_every_query_gives_one_sample_for_a_pod_and_asks_for_no_other_label() -> None:
    """What a job, an instance or a model is called differs; the names of namespace and Pod are all there is."""
    for name, query in QUERIES.items():
        assert "by (namespace, pod" in query, name
        assert "model_name" not in query
    assert QUERIES["at"] == SCRAPED_AT


def reading(at: float, output: float = 0.0, gaps: float = 0.0, gap_seconds: float = 0.0) -> Figures:
    return Figures(at, 0, 1, 0.1, output_tokens=output, gaps=gaps, gap_seconds=gap_seconds)


def test_the_first_reading_has_no_pace() -> None:
    assert step(None, reading(100, output=5000)) == Pace(reading(100, output=5000))


def test_the_pace_is_by_the_time_of_the_readings() -> None:
    found = step(Pace(reading(100)), reading(115, output=300, gaps=50, gap_seconds=2))
    assert (found.output_tokens, found.gap_seconds) == (20, 0.04)
    assert worker("w", found, reading(115), 10).output_tokens == 200


@pytest.mark.parametrize("at", [115, 110], ids=["the same", "an older one, by another way"])
def test_a_reading_that_is_no_newer_changes_nothing(at: float) -> None:
    before = step(Pace(reading(100)), reading(115, output=300))
    assert step(before, reading(at, output=200)) == before


def test_an_engine_that_starts_anew_has_no_pace_and_none_below_nothing() -> None:
    before = step(Pace(reading(100, output=1000)), reading(115, output=1300))
    assert step(before, reading(130, output=10)) == Pace(reading(130, output=10))


def test_an_engine_without_answers_has_no_time_between_tokens() -> None:
    assert step(Pace(reading(100)), reading(110)).gap_seconds is None
