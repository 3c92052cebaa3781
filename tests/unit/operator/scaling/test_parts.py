"""The law's parts by themselves: schedules, cold starts, bins, windows, capacity, memory, words, records."""

import ast
import json
import sys
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidegate_operator.scaling
from tidegate_operator.scaling import bins, capacity, coldstart, law, schedule, window
from tidegate_operator.scaling.bins import Bin
from tidegate_operator.scaling.capacity import Learned
from tidegate_operator.scaling.facts import ColdStart, Rules, Schedule, Supply
from tidegate_operator.scaling.memory import thaw
from tidegate_operator.scaling.replay import Record, dump, load, replay
from tidegate_operator.scaling.signals import Seen
from tidegate_operator.scaling.tuning import DEFAULT
from unit.operator.scaling.pools import COLD_START, NOON, Loop, policy, reasons, sample, warm, worker


class TestSchedule:
    """Floors at certain hours, by the user's clock."""

    OFFICE = Schedule("office", "Europe/Berlin", frozenset({0, 1, 2, 3, 4}), 8 * 60, 18 * 60, 3)
    NIGHT = Schedule("night", "America/New_York", frozenset({4}), 22 * 60, 6 * 60, 2)

    @pytest.mark.parametrize(
        ("local", "is_on"),
        [
            ("2026-11-20T08:00", True),
            ("2026-11-20T07:59", False),
            ("2026-11-20T17:59", True),
            ("2026-11-20T18:00", False),
            ("2026-11-21T12:00", False),
            ("2026-03-30T08:00", True),
            ("2026-10-26T07:59", False),
        ],
        ids=[
            "from its first minute", "not before", "to its last minute", "not at its end", "not on a Saturday",
            "by summer time the day after it begins", "by winter time the day after it begins",
        ],
    )  # fmt: skip
    def test_office_hours(self, local: str, is_on: bool) -> None:
        at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
        assert schedule.is_on(self.OFFICE, at) == is_on

    @pytest.mark.parametrize(
        ("local", "is_on"),
        [("2026-11-20T22:00", True), ("2026-11-21T05:59", True), ("2026-11-21T06:00", False),
         ("2026-11-20T05:00", False), ("2026-11-21T23:00", False)],
        ids=["Friday night", "Saturday morning is Friday's night", "until it ends", "Friday morning is Thursday's",
             "not on Saturday night"],
    )  # fmt: skip
    def test_one_that_ends_before_it_starts_spans_midnight(self, local: str, is_on: bool) -> None:
        at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()
        assert schedule.is_on(self.NIGHT, at) == is_on

    def test_replicas_are_asked_for_as_long_before_as_they_take_to_start(self) -> None:
        opening = datetime(2026, 11, 20, 8, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
        assert schedule.floor([self.OFFICE], opening - 120, 120) == (3, "office")
        assert schedule.floor([self.OFFICE], opening - 121, 120) == (0, "")

    def test_of_several_the_highest_holds(self) -> None:
        all_day = Schedule("all", "UTC", frozenset(range(7)), 0, 0, 1)
        assert schedule.floor([all_day, replace(all_day, name="two", min_replicas=2)], NOON) == (2, "two")

    def test_a_floor_is_a_clamp_with_its_name_and_ends_at_the_most(self) -> None:
        all_day = Schedule("all", "UTC", frozenset(range(7)), 0, 0, 7)
        decision = Loop(policy(schedules=(all_day,), max_replicas=5)).tick()
        assert (decision.wanted, reasons(decision)[-2:]) == (5, ["RaisedBySchedule", "CappedByMax"])

    def test_a_time_zone_that_there_is_not_is_an_error(self) -> None:
        with pytest.raises(ZoneInfoNotFoundError):
            schedule.is_on(replace(self.OFFICE, timezone="Europe/Nowhere"), NOON)


class TestColdStart:
    """How long replicas take."""

    def test_before_the_first_the_prior_stands(self) -> None:
        assert coldstart.percentiles([]) == coldstart.PRIOR

    def test_one_start_is_known_with_a_spread(self) -> None:
        found = coldstart.percentiles([60.0])
        assert found.p50 == pytest.approx(60)
        assert 60 < found.p90 < found.p99 < 100

    def test_of_many_the_percentiles_are_those_that_were_seen(self) -> None:
        assert coldstart.percentiles([float(one) for one in range(1, 21)]) == ColdStart(10.0, 18.0, 20.0)

    def test_the_newest_twenty_count(self) -> None:
        assert coldstart.percentiles([900.0] * 5 + [50.0] * 20) == ColdStart(50.0, 50.0, 50.0)

    @given(st.lists(st.floats(0.5, 3000), min_size=1, max_size=40))
    def test_percentiles_are_in_order(self, starts: list[float]) -> None:
        found = coldstart.percentiles(starts)
        assert 0 < found.p50 <= found.p90 <= found.p99

    def test_the_users_word_takes_the_place_of_what_was_measured(self) -> None:
        assert coldstart.override(COLD_START, 37.0) == ColdStart(37.0, 37.0, 37.0)
        assert coldstart.override(COLD_START, None) is COLD_START


class TestBins:
    """Demand of the last hour."""

    def series(self, *rates: float) -> tuple[Bin, ...]:
        return tuple(Bin(10.0 * index, 10.0, 10 * rate, 0.0) for index, rate in enumerate(rates, start=1))

    def forecast(self, *rates: float, covered: float = 0.95, horizon: float = 120.0) -> bins.Forecast:
        found = bins.forecast(
            self.series(*rates), 1.0, 0.0, now=10.0 * len(rates), horizon_seconds=horizon, covered=covered,
            tuning=DEFAULT,
        )  # fmt: skip
        assert found is not None
        return found

    def test_steady_demand_is_expected_to_stay(self) -> None:
        found = self.forecast(*[2.0] * 30)
        assert (found.expected, found.reserve) == pytest.approx((2.0, 0.0))
        assert (found.stays.minute, found.stays.minutes) == pytest.approx((1.0, 1.0))

    def test_the_last_half_minute_counts_if_it_is_higher_than_the_minute(self) -> None:
        assert self.forecast(*[2.0] * 30, 4.0, 4.0, 4.0).expected >= 4.0

    def test_a_step_as_there_was_none_before_is_expected_to_stay(self) -> None:
        assert self.forecast(*[2.0] * 200, *[8.0] * 6).expected >= 8.0

    def test_a_fall_is_not_extrapolated(self) -> None:
        assert self.forecast(*[float(one) for one in range(60, 30, -1)]).expected >= 31.0

    def test_noise_is_no_trend_and_is_kept_in_reserve(self) -> None:
        rng = Random(5)
        rates = [max(rng.gauss(10, 1), 0) for _ in range(360)]
        found = self.forecast(*rates)
        assert found.expected == pytest.approx(10, rel=0.15)
        # The 95th percentile of the differences from the mean of six, of which each is a part.
        assert found.reserve == pytest.approx(1.645 * (5 / 6) ** 0.5, rel=0.2)
        assert self.forecast(*rates, covered=0.5).reserve < 0.2 < found.reserve

    def test_of_bursts_that_are_over_before_a_replica_is_ready_little_is_expected_and_more_is_kept(
        self,
    ) -> None:
        bursts = ([1.0] * 18 + [9.0] * 6) * 15
        found = self.forecast(*bursts)
        assert found.stays.minute < 0.3
        assert found.expected < 6.0, "though the last minute had 9"
        assert found.expected + found.reserve > 7.0

    def test_of_demand_that_stays_long_all_is_expected(self) -> None:
        waves = ([1.0] * 60 + [9.0] * 60) * 3
        found = self.forecast(*waves)
        assert found.stays.minute > 0.7
        assert found.expected + found.reserve == pytest.approx(9.0, rel=0.05)

    def test_bursts_of_a_minute_pass_and_the_level_that_they_are_on_stays(self) -> None:
        low, high = ([0.2] * 10 + [2.0] * 5) * 4, ([1.0] * 10 + [10.0] * 5) * 4
        busy, calm = (self.forecast(*((one + other) * 3)[:-5]) for one, other in ((low, high), (high, low)))
        assert busy.stays.minute < 0.5 < busy.stays.minutes
        assert busy.expected > 1.5, "though the last minutes had 1"
        assert calm.expected < busy.expected

    def test_a_long_load_that_is_nearly_forgotten_is_not_taken_for_a_burst(self) -> None:
        for forgotten in range(0, 181, 6):
            found = self.forecast(*[6.0] * (180 - forgotten), *[0.0] * (180 + forgotten))
            assert found.expected + found.reserve < 1.5, forgotten

    def test_of_demand_that_is_older_than_a_minute_nothing_is_known(self) -> None:
        series = self.series(*[2.0] * 30)
        nothing = bins.forecast(
            series, 1.0, 0.0, now=400.0, horizon_seconds=90.0, covered=0.95, tuning=DEFAULT
        )
        assert nothing is None

    def test_a_bin_that_is_missing_is_not_an_empty_one(self) -> None:
        series = tuple(one for one in self.series(*[2.0] * 30) if one.end not in {270.0, 290.0})
        found = bins.forecast(series, 1.0, 0.0, now=300.0, horizon_seconds=90.0, covered=0.95, tuning=DEFAULT)
        assert found is not None
        assert (found.expected, found.reserve) == pytest.approx((2.0, 0.0))

    def test_readings_that_follow_each_other_soon_are_one_bin(self) -> None:
        series = bins.add(bins.add((), Bin(10.0, 10.0, 5, 50), 1200), Bin(11.0, 1.0, 9, 90), 1200)
        assert bins.add(series, Bin(21.0, 10.0, 1, 10), 1200)[-1] == Bin(21.0, 11.0, 10, 100)

    def test_a_clock_that_is_set_back_leaves_no_bins_of_times_that_are_not_yet(self) -> None:
        assert [one.end for one in bins.add(self.series(*[2.0] * 30), Bin(205.0, 10.0, 1, 1), 3600)] == [
            *(10.0 * index for index in range(1, 21)),
            205.0,
        ]

    def test_of_no_demand_at_all_nothing_is_known(self) -> None:
        assert (
            bins.forecast((), 1.0, 0.0, now=1.0, horizon_seconds=90.0, covered=0.95, tuning=DEFAULT) is None
        )

    def test_what_is_older_than_the_history_is_forgotten(self) -> None:
        series: tuple[Bin, ...] = ()
        for index in range(300):
            series = bins.add(series, Bin(10.0 * index, 10.0, 1, 1), 1200.0)
        assert len(series) == 120


class TestWindow:
    """The most, and the least, of a window."""

    wants = st.lists(st.tuples(st.floats(0, 50), st.integers(0, 9)), min_size=1, max_size=60)

    @given(wants, st.floats(0, 900))
    def test_it_is_what_a_look_at_everything_would_find(
        self, steps: list[tuple[float, int]], seconds: float
    ) -> None:
        now, all_wants = NOON, []
        highs: tuple[window.Want, ...] = ()
        lows: tuple[window.Want, ...] = ()
        for step, want in steps:
            now += step
            all_wants.append((now, want))
            highs, lows = window.push_high(highs, (now, want)), window.push_low(lows, (now, want))
        recent = [want for at, want in all_wants if at >= now - seconds]
        assert window.within(highs, now, seconds) == max(recent)
        assert window.within(lows, now, seconds) == min(recent)

    @pytest.mark.parametrize(("start", "seconds"), [(30.0, 60.0), (400.0, 280.0)])
    def test_it_is_about_as_long_as_a_start_and_a_minute_at_least(self, start: float, seconds: float) -> None:
        assert window.down_seconds(Rules(), start, DEFAULT) == seconds

    def test_a_user_who_says_how_long_is_believed(self) -> None:
        assert window.down_seconds(Rules(stabilization_window_seconds=5), 400.0, DEFAULT) == 5


class TestCapacity:
    """What a replica can do, found in what engines tell."""

    def taught(self, step: float, sequence: float, prompt: float, noise: float = 0.0) -> Learned:
        """What is learned of engines with these costs, under loads of every kind."""
        rng, learned = Random(3), Learned()
        for _ in range(400):
            batch, prompts = rng.uniform(2, 60), rng.uniform(0, 0.5 / prompt)
            pace = (step + sequence * batch) / (1 - prompt * prompts) * (1 + rng.uniform(-noise, noise))
            told = worker(
                "w",
                round(batch),
                inter_token_seconds=pace,
                prompt_tokens=round(10 * prompts),
                output_tokens=round(10 * batch / pace),
            )
            seen = Seen(NOON, 10.0, None, (told,), True, {})
            learned = capacity.learn(learned, seen, DEFAULT)
        return learned

    @pytest.mark.parametrize(
        ("step", "sequence", "prompt"),
        [(0.0285, 0.00036, 0.000107), (0.008, 0.0001, 0.00002), (0.015, 0.003, 0.0008)],
        ids=["70B on four H100", "8B on one H100", "135M on a CPU"],
    )
    def test_the_costs_of_a_step_are_found(self, step: float, sequence: float, prompt: float) -> None:
        costs = self.taught(step, sequence, prompt, noise=0.05).costs
        assert costs is not None
        for batch in (8, 30, 60):
            for share in (0.0, 0.5):
                prompts = share * step / prompt
                found = costs.step + batch * costs.sequence + prompts * costs.prompt_token
                assert found == pytest.approx(step + batch * sequence + prompts * prompt, rel=0.2)

    def test_load_of_one_kind_only_is_enough_for_its_own_cost(self) -> None:
        loop = warm(2, 60)
        costs = loop.memory.learned.costs
        assert costs is not None
        tokens, prompts = 30 / 0.045, 1150 * 30 / 0.045 / 210
        busy = costs.step / 0.045 + costs.sequence * tokens + costs.prompt_token * prompts
        assert busy == pytest.approx(1.0, rel=0.03)

    def test_until_it_is_measured_nothing_is_forecast(self) -> None:
        decision = Loop().tick(20)
        assert "how fast a replica is" in decision.missing["forecast"]
        assert "Forecast" not in {one.name for one in decision.terms}

    def test_an_idle_engine_teaches_nothing(self) -> None:
        learned = Learned()
        seen = Seen(NOON, 10.0, None, (worker("w", 1, output_tokens=5),), True, {})
        assert capacity.learn(learned, seen, DEFAULT).weight == 0

    def test_what_an_engine_ran_when_it_was_full_bounds_what_a_replica_takes(self) -> None:
        loop = warm(2, 16, min_replicas=2)
        before = capacity.concurrency(loop.memory.learned, None, 0.75, DEFAULT)
        for _ in range(12):
            full = tuple(worker(f"w{index}", 8, waiting=30, prompt_tokens=100) for index in range(2))
            loop.decide(replace(sample(loop.now, 2, 16), workers=full))
            loop.now += 10
        after = capacity.concurrency(loop.memory.learned, None, 0.75, DEFAULT)
        assert after == pytest.approx(8 * DEFAULT.full_share, rel=0.1)
        assert after < before

    def test_room_in_the_cache_bounds_what_a_replica_takes(self) -> None:
        small = Learned(kv_used=0.9, kv_requests=6.0)
        assert capacity.concurrency(small, None, 0.75, DEFAULT) == pytest.approx(5.0)

    def test_what_is_cached_costs_nothing(self) -> None:
        assert Learned(prompt_tokens=100.0, cached_tokens=80.0).computed_share == pytest.approx(0.2)


class TestMemory:
    """What outlives the operator."""

    def test_what_was_learned_is_recalled(self) -> None:
        loop = warm(3, 90)
        found = law.recall(json.loads(json.dumps(law.remember(loop.memory))))
        before, after = loop.memory.learned, found.learned
        assert after.costs is not None
        assert asdict(after.costs) == pytest.approx(asdict(before.costs), rel=1e-3)
        assert after.output_length(DEFAULT) == pytest.approx(before.output_length(DEFAULT), rel=1e-3)
        assert capacity.concurrency(after, None, 0.75, DEFAULT) == pytest.approx(
            capacity.concurrency(before, None, 0.75, DEFAULT), rel=1e-3
        )

    def test_a_quiet_night_does_not_make_it_forget(self) -> None:
        for loop in (warm(2, 60), Loop(memory=law.recall(law.remember(warm(2, 60).memory)))):
            before = loop.memory.learned.costs
            loop.run(6 * 3600)
            assert asdict(loop.memory.learned.costs) == pytest.approx(asdict(before))
            assert "forecast" not in loop.tick(30).missing

    def test_how_many_an_engine_runs_when_it_is_full_is_recalled(self) -> None:
        memory = replace(law.EMPTY, learned=Learned(peak=8.0, full=8.0, full_weight=5.0))
        found = law.recall(law.remember(memory)).learned
        assert capacity.concurrency(found, None, 0.75, DEFAULT) == pytest.approx(8 * DEFAULT.full_share)

    def test_nothing_learned_is_nothing_kept(self) -> None:
        assert law.remember(law.EMPTY) == {}
        assert law.recall({}) == law.EMPTY

    @given(
        st.dictionaries(
            st.sampled_from(["step_seconds", "utilization", "x", "kv_capacity_tokens"]),
            st.none() | st.floats() | st.text(),
        )
    )
    def test_whatever_stands_in_a_status_can_be_recalled(self, kept: dict[str, object]) -> None:
        memory = law.recall(kept)
        law.decide(memory, sample(NOON, 1, 10), Supply(1, 1), policy(), COLD_START, NOON)

    def test_a_restart_in_the_middle_of_a_burst_takes_nothing_away(self) -> None:
        loop = warm(6, 240)
        before = loop.replicas
        loop.memory = law.recall(law.remember(loop.memory))
        assert {loop.tick(3).wanted for _ in range(8)} == {before}

    def test_all_of_it_survives_json(self) -> None:
        memory = warm(3, 90, ttft_slo_seconds=2.0).memory
        assert thaw(json.loads(json.dumps(asdict(memory)))) == memory


class TestRecords:
    """Decisions that are made again."""

    def records(self, ticks: int = 60) -> list[Record]:
        loop = warm(2, 60, ttft_slo_seconds=2.0, schedules=(TestSchedule.OFFICE,))
        found = []
        for index in range(ticks):
            loop.now += 10
            before, seen = loop.memory, sample(loop.now, 2, 60 + 3 * index)
            decision = loop.decide(seen, supply=Supply(2, 2), mark=loop.now)
            found.append(
                Record("team/chat", "shared", seen, Supply(2, 2), loop.policy, COLD_START, loop.now, loop.now, decision,
                       before if not index else None)
            )  # fmt: skip
        return found

    def test_a_record_survives_being_a_line(self) -> None:
        for one in self.records(3):
            assert load(dump(one)) == one

    def test_a_recorded_series_gives_the_same_decisions_again(self) -> None:
        assert replay(dump(one) for one in self.records()) == []

    def test_a_law_that_decides_differently_is_told_line_by_line(self) -> None:
        lines = [dump(one) for one in self.records()]
        found = replay(lines, replace(DEFAULT, utilization=0.5, utilization_max=0.5))
        assert found
        assert all(one.recorded != one.replayed and 1 <= one.line <= 60 for one in found)

    def test_pools_are_kept_apart(self) -> None:
        ours = self.records(5)
        lines = [dump(two) for one in ours for two in (one, replace(one, pool="high"))]
        assert replay(lines) == []

    @pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"service": 1}', "nonsense"])
    def test_a_line_that_is_none_is_named(self, line: str) -> None:
        with pytest.raises(ValueError, match="line 2: not a record of a scaling decision"):
            replay([dump(self.records(1)[0]), line])


class TestWords:
    """One clear sentence for a user."""

    def test_it_says_how_many_why_and_what_was_in_the_way(self) -> None:
        loop = Loop(policy(max_replicas=4, concurrency_target=12.0), 3)
        decision = loop.decide(sample(loop.now, 3, 51))
        assert decision.message == (
            "4 instead of 3: 51 requests wait or run, one replica takes 12, which asks for 4.2; "
            "CappedByMax, maxReplicas is 4."
        )

    def test_no_change_is_told_as_such(self) -> None:
        assert warm(3, 90).tick(90).message.startswith("3 as before: ")


def test_the_law_is_pure() -> None:
    """It imports nothing that could do I/O or read a clock."""
    allowed = {
        "collections", "dataclasses", "datetime", "functools", "heapq", "json", "math", "operator", "statistics",
        "typing", "zoneinfo",
    }  # fmt: skip
    for path in Path(tidegate_operator.scaling.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = name.partition(".")[0]
                inside = name.startswith(("tidegate_operator.scaling", "tidegate_api.names"))
                assert inside or (root in allowed and root in sys.stdlib_module_names), f"{path.name}: {name}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today", "time"} or not _is_clock(node), path.name


def _is_clock(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date", "time"}
