"""What a watch has missed is found by versions, and read; what it has told is not read again."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate_operator.cache import Cache
from tidegate_operator.cluster import Versions
from tidegate_operator.facts import Key
from tidegate_operator.kinds import DEPLOYMENT, LEADER_WORKER_SET, LLM_SERVICE, POD
from tidegate_operator.resync import AT_A_TIME, Turns, read_all, read_what_is_lacking
from unit.operator.fakes import KEY, FakeCluster, child, service


@dataclass
class World:
    """A cluster in memory that was read once, and what a watch tells late."""

    cluster: FakeCluster
    cache: Cache
    pauses: int = 0
    told: tuple[object, ...] = ()

    async def pause(self) -> None:
        self.pauses += 1
        for item in self.told:
            self.cache.put(item)  # type: ignore[arg-type]

    async def check(self) -> list[str]:
        """Return the kinds that were listed."""
        self.cluster.calls.clear()
        await read_what_is_lacking(self.cluster, self.cache, [None], self.pause)
        listed = [kind for verb, kind, _ in self.cluster.calls if verb == "list"]
        return [kind for kind in listed if kind != LEADER_WORKER_SET.kind]


async def world() -> World:
    cluster, cache = FakeCluster(), Cache()
    cluster.seed(service())
    cluster.seed(child(DEPLOYMENT, "chat-shared"))
    cluster.seed(child(POD, "chat-1"))
    await read_all(cluster, cache, [None])
    return World(cluster, cache)


async def test_where_nothing_was_missed_nothing_is_listed() -> None:
    made = await world()
    assert await made.check() == []
    assert made.pauses == 0


async def test_a_change_that_no_watch_has_told_is_read() -> None:
    made = await world()
    newer = made.cluster.seed(child(DEPLOYMENT, "chat-shared", spec={"replicas": 3}))
    assert await made.check() == ["Deployment"]
    found = made.cache.get(DEPLOYMENT, KEY.namespace, "chat-shared")
    assert found is not None and found["metadata"]["resourceVersion"] == newer["metadata"]["resourceVersion"]


async def test_a_new_one_that_no_watch_has_told_of_is_read() -> None:
    made = await world()
    made.cluster.seed(service("other"))
    assert await made.check() == ["LLMService"]
    assert made.cache.get(LLM_SERVICE, KEY.namespace, "other") is not None


async def test_one_that_was_not_seen_to_go_is_forgotten() -> None:
    made = await world()
    del made.cluster.objects[POD, KEY.namespace, "chat-1"]
    assert await made.check() == ["Pod"]
    assert made.cache.get(POD, KEY.namespace, "chat-1") is None


async def test_what_a_watch_tells_a_moment_later_was_not_missed() -> None:
    made = await world()
    made.told = (made.cluster.seed(child(DEPLOYMENT, "chat-shared", spec={"replicas": 3})),)
    assert await made.check() == []
    assert made.pauses == 1


def test_one_that_was_seen_to_go_after_the_versions_were_read_is_not_missing() -> None:
    cache = Cache()
    gone = {
        **child(POD, "chat-1"),
        "metadata": {"namespace": "team-a", "name": "chat-1", "resourceVersion": "9"},
    }
    cache.drop(gone)
    assert not cache.lacks(POD, None, Versions({("team-a", "chat-1"): 5}, "8"))


def test_of_very_many_all_have_their_turn() -> None:
    turns, keys = Turns(), {Key("team-a", f"chat-{n}") for n in range(2 * AT_A_TIME + 10)}
    seen = [turns.take("a queue", keys) for _ in range(3)]
    assert [len(one) for one in seen] == [AT_A_TIME, AT_A_TIME, 10]
    assert {key for one in seen for key in one} == keys
    assert len(turns.take("a queue", keys)) == AT_A_TIME


def test_who_has_gone_has_no_turn_and_few_have_one_each_time() -> None:
    turns, keys = Turns(), {Key("team-a", "chat"), Key("team-a", "other")}
    assert turns.take("a queue", keys) == sorted(keys)
    assert turns.take("a queue", {Key("team-a", "chat")}) == [Key("team-a", "chat")]
    assert turns.take("a queue", set()) == []
