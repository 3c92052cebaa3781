"""The address plan: every cluster gets a block of its own, away from what the machine uses."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from localcluster.network import choose, name_servers, parse_routes

ROUTES = """default via 192.0.2.1 dev eth0
10.70.0.0/16 via 10.70.0.2 dev tg00000001
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2
local 192.0.2.2 dev eth0 table local proto kernel scope host src 192.0.2.2
broadcast 192.0.2.255 dev eth0 table local proto kernel scope link src 192.0.2.2
"""


def test_routes_are_read_without_the_default_route() -> None:
    expected = ["10.70.0.0/16", "192.0.2.0/24", "192.0.2.2/32", "192.0.2.255/32"]
    assert parse_routes(ROUTES) == [IPv4Network(n) for n in expected]


def test_the_seed_names_the_block() -> None:
    assert choose("00000006", []).block == IPv4Network("10.70.0.0/16")


def test_a_block_in_use_is_passed_over() -> None:
    assert choose("00000006", parse_routes(ROUTES)).block == IPv4Network("10.71.0.0/16")


def test_the_search_wraps_around_the_last_block() -> None:
    assert choose("0000003f", [IPv4Network("10.127.3.0/24")]).block == IPv4Network("10.64.0.0/16")


def test_no_free_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="in use"):
        choose("0", [IPv4Network("10.0.0.0/8")])


def test_the_parts_of_a_block_do_not_overlap() -> None:
    plan = choose("0", [])
    parts = [plan.link, plan.pods, plan.services]
    assert all(part.subnet_of(plan.block) for part in parts)
    assert not any(a.overlaps(b) for a in parts for b in parts if a is not b)
    assert plan.host in plan.link
    assert plan.node in plan.link
    assert plan.dns in plan.services
    assert plan.apiserver in plan.services


def test_a_local_stub_resolver_is_no_server_for_pods() -> None:
    text = "# made by a tool\nsearch example.test\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.53\n"
    assert name_servers(text) == ["192.0.2.53"]
