"""A slice of `make streams`: each kind of change, kill and slow client, and the proof that a loss would be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.api import Api
from streams import changes, deletes, idle, kills, slow
from streams.world import World, world

SEED = 7
STREAMS = 40
KILLS = 50
SLOW = 40
# As the real ones, in seconds for a test.
QUICK = {"header_seconds": 2, "body_idle_seconds": 2, "body_seconds": 4, "write_stall_seconds": 3}


@pytest.fixture(scope="module")
def made(api: Api, module_namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A release at work, whose Pods end ten times as quickly."""
    folder = tmp_path_factory.mktemp("streams")
    with world(
        api, module_namespace, folder, SEED, workers=changes.WORKERS, token_seconds=0.02, haste=10
    ) as one:
        yield one


@pytest.mark.parametrize("name", changes.CHANGES)
async def test_no_stream_is_lost_through(name: str, made: World) -> None:
    done = await changes.run(made, name, changes.CHANGES[name], STREAMS, clients=20)
    assert done.wrong == []
    assert done.streams >= STREAMS
    assert done.times >= 1
    assert done.ended > 0, "something did end meanwhile"
    assert done.killed == 0


async def test_streams_are_seen_to_break_where_workers_are_killed_instead_of_drained(made: World) -> None:
    made.kubelet.is_careless = True
    try:
        done = await changes.run(made, "killed", changes.rolling_update, STREAMS, clients=20)
    finally:
        made.kubelet.is_careless = False
    assert done.broken > 0
    assert done.seen["silent"] == done.seen["wrong"] == 0, "even then nobody takes a part for the whole"


async def test_a_worker_that_is_killed_costs_no_client_more_than_an_error(tmp_path: Path) -> None:
    done = await kills.run(tmp_path, KILLS, SEED)
    assert done.wrong == []
    assert done.kills == KILLS
    assert done.seen["before the first token: whole"] > 0
    assert done.seen["within a stream: told"] > 0


async def test_slow_clients_are_ended_and_the_others_answered(tmp_path: Path) -> None:
    done = await slow.run(tmp_path, SLOW, SEED, QUICK)
    assert done.wrong == []
    assert set(done.good) == {"whole"}
    assert sum(done.ends.values()) == SLOW


@pytest.mark.thorough
def test_what_is_deleted_is_gone_with_all_that_belongs_to_it(
    api: Api, namespace: str, tmp_path: Path
) -> None:
    done = deletes.run(api, namespace, tmp_path, 8)
    assert done.wrong == []
    assert sum(done.deleted.values()) == 8


@pytest.mark.thorough
def test_the_idle_worker_goes(api: Api, namespace: str, tmp_path: Path) -> None:
    done = idle.run(api, namespace, tmp_path, 4, seed=SEED)
    assert done.wrong == []
    assert done.idle_went == done.rounds == 4


def test_the_run_through_a_change_is_over_when_the_change_fails(made: World) -> None:
    def fails(world: World, times: int) -> None:
        raise AssertionError("not to be done")

    with pytest.raises(AssertionError, match="not to be done"):
        asyncio.run(changes.run(made, "failing", fails, STREAMS, clients=4))
