"""A slice of `tidegate_bench rollout`: real processes, real sockets, a version that changes under some 200 streams."""

from functools import partial
from typing import Final

import pytest

from tidegate_bench.rollout.bench import PROFILE, Result, run
from tidegate_bench.rollout.changes import CHANGES, Change, careless_replacement

STREAMS: Final = 70
SECONDS: Final = 4.0
# Streams of half a second to five.
QUICK: Final = PROFILE.faster(2)

go = partial(run, streams=STREAMS, seconds=SECONDS, profile=QUICK)


def whole(result: Result) -> bool:
    return (result.streams, result.broken, result.refused) == (STREAMS, 0, 0)


@pytest.mark.parametrize(("name", "change"), CHANGES.items(), ids=CHANGES.keys())
async def test_no_stream_is_lost_while_a_version_changes(name: str, change: Change) -> None:
    result = await go(name, change)
    assert whole(result), result
    if name == "rolling update":
        assert not result.versions
        return
    canary, stable = result.versions["canary"], result.versions["stable"]
    assert canary["requests"] > 0
    assert stable["requests"] > 0
    assert stable["errors"] == 0
    # What it failed on, clients were not told.
    assert (canary["errors"] > 0) is (name == "canary, rolled back")


async def test_streams_are_lost_where_workers_are_killed() -> None:
    assert not whole(await go("workers killed", careless_replacement))
