"""The table of peers is one that a report can name."""

import pytest

from tidegate_bench.gateway_process import LIMITS, directory
from tidegate_bench.peers import PEERS, RUST_ROUTERS, by_name


def test_every_peer_has_a_name_of_its_own_and_says_what_it_does() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    assert all(peer.work and peer.version for peer in PEERS)


def test_the_rust_routers_are_peers() -> None:
    assert [by_name(name).name for name in RUST_ROUTERS] == list(RUST_ROUTERS)
    with pytest.raises(StopIteration):
        by_name("nobody")


def test_our_gateway_is_given_limits_of_every_kind_to_check() -> None:
    found = directory("d" * 64, [1, 2])
    (caller,) = found.callers.values()
    limits = (LIMITS.requests_per_minute, LIMITS.tokens_per_minute, LIMITS.concurrency, LIMITS.budget_tokens)
    assert caller.limits is LIMITS
    assert None not in limits
    assert len(found.workers["bench", "m"]) == 2
