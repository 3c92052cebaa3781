"""Up soon, down late: rates, windows, what is pending and what is stuck."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tidegate_operator.scaling.facts import RatePolicy, Rules, Supply
from tidegate_operator.scaling.tuning import Tuning
from unit.operator.scaling.pools import Loop, policy, reasons, sample, term, warm, worker


class TestUp:
    """More load, more replicas, at once."""

    def test_replicas_follow_load_at_the_next_decision(self) -> None:
        assert warm(3, 90).tick(200).wanted > 3

    def test_replicas_that_start_are_supply_and_are_not_asked_for_again(self) -> None:
        loop = warm(2, 60, max_replicas=50)
        loop.start = 300.0
        asked = [loop.tick(300, 30).wanted for _ in range(30)]
        assert max(asked[6:]) == asked[6], asked

    def test_at_most_eight_more_or_four_times_as_many_in_half_a_minute(self) -> None:
        loop = warm(2, 60, max_replicas=200, concurrency_target=32.0)
        rises = [loop.tick(4000, 3000).wanted for _ in range(9)]
        assert rises == [10, 10, 10, 40, 40, 40, 160, 160, 160]
        assert "RateLimited" in reasons(loop.decisions[0])

    def test_the_users_own_rates_take_their_place(self) -> None:
        loop = warm(2, 60, scale_up=Rules(policies=(RatePolicy("Pods", 1, 60),)))
        assert [loop.tick(4000).wanted for _ in range(8)] == [3] * 6 + [4] * 2

    @pytest.mark.parametrize(("select", "wanted"), [("Max", 8), ("Min", 5), ("Disabled", 4)])
    def test_of_several_policies_the_user_selects(self, select: str, wanted: int) -> None:
        rules = Rules(None, (RatePolicy("Pods", 1, 60), RatePolicy("Percent", 100, 60)), select)  # type: ignore[arg-type]
        assert warm(4, 160, scale_up=rules).tick(4000).wanted == wanted

    def test_with_a_window_only_what_was_asked_for_throughout_it_counts(self) -> None:
        loop = warm(2, 60, scale_up=Rules(stabilization_window_seconds=60))
        assert [loop.tick(200).wanted for _ in range(5)] == [2] * 5
        assert reasons(loop.decisions[0]) == ["HeldBack"]
        assert loop.run(30, 200).wanted > 2

    def test_stuck_replicas_are_not_asked_for_again_and_again(self) -> None:
        loop = warm(3, 90)
        for _ in range(30):
            loop.now += 10
            supply = Supply(5, 3, 0, 2, stuck_because="0/4 nodes have nvidia.com/gpu")
            decision = loop.decide(sample(loop.now, 3, 400, 100), supply=supply)
            assert decision.wanted == 5
        assert reasons(decision) == ["ScaleUpStuck"]
        assert "2 of 5 replicas cannot start: 0/4 nodes have nvidia.com/gpu" in decision.message

    def test_a_class_that_goes_first_keeps_more_in_reserve(self) -> None:
        asked = {}
        for qos_class in ("high", "medium", "low"):
            loop = Loop(policy(qos_class=qos_class), 3)
            for index in range(120):
                loop.tick(60 + index * 37 % 60)
            asked[qos_class] = term(loop.decisions[-1], "Forecast")
        assert asked["high"] > asked["medium"] > asked["low"]

    def test_what_will_have_piled_up_until_replicas_come_is_asked_for_with_them(self) -> None:
        few, enough = warm(2, 60), warm(2, 60)
        for loop, ready in ((few, 1), (enough, 8)):
            loop.now += 10
            loop.decide(sample(loop.now, ready, 300), supply=Supply(8, ready, 8 - ready))
        assert term(few.decisions[-1], "Forecast") > term(enough.decisions[-1], "Forecast") + 1

    def test_a_queue_that_will_be_gone_before_a_replica_could_be_ready_asks_for_nothing(self) -> None:
        idle, busy = warm(6, 30, min_replicas=6), warm(6, 330, min_replicas=6)
        assert idle.tick(30, 600).wanted == 6
        assert busy.tick(330, 600).wanted > 6

    def test_a_rise_is_expected_to_go_on_while_replicas_start(self) -> None:
        flat, rising = warm(3, 90), warm(3, 90)
        for index in range(12):
            flat.tick(90)
            rising.tick(90 + 5 * index)
        mean = sum(one.requests for one in rising.memory.bins[-6:]) / 6
        assert mean < rising.memory.bins[-1].requests
        assert term(rising.decisions[-1], "Forecast") > 1.3 * term(flat.decisions[-1], "Forecast")


@pytest.mark.parametrize("seconds", [-3600, -120, -20, 3600])
def test_a_clock_that_is_set_does_not_stop_the_loop(seconds: int) -> None:
    loop = warm(3, 90)
    loop.now += seconds
    assert loop.tick(90).wanted >= 3
    assert loop.run(60, 300).wanted > 3


class TestDown:
    """Less load, fewer replicas, when it is certain to stay so."""

    def test_what_the_window_needed_is_held(self) -> None:
        loop = warm(4, 160)
        before = loop.replicas
        assert loop.run(80, 20).wanted == before
        assert "HeldBack" in reasons(loop.decisions[-1])
        assert loop.run(600, 20).wanted == 1

    def test_one_replica_a_minute_leaves_a_small_pool(self) -> None:
        loop = warm(4, 160, scale_down=Rules(stabilization_window_seconds=0))
        loop.run(300, 8)
        assert loop.counts[:2] == [loop.decisions[0].wanted, loop.decisions[0].wanted - 1]
        changes = [index for index, one in enumerate(loop.decisions) if one.wanted < one.current]
        assert all(later - earlier >= 6 for earlier, later in pairwise(changes))

    def test_a_replica_that_drains_is_not_counted_as_gone_twice(self) -> None:
        loop = warm(4, 160)
        there = loop.replicas
        while loop.tick(8).wanted == there:
            pass
        loop.replicas, wanted = there, []
        for _ in range(10):
            loop.now += 10
            supply = Supply(there, there - 1, draining=1)
            wanted.append(loop.decide(sample(loop.now, there - 1, 8), supply=supply).wanted)
        assert wanted == [there - 1] * 5 + [there - 2] * 5, "the next one after a minute"

    def test_load_that_returns_brings_back_who_was_leaving(self) -> None:
        loop = warm(3, 90)
        loop.now += 10
        assert loop.decide(sample(loop.now, 2, 90), supply=Supply(3, 2, draining=1)).wanted == 3

    def test_nothing_leaves_if_those_that_stay_would_be_too_full(self) -> None:
        loop = warm(2, 60, scale_down=Rules(stabilization_window_seconds=0), kv_utilization_target=0.75)
        for _ in range(180):
            seen = sample(loop.now + 10, 2, 4)
            workers = tuple(replace(one, kv_used=0.35) for one in seen.workers or ())
            decision = loop.tick(seen=replace(seen, workers=workers))
        assert term(decision, "KVCacheUtilization") == pytest.approx(0.7 / 0.75)
        assert decision.wanted == 2, "one would be 93 % full of its target"
        assert "85% full" in decision.message

    def test_the_window_is_longer_where_starts_are_slow(self) -> None:
        fast, slow = warm(3, 90, cold_start_seconds=30), warm(3, 90, cold_start_seconds=600)
        fast.run(400, 4)
        slow.run(400, 4)
        assert (fast.replicas < 3, slow.replicas) == (True, 3)

    def test_bursts_that_pass_before_a_replica_could_be_ready_move_nothing_once_they_are_known(self) -> None:
        loop = Loop(replicas=3)
        for index in range(540):
            loop.tick(150 if index % 18 < 3 else 30)
        settled = [one.wanted for one in loop.decisions[360:]]
        assert max(settled) - min(settled) <= 1, settled

    def test_disabled_means_never(self) -> None:
        loop = warm(3, 90, min_replicas=0, scale_down=Rules(select="Disabled"))
        assert loop.run(7200).wanted == 3

    @pytest.mark.parametrize("at_once", range(6, 126, 10))
    def test_no_oscillation_between_two_and_one_under_any_steady_load(self, at_once: int) -> None:
        """What leaves was not needed: it does not come back, whatever the load."""
        loop = Loop(replicas=2)
        loop.run(2 * 3600, at_once)
        settled = [one.wanted for one in loop.decisions[180:]]
        rises = sum(later > earlier for earlier, later in pairwise(settled))
        assert rises == 0, settled


class TestAttainment:
    """The slow correction by what users see."""

    def late(self, loop: Loop, share: float, seconds: int, at_once: int = 90) -> None:
        for _ in range(seconds // 10):
            seen = sample(loop.now + 10, loop.ready, at_once)
            assert seen.demand
            first = seen.demand.first_tokens
            loop.tick(seen=replace(seen, demand=replace(seen.demand, late_first_tokens=round(first * share))))

    def test_an_objective_that_is_missed_for_minutes_adds_a_replica(self) -> None:
        loop = warm(3, 90, ttft_slo_seconds=2.0)
        self.late(loop, 0.2, 200)
        assert loop.replicas == 4
        assert "Attainment" in {one.binding for one in loop.decisions}
        assert loop.memory.trim.planned(loop.tuning) < Tuning().utilization

    def test_not_while_replicas_start_or_are_stuck(self) -> None:
        loop = warm(3, 90, ttft_slo_seconds=2.0)
        for _ in range(60):
            loop.now += 10
            seen = sample(loop.now, 3, 90)
            assert seen.demand
            late = replace(seen, demand=replace(seen.demand, late_first_tokens=20))
            assert loop.decide(late, supply=Supply(4, 3, pending=1)).wanted <= 4

    def test_not_where_replicas_have_little_to_do(self) -> None:
        loop = warm(6, 20, min_replicas=6, ttft_slo_seconds=2.0)
        self.late(loop, 0.9, 1800, at_once=20)
        assert loop.replicas == 6

    def test_a_few_late_answers_are_within_the_goal(self) -> None:
        loop = warm(3, 90, ttft_slo_seconds=2.0)
        self.late(loop, 0.03, 600)
        assert loop.replicas == 3

    def test_the_reserve_shrinks_only_after_half_an_hour_above_the_goal(self) -> None:
        loop = Loop(policy(ttft_slo_seconds=2.0), 3)
        loop.run(1700, 90)
        assert loop.memory.trim.utilization is None
        loop.run(400, 90)
        assert (loop.memory.trim.utilization or 0) > Tuning().utilization

    def test_without_an_objective_nothing_is_corrected(self) -> None:
        loop = warm(3, 90)
        self.late(loop, 1.0, 600)
        assert loop.replicas == 3


class TestAfterTheLoad:
    """What came before is no reason to keep replicas that nobody has asked for in a whole window."""

    @staticmethod
    def bursty(**fields: Any) -> Loop:
        """A pool that has seen minutes of load come and go, and keeps what they need in reserve."""
        loop = warm(2, 20, **fields)
        for _ in range(8):
            loop.run(60, 160)
            loop.run(120, 4)
        return loop

    @pytest.mark.parametrize(
        ("rules", "seconds"),
        [
            pytest.param(Rules(), 80, id="as long as a want holds"),
            pytest.param(Rules(stabilization_window_seconds=120), 120, id="as long as the user says"),
            pytest.param(Rules(stabilization_window_seconds=0), 60, id="a minute at least"),
        ],
    )
    def test_a_reserve_is_kept_for_a_window_without_a_request_and_no_longer(
        self, rules: Rules, seconds: int
    ) -> None:
        loop = self.bursty(scale_down=rules)
        assert loop.run(seconds).binding == "Forecast"
        assert term(loop.decisions[-1], "Forecast") > 1
        assert loop.run(20).binding == "Idle"
        assert loop.run(900).wanted == 1

    def test_a_trickle_keeps_it(self) -> None:
        assert self.bursty().run(600, 4).binding == "Forecast"

    def test_silence_that_was_not_heard_is_no_silence(self) -> None:
        loop = self.bursty()
        before = loop.replicas
        for _ in range(60):
            loop.tick(seen=replace(sample(loop.now + 10, loop.ready), demand=None))
        assert loop.replicas == before


def test_the_prompts_of_a_burst_are_computed_soon_enough() -> None:
    """A queue whose prompts take longer than the objective asks for more; the same number of short ones does not."""
    loop = warm(2, 60, ttft_slo_seconds=2.0)
    seen = sample(loop.now, 2, 60, 60)
    assert seen.demand
    short = replace(seen, demand=replace(seen.demand, queued_prompt_tokens=60 * 20))
    assert term(loop.decide(short), "QueueDepth") == 0
    long = replace(seen, demand=replace(seen.demand, queued_prompt_tokens=60 * 60_000))
    assert term(loop.decide(long), "QueueDepth") > 4


def test_waiting_for_an_engine_counts_as_waiting_in_a_gateway_does() -> None:
    loop = warm(2, 60)
    in_gateway = sample(loop.now, 2, 60, 90)
    workers = tuple(worker(f"w{index}", 30, waiting=45) for index in range(2))
    in_engine = replace(sample(loop.now, 2, 150), workers=workers)
    values = [loop.decide(one).terms[0].value for one in (in_gateway, in_engine)]
    assert values == [90, 90]
