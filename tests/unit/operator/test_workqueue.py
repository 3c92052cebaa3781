"""Order, deduplication, backoff: with a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tidegate_operator.cluster import ClusterError
from tidegate_operator.errors import Waiting
from tidegate_operator.workqueue import LONGEST_BACKOFF_SECONDS, WorkQueue
from unit.operator.fakes import FakeClock


class Desk:
    """A queue, what it worked on, and how each key answers."""

    def __init__(self, timeout: float = 60) -> None:
        self.clock = FakeClock()
        self.worked: list[str] = []
        self.failures: list[tuple[str, Exception]] = []
        self.answer: Callable[[str], float | None] = lambda key: None
        self.queue = WorkQueue(self.work, self.failed, self.clock, timeout=timeout, jitter=lambda: 1.0)

    async def work(self, key: str) -> float | None:
        self.worked.append(key)
        return self.answer(key)

    def failed(self, key: str, error: Exception) -> None:
        self.failures.append((key, error))

    async def settle(self) -> list[str]:
        """Work on everything that is due, and return it."""
        self.worked.clear()
        while self.queue.depth:
            await self.queue.step()
        return list(self.worked)


def fails(key: str) -> float | None:
    raise RuntimeError(key)


async def test_keys_are_worked_on_in_order_and_once_however_often_they_were_added() -> None:
    desk = Desk()
    for key in ("a", "b", "a", "a"):
        desk.queue.add(key)
    assert desk.queue.depth == 2
    assert await desk.settle() == ["a", "b"]


async def test_a_key_added_while_it_is_worked_on_comes_once_more_and_never_in_parallel() -> None:
    started, finish, running = asyncio.Event(), asyncio.Event(), []
    most = 0

    async def work(key: str) -> None:
        nonlocal most
        running.append(key)
        most = max(most, len(running))
        started.set()
        await finish.wait()
        running.remove(key)
        done.append(key)

    done: list[str] = []
    queue = WorkQueue(work, lambda key, error: None, FakeClock())
    workers = asyncio.create_task(queue.run(3))
    queue.add("a")
    await started.wait()
    queue.add("a")
    queue.add("a")
    await asyncio.sleep(0)
    assert running == ["a"]
    finish.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert done == ["a", "a"]
    assert most == 1
    workers.cancel()
    with pytest.raises(asyncio.CancelledError):
        await workers


async def test_different_keys_are_worked_on_in_parallel() -> None:
    together = asyncio.Barrier(2)

    async def work(key: str) -> None:
        await together.wait()
        done.append(key)

    done: list[str] = []
    queue = WorkQueue(work, lambda key, error: None, FakeClock())
    queue.add("a")
    queue.add("b")
    async with asyncio.timeout(5):
        await asyncio.gather(queue.step(), queue.step())
    assert sorted(done) == ["a", "b"]


async def test_failures_come_back_later_and_later_but_at_least_once_a_minute() -> None:
    desk = Desk()
    desk.answer = fails
    desk.queue.add("a")
    await desk.settle()
    waits = []
    for _ in range(9):
        waited = 0
        while not await desk.settle():
            desk.clock.advance(1)
            waited += 1
        waits.append(waited)
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_BACKOFF_SECONDS, 60, 60]
    assert len(desk.failures) == 10


async def test_success_ends_the_backoff() -> None:
    desk = Desk()
    desk.answer = fails
    for _ in range(5):
        desk.queue.add("a")
        await desk.settle()
    desk.answer = lambda key: None
    desk.queue.add("a")
    await desk.settle()
    desk.answer = fails
    desk.queue.add("a")
    await desk.settle()
    desk.clock.advance(1)
    assert await desk.settle() == ["a"]


async def test_news_do_not_wait_for_the_backoff() -> None:
    desk = Desk()
    desk.answer = fails
    desk.queue.add("a")
    await desk.settle()
    desk.answer = lambda key: None
    desk.queue.add("a")
    assert await desk.settle() == ["a"]
    desk.clock.advance(100)
    assert await desk.settle() == []


async def test_waiting_is_no_failure_and_says_when() -> None:
    desk = Desk()

    def waits(key: str) -> float | None:
        raise Waiting("NotYet", 7)

    desk.answer = waits
    desk.queue.add("a")
    await desk.settle()
    assert desk.failures == []
    desk.clock.advance(6)
    assert await desk.settle() == []
    desk.clock.advance(1)
    assert await desk.settle() == ["a"]


def conflicts(key: str) -> float | None:
    raise Waiting("ChangedMeanwhile", 1)


def is_refused(key: str) -> float | None:
    raise ClusterError(500, "InternalError", "no")


@pytest.mark.parametrize("answer", [conflicts, is_refused])
async def test_what_never_succeeds_is_tried_at_most_ten_times_in_the_first_minute(
    answer: Callable[[str], float | None],
) -> None:
    desk, tried = Desk(), 0
    desk.answer = answer
    desk.queue.add("a")
    for _ in range(600):
        tried += len(await desk.settle())
        desk.clock.advance(0.1)
    assert 5 <= tried <= 10


async def test_who_is_told_to_come_back_later_does_not_come_earlier() -> None:
    desk = Desk()

    def is_too_much(key: str) -> float | None:
        raise ClusterError(429, "TooManyRequests", "later", after=3)

    desk.answer = is_too_much
    desk.queue.add("a")
    await desk.settle()
    desk.clock.advance(2.9)
    assert await desk.settle() == []
    desk.clock.advance(0.2)
    assert await desk.settle() == ["a"]


async def test_work_may_say_when_to_look_again() -> None:
    desk = Desk()
    desk.answer = lambda key: 15.0
    desk.queue.add("a")
    await desk.settle()
    desk.clock.advance(14.9)
    assert await desk.settle() == []
    desk.clock.advance(0.1)
    assert await desk.settle() == ["a"]


async def test_of_two_later_times_the_earlier_counts() -> None:
    desk = Desk()
    desk.queue.add_after("a", 20)
    desk.queue.add_after("a", 5)
    desk.queue.add_after("a", 50)
    desk.clock.advance(5)
    assert await desk.settle() == ["a"]
    desk.clock.advance(100)
    assert await desk.settle() == []


async def test_work_that_hangs_is_cut_off_and_tried_again() -> None:
    async def hangs(key: str) -> None:
        await asyncio.Event().wait()

    failures: list[tuple[str, Exception]] = []
    clock = FakeClock()
    queue = WorkQueue(hangs, lambda key, error: failures.append((key, error)), clock, timeout=0.01)
    queue.add("a")
    await queue.step()
    assert [(key, type(error)) for key, error in failures] == [("a", TimeoutError)]
    clock.advance(1)
    assert queue.depth == 1


async def test_what_is_asked_for_goes_ahead_of_what_has_happened_and_nobody_waits_for_ever() -> None:
    desk = Desk()
    for key in ("pod-1", "pod-2", "pod-3", "pod-4", "changed-twice"):
        desk.queue.add(key)
    for number in range(5):
        desk.queue.add_after(f"asked-{number}", 0, is_asked=True)
    desk.queue.add_after("changed-twice", 0, is_asked=True)
    desk.clock.advance(0.1)
    assert await desk.settle() == [
        *("changed-twice", "asked-0", "asked-1"),
        "pod-1",
        *("asked-2", "asked-3", "asked-4"),
        *("pod-2", "pod-3", "pod-4"),
    ]
    desk.queue.add("asked-0")
    desk.queue.add("pod-1")
    assert await desk.settle() == ["asked-0", "pod-1"]


async def test_a_queue_that_does_not_move_says_for_how_long() -> None:
    desk = Desk()
    assert desk.queue.stalled_seconds() == 0
    desk.queue.add("a")
    desk.clock.advance(30)
    desk.queue.add("b")
    desk.clock.advance(10)
    assert desk.queue.stalled_seconds() == 40
    await desk.settle()
    assert desk.queue.stalled_seconds() == 0
