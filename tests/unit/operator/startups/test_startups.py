"""How long workers took to start: the parts of one start, which starts are kept, and who is asked."""

from collections.abc import Mapping
from typing import Any

import pytest

from objects import observed, service, status
from tidegate_operator.cache import Cache
from tidegate_operator.facts import Key
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.startups.loop import StartupLoop
from tidegate_operator.startups.parts import milliseconds, read_page
from tidegate_operator.startups.state import is_to_ask, startup

PAGE = """# HELP tidegate_startup_seconds How long a part of the worker's start took, in seconds.
# TYPE tidegate_startup_seconds gauge
tidegate_startup_seconds{phase="preflight"} 0.5
tidegate_startup_seconds{phase="import"} 11.25
tidegate_startup_seconds{phase="weights"} 3.0
tidegate_startup_seconds{phase="compile"} 20.0
tidegate_startup_seconds{phase="warmup"} 1.5
tidegate_startup_seconds{phase="strange"} 1.5
tidegate_startup_seconds{phase="weights"} NaN
vllm:num_requests_running{engine="0"} 0.0
"""
TOLD = {"preflight": 0.5, "import": 11.25, "weights": 3.0, "compile": 20.0, "warmup": 1.5}


def started(name: str = "chat-1", at: str = "12:01:00", **changes: Any) -> dict[str, Any]:
    """Return a Pod that was made at 12:00:00, scheduled after 2 s, and whose container ran after 10 s more."""
    running = {"name": "main", "restartCount": 0, "state": {"running": {"startedAt": "2026-11-21T12:00:12Z"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-21T12:00:00Z",
            "labels": {"serving.tidegate.dev/service": "chat"},
        },
        "spec": {"containers": [{"name": "main", "ports": [{"name": "http", "containerPort": 8000}]}]},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-21T12:00:02Z"},
                {"type": "Ready", "status": "True", "lastTransitionTime": f"2026-11-21T{at}Z"},
            ],
            "containerStatuses": [{**running, **changes}],
        },
    }


def test_a_page_tells_the_engines_parts() -> None:
    assert read_page(PAGE) == {**TOLD, "weights": 3.0}


def test_another_engines_page_tells_none() -> None:
    assert read_page("llamacpp:prompt_tokens_total 4\n") == {}


def test_the_parts_are_the_whole() -> None:
    found = milliseconds(started(), TOLD)
    assert found == {
        "scheduling": 2000,
        "image": 10000,
        "preflight": 500,
        "import": 11250,
        "weights": 3000,
        "compile": 20000,
        "warmUp": 1500,
        "ready": 11750,
        "total": 60000,
    }


def test_of_an_engine_that_tells_nothing_loading_is_one_part() -> None:
    assert milliseconds(started(), {}) == {
        "scheduling": 2000,
        "image": 10000,
        "ready": 48000,
        "total": 60000,
    }


NO_START = [
    pytest.param(started(restartCount=1), id="a container that was started again"),
    pytest.param(started(state={}), id="one that does not run"),
    pytest.param(started(at="11:59:00"), id="clocks that do not agree"),
    pytest.param(started(at="13:30:00"), id="one that was ready before, and is again"),
]


@pytest.mark.parametrize("pod", NO_START)
def test_it_is_not_known_how_long_that_took(pod: Mapping[str, Any]) -> None:
    assert milliseconds(pod, {}) is None


def test_the_newest_starts_are_kept_with_the_median_of_each_part() -> None:
    told: dict[str, Any] | None = None
    for second in range(12):
        pod = started(f"chat-{second}", at=f"12:01:{second:02}")
        told = startup(told, [pod], {f"uid-chat-{second}": {"weights": float(second)}})
    assert told is not None
    assert [one["pod"] for one in told["recent"]] == [f"chat-{second}" for second in range(4, 12)]
    assert told["medianMilliseconds"]["weights"] == 7500
    assert told["medianMilliseconds"]["total"] == 67500


def test_the_same_facts_say_the_same() -> None:
    pod = started()
    once = startup(None, [pod], {"uid-chat-1": TOLD})
    assert startup(once, [pod], {"uid-chat-1": TOLD}) == once
    assert startup(once, [], {}) == once


def test_the_status_has_it() -> None:
    facts = observed(service(), pods=[started()], started={"uid-chat-1": TOLD})
    assert status(facts)["startup"]["recent"][0]["pod"] == "chat-1"
    assert "startup" not in status(observed())


def test_nobody_is_asked_twice_nor_who_started_before_all_that_are_kept() -> None:
    kept = startup(None, [started("chat-0")], {"uid-chat-0": {}})
    assert is_to_ask(None, started())
    assert is_to_ask(kept, started())
    assert not is_to_ask(kept, started("chat-0"))
    full = {"recent": [{"pod": f"other-{one}", "at": "2026-11-21T12:05:00Z"} for one in range(8)]}
    assert not is_to_ask(full, started())


class FakePages:
    """Answers with a page, or not at all while `text` is None."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked: list[tuple[str, int]] = []

    async def read(self, address: str, port: int) -> str:
        self.asked.append((address, port))
        if self.text is None:
            raise Unreadable("refused")
        return self.text


def world(pages: FakePages) -> tuple[StartupLoop, Cache, list[Key]]:
    cache, told = Cache(), list[Key]()
    of = service()
    cache.put({**of, "metadata": {**of["metadata"], "resourceVersion": "1"}})
    cache.put(started())
    return StartupLoop(pages, cache, told.append), cache, told


async def test_who_has_started_is_asked_once() -> None:
    pages = FakePages(PAGE)
    loop, cache, told = world(pages)
    await loop.round()
    await loop.round()
    assert pages.asked == [("10.0.0.7", 8000)]
    assert told == [Key("team-a", "chat")]
    assert cache.started[Key("team-a", "chat")] == {"uid-chat-1": TOLD}


async def test_who_does_not_answer_three_times_tells_no_parts() -> None:
    pages = FakePages(None)
    loop, cache, told = world(pages)
    await loop.round()
    await loop.round()
    assert told == []
    await loop.round()
    assert cache.started[Key("team-a", "chat")] == {"uid-chat-1": {}}


async def test_what_a_worker_told_is_forgotten_with_it() -> None:
    loop, cache, _ = world(FakePages(PAGE))
    await loop.round()
    cache.drop(started())
    await loop.round()
    assert cache.started[Key("team-a", "chat")] == {}
