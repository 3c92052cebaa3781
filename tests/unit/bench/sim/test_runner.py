"""A simulated engine's clock: steps follow the plan, not the timers."""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.runner import Runner
from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.sequence import Prompt, Sequence

PROFILE = Profile(step_seconds=0.01, prefill_token_seconds=0, decode_seq_seconds=0, context_token_seconds=0)


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A loop whose timers fire when a test says, as late as it says."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timer: tuple[float, Callable[[], None], Handle] | None = None

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        handle = Handle()
        self.timer = (when, action, handle)
        return handle

    def fire(self, late: float = 0.0) -> None:
        assert self.timer is not None
        when, action, handle = self.timer
        self.timer = None
        assert not handle.cancelled
        self.now = when + late
        action()


def start(tokens: int = 50) -> tuple[Runner, Loop, list[float]]:
    """Return an engine with one request, and when each of its tokens was made by plan."""
    loop: Any = Loop()
    made: list[float] = []
    runner = Runner(Scheduler(PROFILE), loop, lambda s: made.append(s.last_token_at), loop.time)
    runner.submit(Sequence(Prompt(b"a", 16), tokens))
    return runner, loop, made


def test_steps_follow_each_other_by_plan_although_timers_are_a_little_late() -> None:
    _, loop, made = start()
    for _ in range(5):
        loop.fire(late=0.001)
    assert made == pytest.approx([100.01, 100.02, 100.03, 100.04, 100.05])


def test_steps_that_should_have_ended_meanwhile_are_caught_up_at_once() -> None:
    runner, loop, made = start()
    loop.fire(late=0.015)
    assert made == pytest.approx([100.01, 100.02])
    assert runner.lag_seconds == 0
    loop.fire()
    assert made[-1] == pytest.approx(100.03)


def test_an_engine_that_is_far_behind_goes_on_from_now_and_accounts_for_it() -> None:
    runner, loop, made = start()
    loop.fire(late=0.5)
    loop.fire()
    assert made == pytest.approx([100.01, 100.52])
    assert runner.lag_seconds == pytest.approx(0.5)


def test_a_slower_engine_takes_longer_steps() -> None:
    runner, loop, made = start()
    runner.factor = 3.0
    loop.fire()
    loop.fire()
    assert made == pytest.approx([100.01, 100.04])


def test_it_stops_when_nothing_is_left_and_starts_with_the_next_request() -> None:
    runner, loop, made = start(tokens=1)
    loop.fire()
    assert loop.timer is None
    loop.now = 200.0
    runner.submit(Sequence(Prompt(b"b", 16), 1))
    loop.fire()
    assert made == pytest.approx([100.01, 200.01])
