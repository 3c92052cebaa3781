"""What is remembered of prompts."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.routing.prefix import (
    BEGINS,
    ENTRIES,
    FORGOTTEN_AT_ONCE,
    SIZES,
    PrefixIndex,
    blocks_of,
    seed_of,
    share_entries,
)

SEED = seed_of("m", None, "salt")


@pytest.mark.parametrize(
    ("size", "blocks"),
    [(0, 0), (255, 0), (256, 1), (600, 2), (4096, 16), (5119, 16), (5120, 17), (32_000, 31), (220_000, 49)],
)
def test_a_prompt_of_so_many_bytes_has_so_many_blocks(size: int, blocks: int) -> None:
    assert len(blocks_of(b"x" * size, SEED)) == blocks


def test_no_body_that_is_let_in_has_more_blocks_than_there_are_sizes() -> None:
    assert BEGINS[-1] == 4 * 1024 * 1024
    assert len(blocks_of(bytes(BEGINS[-1] + 100_000), SEED)) == len(SIZES) < 300


def test_blocks_grow_with_their_distance_and_leave_no_gap() -> None:
    assert [b - a for a, b in pairwise(BEGINS)] == list(SIZES) == sorted(SIZES)


def test_a_view_has_the_blocks_of_its_bytes() -> None:
    data = bytes(range(256)) * 20
    assert blocks_of(memoryview(data), SEED) == blocks_of(data, SEED)


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=3000), other=st.binary(max_size=3000), shared=st.integers(0, 3000))
def test_two_prompts_share_the_blocks_of_their_common_beginning_and_no_other(
    data: bytes, other: bytes, shared: int
) -> None:
    other = data[:shared] + other
    same = next((i for i, (a, b) in enumerate(zip(data, other, strict=False)) if a != b), None)
    common = min(len(data), len(other)) if same is None else same
    pairs = list(zip(blocks_of(data, SEED), blocks_of(other, SEED), strict=False))
    whole = sum(1 for end in BEGINS[1:] if end <= common)
    assert [a == b for a, b in pairs] == [i < whole for i in range(len(pairs))]


def test_model_adapter_and_salt_keep_prompts_apart() -> None:
    data = b"x" * 600
    seeds = [("m", None, "a"), ("n", None, "a"), ("m", "l", "a"), ("m", None, "b"), ("m", None, "")]
    seen = [block for names in seeds for block in blocks_of(data, seed_of(*names))]
    assert len(set(seen)) == len(seen)


PROMPTS = st.lists(
    st.tuples(st.integers(0, 4), st.lists(st.integers(0, 2), min_size=1, max_size=6)), max_size=30
)


def chain(path: list[int]) -> tuple[int, ...]:
    """Return the blocks of a prompt in a small world: each is named by all that is before it."""
    return tuple(int("9" + "".join(map(str, path[: i + 1]))) for i in range(len(path)))


@settings(deadline=None, max_examples=300)
@given(prompts=PROMPTS, asked=st.lists(st.integers(0, 2), max_size=6))
def test_a_match_is_what_was_sent_there_and_never_more(
    prompts: list[tuple[int, list[int]]], asked: list[int]
) -> None:
    index = PrefixIndex()
    sent: dict[int, set[int]] = {}
    for slot, path in prompts:
        blocks = chain(path)
        before = sent.setdefault(slot, set())
        assert index.insert(blocks, slot) == sum(block in before for block in blocks)
        before.update(blocks)
    expected = {slot: sum(block in blocks for block in chain(asked)) for slot, blocks in sent.items()}
    assert index.match(chain(asked)) == {slot: depth for slot, depth in expected.items() if depth}


@settings(deadline=None, max_examples=300)
@given(prompts=PROMPTS, forgotten=st.sets(st.integers(0, 4)), capacity=st.integers(1, 40))
def test_books_agree_after_forgetting_and_eviction(
    prompts: list[tuple[int, list[int]]], forgotten: set[int], capacity: int
) -> None:
    index = PrefixIndex(capacity)
    index.limit(0, 4 * SIZES[0])
    for slot, path in prompts:
        index.insert(chain(path), slot)
    for slot in forgotten:
        index.forget(slot)
    for slot, one in index._slots.items():
        assert index.size(slot) == sum(one.blocks.values())
        # With a block, all that it stands on.
        assert all(block < 100 or block // 10 in one.blocks for block in one.blocks)
        for path in {tuple(path) for _, path in prompts}:
            depth = sum(block in one.blocks for block in chain(list(path)))
            assert index.match(chain(list(path))).get(slot, 0) == depth
    assert index._slots.keys().isdisjoint(forgotten)
    assert 0 in forgotten or index.size(0) <= 4 * SIZES[0]


def test_a_forgotten_slot_stands_for_a_worker_that_has_nothing() -> None:
    index = PrefixIndex()
    index.insert(chain([1, 2]), 3)
    index.forget(3)
    assert index.match(chain([1, 2])) == {}
    assert len(index) == 0
    assert index.insert(chain([1]), 3) == 0


def test_the_prompt_not_used_for_longest_is_forgotten_first_and_from_its_end() -> None:
    index = PrefixIndex()
    index.limit(0, 7 * SIZES[0])
    index.insert(chain([1, 1, 1]), 0)
    index.insert(chain([2, 2, 2]), 0)
    index.insert(chain([1, 1, 1]), 0)
    index.insert(chain([0, 0]), 0)
    assert index.match(chain([2, 2, 2])) == {0: 1}
    assert index.match(chain([1, 1, 1])) == {0: 3}


def test_all_slots_together_hold_no_more_than_the_capacity() -> None:
    index = PrefixIndex(100)
    for slot in range(4):
        for number in range(10_000, 10_200):
            index.insert((number,), slot)
    # The first ones shrink to their share as they are sent more.
    for slot in [0, 1, 2, 3] * 2:
        index.insert((1,), slot)
    assert len(index) <= 100
    assert all(len(one.blocks) == 25 for one in index._slots.values())


def test_no_prompt_is_made_to_wait_until_very_much_is_forgotten() -> None:
    index = PrefixIndex()
    for number in range(1000):
        index.insert((number,), 0)
    index.limit(0, 10 * SIZES[0])
    before = len(index)
    index.insert((5000,), 0)
    assert before + 1 - len(index) == FORGOTTEN_AT_ONCE
    for number in range(20):
        index.insert((6000 + number,), 0)
    assert len(index) == 10


def test_indexes_share_the_entries_of_one() -> None:
    indexes = [PrefixIndex() for _ in range(3)]
    share_entries(indexes)
    assert [index._capacity for index in indexes] == [ENTRIES // 3] * 3
    share_entries(indexes[:1])
    assert indexes[0]._capacity == ENTRIES
    share_entries([])


def test_an_index_that_may_keep_less_forgets_as_more_comes() -> None:
    index = PrefixIndex()
    for number in range(100):
        index.insert((number,), 0)
    index.resize(40)
    index.insert((1000,), 0)
    assert len(index) <= 40
