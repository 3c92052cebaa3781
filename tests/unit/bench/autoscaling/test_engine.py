"""A simulated replica keeps the laws of its own arithmetic."""

from heapq import heapify, heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_bench.autoscaling.engine import Engine, Request
from tidegate_bench.autoscaling.model import Model

MODEL = Model()


def play(requests: list[Request], model: Model = MODEL, stride: bool = True) -> Engine:
    """Give an engine all its requests; without `stride` it computes step by step."""
    engine = Engine(model)
    # (time, arrival or end of a stride, number or version, request).
    events: list[tuple[float, int, int, Request | None]] = [
        (request.arrived, 1, number, request) for number, request in enumerate(requests)
    ]
    heapify(events)

    def planned() -> None:
        if not stride and engine.steps > 1:
            engine.steps, engine.due = 1, engine.begun + engine.step
        heappush(events, (engine.due, 0, engine.version, None))

    while events:
        now, _, version, request = heappop(events)
        if request is not None:
            if engine.submit(request, now):
                planned()
        elif version == engine.version:
            engine.end(now)
            assert 0 <= engine.tokens <= model.kv_tokens
            if engine.begin(now):
                planned()
    return engine


def test_a_request_alone_takes_a_step_for_its_prompt_and_one_for_each_further_token() -> None:
    request = Request(1.0, 700, 11)
    play([request])
    assert request.first == pytest.approx(1.0 + MODEL.duration(1, 700))
    assert request.end == pytest.approx(request.first + 10 * MODEL.duration(1, 0))


def test_a_long_prompt_is_computed_in_chunks() -> None:
    request = Request(0.0, 5000, 1)
    play([request])
    steps = sum(MODEL.duration(1, tokens) for tokens in (2048, 2048, 904))
    assert request.first == request.end == pytest.approx(steps)


def test_a_full_batch_goes_as_fast_as_the_step_formula_says() -> None:
    """Sixty-four answers of 400 tokens: the first begins alone, then each step has one token of each."""
    requests = [Request(0.0, 32, 400) for _ in range(64)]
    engine = play(requests)
    assert engine.counters.finished == 64
    ends = [request.end for request in requests if request.end is not None]
    prompts = MODEL.duration(1, 32) + MODEL.duration(64, 63 * 32)
    assert max(ends) == pytest.approx(prompts + 398 * MODEL.duration(64, 0) + MODEL.duration(63, 0))


def test_prompts_of_others_slow_the_answers_down_by_what_they_cost() -> None:
    one, other = Request(0.0, 100, 50), Request(0.5, 2000, 2)
    play([one, other])
    alone = MODEL.duration(1, 100) + 49 * MODEL.duration(1, 0)
    more = 2000 * MODEL.prefill_token_seconds + 2 * MODEL.sequence_seconds
    assert one.end == pytest.approx(alone + more)


def test_who_comes_first_is_served_first() -> None:
    requests = [Request(0.001 * number, 3000, 5) for number in range(20)]
    play(requests)
    firsts = [request.first for request in requests]
    assert firsts == sorted(firsts, key=lambda first: first or 0.0)


def test_who_finds_no_room_is_computed_again_and_ends_all_the_same() -> None:
    model = Model(kv_blocks=40)
    requests = [Request(0.0, 100, 200) for _ in range(5)]
    engine = play(requests, model)
    assert engine.counters.preemptions > 0
    assert all(request.end is not None for request in requests)
    assert engine.tokens == 0


def test_who_is_admitted_leaves_room_for_the_tokens_of_those_that_answer() -> None:
    """Held by the first when the second comes: 100 + 8, and a token; the second would fill the rest to the brim."""
    model = Model(kv_blocks=420)
    rest = model.kv_tokens - (100 + 8 + 1) - 8
    engine = play([Request(0.0, 100, 50), Request(model.duration(1, 100) + 1e-3, rest, 2)], model)
    assert engine.counters.finished == 2


ARRIVALS = st.lists(
    st.tuples(st.floats(0, 20), st.integers(1, 6000), st.integers(1, 120)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ARRIVALS, st.sampled_from([Model(), Model(kv_blocks=420, max_sequences=4)]))
def test_strides_are_only_a_shorter_way_to_count_steps(
    arrivals: list[tuple[float, int, int]], model: Model
) -> None:
    strided = [Request(*each) for each in sorted(arrivals)]
    stepped = [Request(*each) for each in sorted(arrivals)]
    play(strided, model)
    play(stepped, model, stride=False)
    for one, other in zip(strided, stepped, strict=True):
        assert one.first == pytest.approx(other.first)
        assert one.end == pytest.approx(other.end)
        assert one.generated == other.generated == one.output


@settings(max_examples=40, deadline=None)
@given(ARRIVALS)
def test_every_request_ends_once_and_leaves_nothing_behind(arrivals: list[tuple[float, int, int]]) -> None:
    requests = [Request(*each) for each in sorted(arrivals)]
    engine = play(requests, Model(kv_blocks=20_000))
    assert engine.counters.finished == len(requests)
    assert engine.counters.output_tokens == sum(request.output for request in requests)
    assert engine.counters.prompt_tokens == sum(request.prompt for request in requests)
    assert engine.tokens == engine.in_flight == 0
    assert all(r.first is not None and r.end is not None and r.arrived < r.first <= r.end for r in requests)
