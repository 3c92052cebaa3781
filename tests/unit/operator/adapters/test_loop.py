"""Workers come to have the adapters that are declared, whatever happens to them or to the adapters."""

import asyncio
from typing import Any

import pytest

from objects import CLAIM
from tidegate_operator.adapters.decide import FIRST_DELAY_SECONDS
from tidegate_operator.adapters.loop import ASK_SECONDS
from tidegate_operator.conditions.chain import Finding
from unit.operator.adapters.rig import (
    HUB,
    HUB_PATH,
    KEY,
    Room,
    adapter,
    claim,
    llmmodel,
    with_adapters,
    worker,
)

SUPPORT = "/models/lora/support"
BROKEN = Finding("AdapterFailed", "the engine says: header too large")


def room(*entries: Any, workers: int = 1) -> Room:
    """Return a service with these adapters, and workers that answer."""
    return Room().put(claim(), with_adapters(*(entries or (adapter(),))), *map(worker, range(1, workers + 1)))


async def test_every_worker_that_answers_is_given_every_adapter() -> None:
    place = room(adapter(), adapter("legal", f"pvc://{CLAIM}/lora/legal"), workers=2)
    await place.rounds()
    both = {"support": SUPPORT, "legal": "/models/lora/legal"}
    assert place.at(1) == place.at(2) == both
    assert place.news


async def test_once_all_is_there_workers_are_only_asked_now_and_then_and_nobody_is_told() -> None:
    place = room()
    await place.rounds()
    place.news.clear()
    told = list(place.engines.told)
    await place.rounds(20)
    assert place.engines.told == told
    assert place.news == []


async def test_an_engine_that_started_again_gets_its_adapters_back() -> None:
    place = room()
    await place.rounds()
    place.engines.has["10.0.0.1"].clear()
    await place.rounds(2, ASK_SECONDS)
    assert place.at() == {"support": SUPPORT}


async def test_a_worker_that_was_not_ready_meanwhile_is_looked_after_as_soon_as_it_is() -> None:
    place = room()
    await place.rounds()
    place.put(worker(ready=False))
    await place.rounds()
    assert place.cache.adapters == {}
    place.engines.has["10.0.0.1"].clear()
    place.put(worker())
    await place.rounds()
    assert place.at() == {"support": SUPPORT}


async def test_a_new_worker_gets_them_without_a_word_to_the_others() -> None:
    place = room()
    await place.rounds()
    place.engines.told.clear()
    place.put(worker(2))
    await place.rounds()
    assert {address for address, _, _ in place.engines.told} == {"10.0.0.2"}


async def test_what_is_not_declared_any_more_is_unloaded() -> None:
    place = room(adapter(), adapter("legal", f"pvc://{CLAIM}/lora/legal"))
    await place.rounds()
    place.put(with_adapters(adapter("legal", f"pvc://{CLAIM}/lora/legal")))
    await place.rounds()
    assert place.at() == {"legal": "/models/lora/legal"}


async def test_an_empty_list_leaves_none() -> None:
    place = room()
    await place.rounds()
    place.put(with_adapters())
    await place.rounds()
    assert place.at() == {}


async def test_another_directory_is_tried_beside_the_old_one_before_it_gets_the_name() -> None:
    place = room()
    await place.rounds()
    place.engines.told.clear()
    place.put(with_adapters(adapter(uri=f"pvc://{CLAIM}/lora/v2")))
    await place.rounds()
    assert [what for _, what, _ in place.engines.told] == [
        "load support~next",
        "unload support",
        "load support",
        "unload support~next",
    ]
    assert place.at() == {"support": "/models/lora/v2"}


async def test_a_broken_new_one_leaves_the_old_one_in_its_place() -> None:
    place = room()
    await place.rounds()
    place.engines.refuses["/models/lora/v2"] = BROKEN
    place.put(with_adapters(adapter(uri=f"pvc://{CLAIM}/lora/v2")))
    await place.rounds()
    assert place.at() == {"support": SUPPORT}
    known = place.cache.adapters[KEY]["uid-chat-1"]
    assert known.refused["support"].reason == "AdapterFailed"


async def test_an_operator_that_ended_in_the_middle_of_that_is_followed_by_one_that_finishes_it() -> None:
    place = room(adapter(uri=f"pvc://{CLAIM}/lora/v2"))
    place.engines.has["10.0.0.1"] = {"support~next": "/models/lora/v2"}
    await place.rounds()
    assert place.at() == {"support": "/models/lora/v2"}


async def test_one_that_is_broken_fails_alone_and_is_tried_ever_more_seldom() -> None:
    place = room(adapter("broken", f"pvc://{CLAIM}/broken"), adapter())
    place.engines.refuses["/models/broken"] = BROKEN
    await place.rounds()
    assert place.at() == {"support": SUPPORT}
    await place.rounds(300, 2.0)
    tries = [what for _, what, _ in place.engines.told if what == "load broken"]
    # 10, 20, 40, 80, 160 and 300 seconds after each other, in 602 seconds.
    assert len(tries) == 6
    assert FIRST_DELAY_SECONDS == 10


async def test_one_that_was_broken_is_loaded_at_once_from_another_directory() -> None:
    place = room(adapter(uri=f"pvc://{CLAIM}/broken"))
    place.engines.refuses["/models/broken"] = BROKEN
    await place.rounds()
    place.put(with_adapters(adapter()))
    await place.rounds()
    assert place.at() == {"support": SUPPORT}


async def test_sixty_four_adapters_come_in_few_rounds_and_are_told_of_in_between() -> None:
    entries = [adapter(f"a{number}", f"pvc://{CLAIM}/lora/{number}") for number in range(64)]
    place = room(*entries)
    await place.rounds()
    assert 0 < len(place.at()) < 64
    await place.rounds(7)
    assert len(place.at()) == 64


async def test_a_worker_that_does_not_answer_keeps_nobody_else_waiting() -> None:
    place = room(workers=2)
    place.engines.deaf.add("10.0.0.1")
    await place.rounds()
    assert place.at(2) == {"support": SUPPORT}
    assert place.cache.adapters[KEY]["uid-chat-1"].unread == "no answer in time"


async def test_a_slow_load_on_one_worker_keeps_nobody_else_waiting() -> None:
    place = room()
    place.engines.slow["10.0.0.1"] = asyncio.Event()
    place.loop.look()
    for _ in range(5):
        await asyncio.sleep(0)
    place.put(worker(2))
    place.loop.look()
    for _ in range(5):
        await asyncio.sleep(0)
    assert place.at(1) == {}
    assert place.at(2) == {"support": SUPPORT}
    place.engines.slow["10.0.0.1"].set()
    await place.rounds()
    assert [what for address, what, _ in place.engines.told if address == "10.0.0.1"] == ["load support"]


async def test_an_adapter_of_a_hub_waits_until_it_is_in_the_cache() -> None:
    cached = {"/models": {"persistentVolumeClaim": {"claimName": "tidegate-models"}}}
    place = Room().put(
        with_adapters(adapter(uri=HUB), uri="hf://acme/base"), worker(volumes=cached), llmmodel("Downloading")
    )
    await place.rounds()
    assert place.at() == {}
    place.put(llmmodel())
    await place.rounds()
    assert place.at() == {"support": f"/models/{HUB_PATH}"}


async def test_an_adapter_whose_llmmodel_was_deleted_stays_loaded_while_it_is_made_again() -> None:
    cached = {"/models": {"persistentVolumeClaim": {"claimName": "tidegate-models"}}}
    place = Room().put(
        with_adapters(adapter(uri=HUB), uri="hf://acme/base"), worker(volumes=cached), llmmodel()
    )
    await place.rounds()
    place.put(llmmodel("Pending"))
    await place.rounds(2, ASK_SECONDS)
    assert place.at() == {"support": f"/models/{HUB_PATH}"}


async def test_a_name_that_became_a_models_is_taken_off_all_workers() -> None:
    place = room()
    await place.rounds()
    place.put(with_adapters(of="support"))
    await place.rounds()
    assert place.at() == {}


LEFT_ALONE = [
    pytest.param(worker(lora=False), id="a worker of a version without adapters is not asked"),
    pytest.param(worker(draining=True), id="a worker that is to go is not given any more"),
    pytest.param(worker(volumes={}), id="a worker without the volume is not told of what it cannot find"),
]


@pytest.mark.parametrize("pod", LEFT_ALONE)
async def test_who_is_left_alone(pod: Any) -> None:
    place = Room().put(claim(), with_adapters(adapter()), pod)
    await place.rounds(3)
    assert place.engines.told == []


async def test_a_canary_gets_the_same_adapters_from_where_its_own_version_mounts_them() -> None:
    elsewhere = {"/adapters/1234": {"persistentVolumeClaim": {"claimName": CLAIM}}}
    place = room().put(worker(2, volumes=elsewhere))
    await place.rounds()
    assert place.at(1) == {"support": SUPPORT}
    assert place.at(2) == {"support": "/adapters/1234/lora/support"}


async def test_steps_are_counted() -> None:
    place = room()
    await place.rounds()
    assert (
        b'tidegate_operator_adapter_steps_total{outcome="done",step="load"} 1.0' in place.metrics.exposition()
    )
