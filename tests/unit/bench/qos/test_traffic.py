"""The mix of a QoS benchmark."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from tidegate_bench.qos.traffic import OVERLOAD, Sizes, in_one_class, make
from tidegate_bench.routing.traces import Ask


def asks(seconds: float = 60, **options: Sizes) -> list[Ask]:
    return make(random.Random(1), 20, OVERLOAD, seconds, **options)


def test_each_class_comes_at_its_share_of_what_fits() -> None:
    counts = Counter(ask.qos_class for ask in asks())
    for name, share in OVERLOAD.items():
        assert counts[name] == pytest.approx(share * 20 * 60, rel=0.15)


def test_they_come_in_the_order_of_their_times_and_are_of_several_tenants() -> None:
    made = asks()
    assert all(one.at <= other.at for one, other in pairwise(made))
    assert len({ask.tenant for ask in made if ask.qos_class == "low"}) == 4
    assert all(ask.tenant.startswith(ask.qos_class) for ask in made)


def test_sizes_stay_within_bounds() -> None:
    made = asks(sizes=Sizes(prompt=(5, 7), answer=(2, 3)))
    assert {len(ask.messages[0][1]) // 4 for ask in made} == {5, 6, 7}
    assert {ask.answer_tokens for ask in made} == {2, 3}


def test_one_class_is_the_same_load_of_one_tenant() -> None:
    made = asks()
    flat = in_one_class(made)
    assert [(a.at, a.messages) for a in flat] == [(a.at, a.messages) for a in made]
    assert {(a.qos_class, a.tenant) for a in flat} == {("medium", "everyone")}
