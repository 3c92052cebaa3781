"""To zero on positive evidence only, and back to what is needed in one step."""

from dataclasses import replace

import pytest

from tidegate_operator.scaling.facts import Sample, Supply
from unit.operator.scaling.pools import IDLE, NOON, Loop, policy, reasons, sample, term, warm, worker

SLEEPER = {"min_replicas": 0, "idle_seconds": 600.0}


def asleep(**fields: object) -> Loop:
    """A pool that has worked for half an hour, and sleeps."""
    loop = warm(2, 60, **SLEEPER | fields)
    loop.run(7200)
    assert loop.replicas == 0
    loop.decisions.clear()
    return loop


def held(loop: Loop, queued: int) -> Sample:
    """What is measured of a pool that sleeps, with so many requests held for it."""
    waiting = replace(
        IDLE, queued=queued, queued_prompt_tokens=queued * 1150, queued_output_tokens=queued * 210
    )
    return Sample(loop.now, 10.0, replace(waiting, arrived_requests=queued), None)


class TestToSleep:
    """Zero replicas need evidence."""

    def test_a_pool_sleeps_once_nobody_has_asked_for_it_for_so_long(self) -> None:
        loop = warm(1, 20, **SLEEPER)
        assert loop.run(590).wanted == 1
        assert "NotIdleYet" in reasons(loop.decisions[-1])
        assert "idleSeconds is 600" in loop.decisions[-1].message
        assert loop.run(30).wanted == 0

    def test_what_a_burst_needed_does_not_keep_it_awake(self) -> None:
        """A recorded pool stayed at two replicas for as long as its one burst was part of the reserve."""
        loop = warm(2, 20, **SLEEPER | {"idle_seconds": 60.0, "max_replicas": 2})
        for _ in range(8):
            loop.run(60, 160)
            loop.run(120, 4)
        assert term(loop.decisions[-1], "Forecast") > 2
        assert loop.run(80).wanted == 0

    def test_with_a_least_of_one_it_never_sleeps(self) -> None:
        assert warm(1, 20, idle_seconds=60).run(7200).wanted == 1

    def test_one_request_starts_the_time_anew(self) -> None:
        loop = warm(1, 20, **SLEEPER)
        loop.run(500)
        one = sample(loop.now + 10, 1)
        assert one.demand
        loop.tick(seen=replace(one, demand=replace(one.demand, arrived_requests=1)))
        assert loop.run(590).wanted == 1
        assert loop.run(30).wanted == 0

    def test_a_gateway_that_is_not_heard_now_and_then_does_not_keep_it_awake(self) -> None:
        """What came meanwhile is in the counters when it is heard again, since they are of the whole time."""
        loop = warm(1, 20, **SLEEPER)
        for index in range(80):
            good = sample(loop.now + 10, 1)
            if index % 5 == 4:
                good = replace(good, demand=None)
            elif index % 5 == 0 and index:
                good = replace(good, interval_seconds=20.0)
            loop.tick(seen=good)
        assert loop.replicas == 0

    def test_counters_that_do_not_cover_the_gap_are_no_evidence_for_it(self) -> None:
        loop = warm(1, 20, **SLEEPER)
        for index in range(240):
            good = sample(loop.now + 10, 1)
            assert loop.tick(seen=replace(good, demand=None) if index % 5 == 4 else good).wanted == 1

    def test_an_engine_that_still_runs_a_request_keeps_it_awake(self) -> None:
        loop = warm(1, 20, **SLEEPER)
        for _ in range(120):
            busy = replace(sample(loop.now + 10, 1), workers=(worker("w0", 1),))
            assert loop.tick(seen=busy).wanted == 1

    def test_a_floor_of_a_schedule_keeps_it_awake(self) -> None:
        from tidegate_operator.scaling.facts import Schedule

        always = Schedule("office", "UTC", frozenset(range(7)), 0, 0, 1)
        loop = warm(1, 20, **SLEEPER, schedules=(always,))
        assert loop.run(3600).wanted == 1
        assert reasons(loop.decisions[-1]) == ["RaisedBySchedule"]


class TestWaking:
    """A request for a pool that sleeps."""

    def test_a_mark_wakes_it_at_once(self) -> None:
        loop = asleep()
        decision = loop.decide(Sample(loop.now, 10.0, IDLE, None), mark=loop.now)
        assert (decision.wanted, decision.binding) == (1, "HeldRequests")

    def test_a_mark_wakes_it_though_nothing_can_be_measured(self) -> None:
        loop = asleep()
        assert loop.decide(Sample(loop.now, 10.0, None, None), mark=loop.now).wanted == 1

    @pytest.mark.parametrize("ahead", [-3600, -120, 0, 120, 3600])
    def test_the_clocks_of_gateways_may_differ_from_ours(self, ahead: int) -> None:
        loop = asleep()
        assert loop.decide(Sample(loop.now, 10.0, None, None), mark=loop.now + ahead).wanted == 1

    def test_it_wakes_to_what_is_held_and_not_one_by_one(self) -> None:
        loop = asleep()
        assert loop.decide(held(loop, 400), mark=loop.now).wanted >= 6

    def test_requests_that_are_held_wake_it_without_a_mark(self) -> None:
        loop = asleep()
        assert loop.decide(held(loop, 3)).wanted == 1

    def test_an_old_mark_does_not_wake_it_when_the_operator_starts(self) -> None:
        loop = Loop(policy(**SLEEPER), 0)
        assert loop.decide(Sample(NOON, 10.0, IDLE, None), mark=NOON - 3600).wanted == 0
        loop.now += 10
        assert loop.decide(Sample(loop.now, 10.0, IDLE, None), mark=NOON - 3600).wanted == 0

    def test_a_mark_that_is_new_when_the_operator_starts_does(self) -> None:
        loop = Loop(policy(**SLEEPER), 0)
        assert loop.decide(Sample(NOON, 10.0, IDLE, None), mark=NOON - 15).wanted == 1

    def test_a_mark_that_is_no_longer_renewed_is_forgotten(self) -> None:
        loop = asleep()
        mark = loop.now
        assert loop.decide(Sample(loop.now, 10.0, IDLE, None), mark=mark).wanted == 1
        loop.now += 40
        assert loop.decide(Sample(loop.now, 10.0, IDLE, None), mark=mark).wanted == 0

    def test_it_does_not_sleep_again_before_it_was_ready_and_idle(self) -> None:
        loop = asleep(idle_seconds=20.0)
        loop.tick(seen=replace(held(loop, 1), at=loop.now + 10), mark=loop.now)
        assert loop.replicas == 1
        for _ in range(60):
            loop.now += 10
            gone = Sample(loop.now, 10.0, IDLE, None)
            assert loop.decide(gone, supply=Supply(1, 0, pending=1)).wanted == 1

    def test_it_does_not_sleep_again_while_its_pod_has_not_even_been_made(self) -> None:
        loop = asleep(idle_seconds=20.0)
        loop.tick(seen=replace(held(loop, 1), at=loop.now + 10), mark=loop.now)
        for _ in range(60):
            loop.now += 10
            assert loop.decide(Sample(loop.now, 10.0, IDLE, None), supply=Supply(1, 0)).wanted == 1

    def test_one_that_cannot_start_and_that_nobody_asks_for_any_more_sleeps(self) -> None:
        loop = asleep(idle_seconds=20.0)
        loop.tick(seen=replace(held(loop, 1), at=loop.now + 10), mark=loop.now)
        for _ in range(60):
            loop.now += 10
            decision = loop.decide(Sample(loop.now, 10.0, IDLE, None), supply=Supply(1, 0, 0, 1))
        assert decision.wanted == 0

    def test_it_stays_for_two_cold_starts_after_a_wake(self) -> None:
        loop = asleep(idle_seconds=20.0)
        loop.tick(seen=replace(held(loop, 1), at=loop.now + 10), mark=loop.now)
        woken = loop.now
        while loop.run(10).wanted:
            pass
        assert loop.now - woken == pytest.approx(240, abs=20)

    def test_the_least_wakes_it_too(self) -> None:
        loop = Loop(policy(min_replicas=2), 0)
        decision = loop.decide(Sample(NOON, 10.0, None, None))
        assert (decision.wanted, reasons(decision)) == (2, ["RaisedToMin"])

    def test_what_sleeps_and_nobody_asks_for_goes_on_sleeping(self) -> None:
        loop = asleep()
        decision = loop.run(3600)
        assert (decision.wanted, decision.binding, loop.counts) == (0, "Asleep", [0])
