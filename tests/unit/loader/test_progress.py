"""How far a load is: never back, never done too early, and a speed that is one."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate_loader.progress import WINDOW_SECONDS, Progress


def downloading(total: int, *, done: int = 0) -> Progress:
    progress = Progress(step="Downloading", total=total, files_total=1)
    progress.begin(done, 0, now=0.0)
    return progress


def test_bytes_speed_and_what_remains() -> None:
    progress = downloading(1000)
    for second in range(1, 5):
        progress.add(100, float(second))
    told = progress.tell(4.0)
    assert (told["bytesDone"], told["bytesPerSecond"], told["remainingSeconds"]) == (400, 100, 6)


def test_what_was_there_before_is_progress_but_no_speed() -> None:
    progress = downloading(1000, done=900)
    progress.add(10, 1.0)
    told = progress.tell(1.0)
    assert (told["bytesDone"], told["bytesPerSecond"]) == (910, 10)


def test_the_speed_is_that_of_the_last_moments() -> None:
    progress = downloading(10_000_000)
    for second in range(1, 61):
        progress.add(1000 if second <= 30 else 10, float(second))
    assert progress.tell(60.0)["bytesPerSecond"] == 10


def test_a_hub_that_stands_still_slows_down_to_nothing() -> None:
    progress = downloading(10_000)
    progress.add(1000, 1.0)
    seen = [progress.tell(1.0 + second)["bytesPerSecond"] for second in (0, 10, 100, 100_000)]
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0
    assert progress.tell(100_000.0)["remainingSeconds"] is None


def test_a_file_that_comes_twice_does_not_go_back() -> None:
    progress = downloading(100)
    progress.add(80, 1.0)
    progress.add(-80, 2.0)
    assert progress.tell(2.0)["bytesDone"] == 80
    progress.add(90, 3.0)
    assert progress.tell(3.0)["bytesDone"] == 90


def test_before_anything_is_known_there_is_no_speed_and_no_end() -> None:
    told = Progress().tell(5.0)
    assert told["step"] == "Resolving"
    assert (told["bytesTotal"], told["bytesPerSecond"], told["remainingSeconds"]) == (0, 0, None)


@given(st.lists(st.tuples(st.integers(-50, 100), st.floats(0, 10)), max_size=50))
def test_what_is_told_never_falls_and_never_passes_the_total(steps: list[tuple[int, float]]) -> None:
    progress, now, last = downloading(1000), 0.0, 0
    for count, pause in steps:
        now += pause
        progress.add(count, now)
        told = progress.tell(now)
        assert last <= told["bytesDone"] <= 1000
        assert told["bytesPerSecond"] >= 0
        last = told["bytesDone"]
    assert len(progress.meter.samples) <= 2 * WINDOW_SECONDS + 2
