"""Leader election, with two candidates, a cluster in memory and a clock of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate_operator.cluster import ClusterError
from tidegate_operator.kinds import LEASE
from tidegate_operator.lease import LEASE_SECONDS, NAME, RENEW_SECONDS, Election, LeaseLost
from unit.operator.fakes import FakeClock, FakeCluster

NAMESPACE = "tidegate-system"
OUTAGE = ClusterError(503, "ServiceUnavailable", "down")


class Room:
    """A cluster and the candidates in it, who share one clock."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.clock = FakeClock()
        self.slept = 0.0

    def candidate(self, name: str, **options: Any) -> Election:
        sleep = options.get("sleep", self.sleep)
        return Election(self.cluster, NAMESPACE, name, self.clock.time, sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        if self.slept > 120:
            raise TimeoutError("the test waits for ever")
        await self.clock.sleep(seconds)

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.cluster.objects[LEASE, NAMESPACE, NAME]["spec"]
        return spec


async def test_the_first_one_takes_a_free_lease() -> None:
    room = Room()
    await room.candidate("a").acquire()
    assert room.spec["holderIdentity"] == "a"
    assert room.spec["leaseTransitions"] == 0
    assert room.slept == 0


async def test_another_one_waits_until_it_was_not_renewed_for_its_duration() -> None:
    room = Room()
    await room.candidate("a").acquire()
    await room.candidate("b").acquire()
    assert room.spec["holderIdentity"] == "b"
    assert room.spec["leaseTransitions"] == 1
    assert LEASE_SECONDS <= room.slept <= LEASE_SECONDS + RENEW_SECONDS


async def test_a_clock_written_by_another_machine_counts_for_nothing() -> None:
    room = Room()
    await room.candidate("a").acquire()
    room.spec["renewTime"] = "1999-01-01T00:00:00.000000Z"
    await room.candidate("b").acquire()
    assert room.slept >= LEASE_SECONDS


async def test_a_released_lease_is_taken_at_once() -> None:
    room = Room()
    first = room.candidate("a")
    await first.acquire()
    await first.release()
    assert room.spec["holderIdentity"] == ""
    await room.candidate("b").acquire()
    assert room.slept == 0


async def test_the_same_pod_takes_its_own_lease_again_at_once() -> None:
    room = Room()
    await room.candidate("a").acquire()
    acquired = room.spec["acquireTime"]
    await room.candidate("a").acquire()
    assert room.slept == 0
    assert room.spec["acquireTime"] == acquired
    assert room.spec["leaseTransitions"] == 0


async def test_a_leader_renews_every_two_seconds() -> None:
    room = Room()

    async def sleep(seconds: float) -> None:
        assert seconds == RENEW_SECONDS
        if room.clock.time() >= 20:
            raise KeyboardInterrupt
        await room.clock.sleep(seconds)

    leader = room.candidate("a", sleep=sleep)
    await leader.acquire()
    with pytest.raises(KeyboardInterrupt):
        await leader.hold()
    assert len([call for call in room.cluster.writes if call[0] == "replace"]) == 10


async def test_a_leader_that_cannot_renew_gives_up_before_anyone_else_may_lead() -> None:
    room = Room()
    leader = room.candidate("a")
    await leader.acquire()
    room.cluster.answers = {"get": OUTAGE}
    with pytest.raises(LeaseLost):
        await leader.hold()
    assert room.slept < LEASE_SECONDS


async def test_a_leader_survives_a_short_outage() -> None:
    room = Room()
    answers = iter([OUTAGE, OUTAGE, None])

    async def sleep(seconds: float) -> None:
        await room.clock.sleep(seconds)
        error = next(answers, KeyboardInterrupt())
        if isinstance(error, KeyboardInterrupt):
            raise error
        room.cluster.answers = {"get": error} if error else {}

    leader = room.candidate("a", sleep=sleep)
    await leader.acquire()
    with pytest.raises(KeyboardInterrupt):
        await leader.hold()
    assert room.spec["holderIdentity"] == "a"


async def test_a_leader_that_sees_another_holder_ends_at_once() -> None:
    room = Room()
    leader = room.candidate("a")
    await leader.acquire()
    room.cluster.objects[LEASE, NAMESPACE, NAME]["spec"] = {**room.spec, "holderIdentity": "thief"}
    with pytest.raises(LeaseLost, match="thief"):
        await leader.hold()
    assert room.slept == RENEW_SECONDS


async def test_who_lost_the_lease_does_not_release_it() -> None:
    room = Room()
    leader = room.candidate("a")
    await leader.acquire()
    room.cluster.objects[LEASE, NAMESPACE, NAME]["spec"] = {**room.spec, "holderIdentity": "thief"}
    with pytest.raises(LeaseLost):
        await leader.hold()
    await leader.release()
    assert room.spec["holderIdentity"] == "thief"


async def test_of_two_that_reach_out_together_one_gets_it() -> None:
    room = Room()
    metadata = {"namespace": NAMESPACE, "name": NAME}
    lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": {}}
    room.cluster.seed(lease)

    def meanwhile(verb: str, kind: str) -> None:
        # Between our look and our write another one gets it.
        if verb == "replace":
            room.cluster.before = lambda verb, kind: None
            room.cluster.seed({**lease, "spec": {"holderIdentity": "b", "renewTime": "now"}})

    room.cluster.before = meanwhile
    await room.candidate("a").acquire()
    assert room.spec["holderIdentity"] == "a"
    assert room.slept >= LEASE_SECONDS


async def test_an_outage_while_standing_by_is_waited_out() -> None:
    room = Room()
    room.cluster.answers = {"get": OUTAGE}

    async def sleep(seconds: float) -> None:
        await room.sleep(seconds)
        if room.slept > 30:
            room.cluster.answers = {}

    await room.candidate("a", sleep=sleep).acquire()
    assert room.spec["holderIdentity"] == "a"
