"""What the engine of each member of a group is told."""

from pathlib import Path

import pytest

from tidegate_worker.__main__ import parse
from tidegate_worker.membership import Membership, engine_words, ray_words

LEADER = Membership(2, 0, "10.0.0.1", "10.0.0.1")
FOLLOWER = Membership(2, 1, "10.0.0.1", "10.0.0.2")


def test_members_find_each_other_at_the_leader() -> None:
    common = ("--nnodes", "2", "--node-rank")
    there = ("--master-addr", "10.0.0.1", "--master-port", "29501")
    assert engine_words(LEADER) == (*common, "0", *there)
    assert engine_words(FOLLOWER) == (*common, "1", *there, "--headless")


def test_ray_finds_its_members_itself() -> None:
    leader = Membership(2, 0, "10.0.0.1", "10.0.0.1", "ray")
    assert engine_words(leader) == ()
    assert "--head" in ray_words(leader)
    assert "--block" not in ray_words(leader)


@pytest.mark.parametrize(
    ("leader", "address"),
    [
        pytest.param("10.0.0.1", "--address=10.0.0.1:6379", id="IPv4"),
        pytest.param("fd00::1", "--address=[fd00::1]:6379", id="IPv6"),
    ],
)
def test_a_follower_joins_the_leaders_ray_and_stays(leader: str, address: str) -> None:
    words = ray_words(Membership(2, 1, leader, "10.0.0.2", "ray"))
    assert address in words
    assert words[-1] == "--block"


def test_who_is_not_told_of_a_leader_is_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_HOST_IP", "10.0.0.7")
    words = ["serve", "--model-path=/m", "--group-size=3"]
    assert parse(words).member == Membership(3, 0, "10.0.0.7", "10.0.0.7")
    follower = parse([*words[:1], "--rank=2", "--leader=10.0.0.1", "--executor=ray", *words[1:]]).member
    assert follower == Membership(3, 2, "10.0.0.1", "10.0.0.7", "ray")


def test_a_worker_of_one_pod_has_no_group() -> None:
    options = parse(["serve", "--model-path=/m"])
    assert (options.member, options.model_path) == (None, Path("/m"))
