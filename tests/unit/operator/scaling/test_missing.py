"""Missing data never counts as zero, and never leads down: every kind of bad metrics against every direction."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from tidegate_operator.scaling.facts import Fallback, Sample, Supply, Worker
from unit.operator.scaling.pools import Loop, demand, policy, reasons, sample, term, warm, worker

Spoil = Callable[[Sample], Sample]


def gateways(**fields: Any) -> Spoil:
    """Gateways of which one says something that cannot be."""
    return lambda good: replace(good, demand=replace(good.demand, **fields))  # type: ignore[type-var]


def engines(**fields: Any) -> Spoil:
    """Engines of which the last says something that cannot be."""

    def spoil(good: Sample) -> Sample:
        assert good.workers
        return replace(good, workers=(*good.workers[:-1], replace(good.workers[-1], **fields)))

    return spoil


def readable(good: Sample, count: int) -> tuple[Worker, ...]:
    return (good.workers or ())[:count]


BAD: dict[str, Spoil] = {
    "refused: the gateways did not answer": lambda good: replace(good, demand=None),
    "a black hole: nothing answered in time": lambda good: replace(good, demand=None, workers=None),
    "an error, or a page of HTML: no engine could be read": lambda good: replace(good, workers=None),
    "an empty answer": lambda good: replace(good, workers=()),
    "a gateway's number is absent": gateways(queued=None),
    "a gateway's number is text": gateways(running="12"),
    "a gateway says NaN": gateways(running=nan),
    "an engine says NaN": engines(kv_used=nan),
    "a gateway says infinity": gateways(arrived_requests=inf),
    "an engine says infinity": engines(waiting=inf),
    "a gateway says minus infinity": gateways(queued=-inf),
    "an engine says minus infinity": engines(kv_used=-inf),
    "a gateway says less than nothing": gateways(queued=-3),
    "an engine says less than nothing": engines(running=-3),
    "a gateway's counters were reset": gateways(arrived_requests=-4000, finished_requests=-4000),
    "an engine's counters were reset": engines(prompt_tokens=-90_000, output_tokens=-4000),
    "a cache that is fuller than full": engines(kv_used=75.0),
    "stale by more than a minute": lambda good: replace(good, at=good.at - 61),
    "dated in the future": lambda good: replace(good, at=good.at + 3600),
    "without a date": lambda good: replace(good, at=nan),
    "some engines could not be read": lambda good: replace(
        good, workers=readable(good, len(good.workers or ()) - 1)
    ),
    "one engine twice, for another": lambda good: replace(
        good,
        workers=(*readable(good, len(good.workers or ()) - 1), *readable(good, 1))
        if len(good.workers or ()) > 1
        else (),
    ),
}
kinds = pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())


@kinds
def test_bad_metrics_never_lead_down(spoil: Spoil) -> None:
    loop = warm(replicas=3, at_once=90)
    for _ in range(90):
        decision = loop.tick(seen=spoil(sample(loop.now + 10, loop.ready, 3)))
        assert decision.wanted >= 3, decision
        assert decision.missing
    assert loop.run(1200, 3).wanted == 1, "with good metrics the same load is one replica's"


@kinds
def test_bad_metrics_never_put_a_pool_to_sleep(spoil: Spoil) -> None:
    loop = warm(replicas=1, at_once=20, min_replicas=0, idle_seconds=600)
    for _ in range(120):
        assert loop.tick(seen=spoil(sample(loop.now + 10, 1))).wanted == 1
    assert loop.run(620).wanted == 0, "with good metrics it sleeps"


@kinds
def test_bad_metrics_while_load_rises_keep_what_there_is_and_stay_within_bounds(spoil: Spoil) -> None:
    loop = warm(replicas=3, at_once=90)
    for _ in range(60):
        assert 3 <= loop.tick(seen=spoil(sample(loop.now + 10, loop.ready, 300, 50))).wanted <= 10
    assert loop.run(120, 300, 50).wanted > 3, "with good metrics it rises at once"


@pytest.mark.parametrize(
    "spoil",
    [
        BAD["an error, or a page of HTML: no engine could be read"],
        BAD["refused: the gateways did not answer"],
    ],
    ids=["by the gateways alone", "by the engines alone"],
)
def test_what_can_still_be_measured_leads_up(spoil: Spoil) -> None:
    loop = warm(replicas=3, at_once=90)
    assert loop.tick(seen=spoil(sample(loop.now + 10, 3, 400, 50))).wanted > 3


def test_engines_that_could_not_be_read_are_as_busy_as_the_others() -> None:
    loop = warm(replicas=4, at_once=120)
    whole = sample(loop.now, 4, 240)
    some = replace(whole, demand=None, workers=readable(whole, 2))
    before, asked = loop.memory, []
    for seen in (some, whole):
        loop.memory = before
        asked.append(term(loop.decide(seen, supply=Supply(4, 4)), "Concurrency"))
    assert asked[0] == pytest.approx(asked[1])


def test_after_a_gap_what_there_is_holds_as_long_as_if_it_had_just_been_needed() -> None:
    loop = warm(replicas=3, at_once=90)
    for _ in range(30):
        loop.tick(seen=replace(sample(loop.now + 10, 3), demand=None, workers=None))
    assert loop.run(80).wanted == 3
    assert loop.run(400).wanted == 1


def test_the_reason_why_something_is_missing_is_told() -> None:
    loop = warm()
    bad = replace(
        sample(loop.now, 3, 90), demand=None, sources={"demand": "gateway-1 refused the connection"}
    )
    decision = loop.decide(bad)
    assert decision.missing["demand"] == "gateway-1 refused the connection"
    nothing = loop.decide(
        replace(bad, workers=None, sources=bad.sources | {"workers": "Prometheus timed out"})
    )
    assert nothing.binding == "NoData"
    assert "3 of 3 ready replicas could not be read: Prometheus timed out" in nothing.message


class TestFallback:
    """What a user wants for when nothing can be measured."""

    def blind(self, loop: Loop, times: int) -> list[int]:
        return [loop.tick(seen=Sample(loop.now + 10, 10.0, None, None)).wanted for _ in range(times)]

    def test_it_is_taken_once_nothing_was_measured_so_many_times_in_a_row(self) -> None:
        loop = warm(3, 90, fallback=Fallback(failure_threshold=3, replicas=5))
        assert self.blind(loop, 4) == [3, 3, 5, 5]
        assert reasons(loop.decisions[2]) == ["Fallback"]

    def test_one_good_sample_starts_the_count_anew(self) -> None:
        loop = warm(3, 90, fallback=Fallback(failure_threshold=3, replicas=5))
        assert self.blind(loop, 2) == [3, 3]
        loop.tick(90)
        assert self.blind(loop, 2) == [3, 3]

    def test_it_never_means_fewer_than_there_are(self) -> None:
        assert self.blind(warm(3, 90, fallback=Fallback(1, 2)), 5) == [3] * 5

    def test_it_is_bounded_by_the_most_that_is_allowed(self) -> None:
        assert self.blind(warm(3, 90, fallback=Fallback(1, 50)), 1) == [10]

    def test_a_pool_that_sleeps_goes_on_sleeping(self) -> None:
        loop = Loop(policy(min_replicas=0, fallback=Fallback(1, 2)), replicas=0)
        assert self.blind(loop, 5) == [0] * 5


def test_the_most_holds_even_when_nothing_was_measured() -> None:
    loop = Loop(policy(max_replicas=2), replicas=5)
    assert loop.decide(Sample(loop.now, 10.0, None, None)).wanted == 2


def test_two_replicas_of_one_name_are_one() -> None:
    loop = warm(2, 60)
    both = replace(sample(loop.now, 2, 60), workers=(worker("w0", 30), worker("w0", 10)))
    decision = loop.decide(both, supply=Supply(2, 2))
    assert "workers" in decision.missing


def test_silence_of_load_is_data() -> None:
    """Counters that are fresh and do not move say that there is no load."""
    loop = warm(3, 90)
    still = replace(sample(loop.now, 3), demand=demand(0))
    assert not loop.decide(still).missing
