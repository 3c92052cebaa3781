"""Asking loaders: whom, how often, what is read, and what of it is worth a write."""

from __future__ import annotations

import json

import pytest

from tidegate_operator.cache import Cache
from tidegate_operator.facts import Key
from tidegate_operator.models.facts import Progress
from tidegate_operator.models.loaders import read_progress
from tidegate_operator.models.progress import ProgressLoop, is_news
from tidegate_operator.podanswer import Unreadable
from unit.operator.models.scenes import KEY, Object, job, pod, progress

LABELS = {"app.kubernetes.io/component": "loader", "serving.tidegate.dev/model": "tiny"}


class Loaders:
    """Loaders that say what a test wants; None is no answer."""

    def __init__(self, said: Progress | None) -> None:
        self.said = said
        self.asked: list[str] = []

    async def read(self, address: str) -> Progress:
        self.asked.append(address)
        if self.said is None:
            raise Unreadable("no answer in time")
        return self.said


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def of_kind(kind: str, version: str, item: Object) -> Object:
    metadata = {**item["metadata"], "labels": LABELS, "resourceVersion": "7"}
    return {**item, "apiVersion": version, "kind": kind, "metadata": metadata}


def loop(said: Progress | None, *pods: Object) -> tuple[ProgressLoop, Loaders, list[Key], Clock]:
    """Return the loop with one Job and these Pods, and what it tells."""
    cache, loaders, told, clock = Cache(), Loaders(said), list[Key](), Clock()
    cache.put(of_kind("Job", "batch/v1", job()))
    for one in pods:
        cache.put(of_kind("Pod", "v1", one))
    return ProgressLoop(loaders, cache, told.append, clock), loaders, told, clock


RUNNING = pod(podIP="10.0.0.9")


async def test_a_loader_that_runs_is_asked_and_its_news_are_told() -> None:
    asking, loaders, told, clock = loop(progress(10), RUNNING)
    await asking.round()
    assert (loaders.asked, told, asking.cache.progress[KEY]) == (["10.0.0.9"], [KEY], progress(10))
    loaders.said = progress(60)
    clock.now += 2
    await asking.round()
    assert (told, asking.cache.progress[KEY].bytes_done) == ([KEY], progress(10).bytes_done)
    clock.now += 2
    await asking.round()
    assert (told, asking.cache.progress[KEY]) == ([KEY, KEY], progress(60))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(pod(), id="no address yet"),
        pytest.param(pod(podIP="10.0.0.9", phase="Pending", state={"waiting": {}}), id="not running"),
    ],
)
async def test_nobody_else_is_asked(other: Object) -> None:
    asking, loaders, told, _ = loop(progress(10), other)
    await asking.round()
    assert (loaders.asked, told) == ([], [])


async def test_a_loader_that_does_not_answer_says_nothing() -> None:
    asking, _, told, _ = loop(None, RUNNING)
    await asking.round()
    assert (told, asking.cache.progress) == ([], {})


async def test_what_a_loader_said_is_forgotten_when_it_has_ended() -> None:
    asking, *_ = loop(progress(10), RUNNING)
    await asking.round()
    asking.cache.drop(of_kind("Pod", "v1", RUNNING))
    await asking.round()
    assert asking.cache.progress == {}


@pytest.mark.parametrize(
    ("before", "now", "seconds", "news"),
    [
        pytest.param(None, progress(0), 0.0, True, id="the first word"),
        pytest.param(progress(1), progress(100), 2.9, False, id="too soon after the last one"),
        pytest.param(progress(1), progress(2), 3.0, True, id="a hundredth more"),
        pytest.param(progress(100), progress(101), 3.0, False, id="less than a hundredth"),
        pytest.param(progress(200), progress(200, step="Verifying"), 3.0, True, id="another step"),
        pytest.param(progress(0, 0, "Evicting"), progress(0), 9.0, True, id="how much it will be"),
    ],
)
def test_what_is_worth_a_write(before: Progress | None, now: Progress, seconds: float, news: bool) -> None:
    assert is_news(before, now, seconds) is news


def test_what_a_loader_says_is_read() -> None:
    said = {"step": "Downloading", "bytesDone": 5, "bytesTotal": 9, "remainingSeconds": None, "newer": 1}
    assert read_progress(json.dumps(said).encode()) == Progress("Downloading", bytes_done=5, bytes_total=9)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"no JSON", "the whole", id="no JSON"),
        pytest.param(b'{"step": "Sleeping"}', "step", id="a step that there is not"),
        pytest.param(b'{"step": "Done", "bytesDone": -1}', "bytesDone", id="fewer than no bytes"),
        pytest.param(b'{"step": "Done", "bytesTotal": 1e300}', "bytesTotal", id="more than there can be"),
    ],
)
def test_what_cannot_be_is_not(body: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read_progress(body)
