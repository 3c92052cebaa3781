"""The simulated KV cache: who holds a block, what stays cached, what goes first."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_bench.sim.blocks import BlockPool, chain


def hold(pool: BlockPool, hashes: list[int]) -> None:
    """Compute these blocks and let others share them."""
    assert pool.allocate(len(hashes))
    assert all(pool.publish(block) for block in hashes)


def test_a_hash_names_a_block_and_all_before_it() -> None:
    first, second = chain(0, b"aabb", 2)
    assert chain(0, b"aabbc", 2) == [first, second], "a part of a block has no hash"
    assert chain(first, b"bb", 2) == [second]
    assert chain(0, b"xxbb", 2)[1] != second
    assert chain(1, b"aabb", 2) != [first, second], "another seed, another chain"


def test_a_freed_block_stays_cached_and_counts_as_free() -> None:
    pool = BlockPool(4)
    hold(pool, [1, 2])
    pool.release([1, 2], 0)
    assert (pool.free, pool.cached, pool.used) == (4, 2, 0.0)
    assert pool.match([1, 2, 3], 9) == 2


def test_the_least_recently_freed_goes_first_and_a_prefix_loses_its_end_first() -> None:
    pool = BlockPool(4)
    hold(pool, [1, 2])
    pool.release([1, 2], 0)
    hold(pool, [3, 4])
    pool.release([3, 4], 0)
    assert pool.allocate(1)
    assert [pool.match([n], 1) for n in (1, 2, 3, 4)] == [1, 0, 1, 1]
    assert pool.allocate(2)
    assert [pool.match([n], 1) for n in (1, 2, 3, 4)] == [0, 0, 1, 0]


def test_a_shared_block_is_not_evicted_while_anyone_holds_it() -> None:
    pool = BlockPool(2)
    hold(pool, [1])
    pool.share([1])
    pool.release([1], 0)
    assert pool.allocate(1)
    assert not pool.allocate(1)
    pool.release([1], 0)
    assert pool.allocate(1)
    assert pool.match([1], 1) == 0


def test_a_block_that_is_held_again_is_idle_no_more() -> None:
    pool = BlockPool(2)
    hold(pool, [1])
    pool.release([1], 0)
    pool.share([1])
    assert (pool.cached, pool.free) == (1, 1)


def test_a_second_copy_of_a_block_stays_private() -> None:
    pool = BlockPool(3)
    hold(pool, [1])
    assert pool.allocate(1)
    assert not pool.publish(1)
    assert pool.free == 1
    pool.release([], 1)
    assert pool.free == 2


def test_a_match_ends_at_the_first_gap_and_at_the_limit() -> None:
    pool = BlockPool(8)
    hold(pool, [1, 2, 4])
    assert pool.match([1, 2, 3, 4], 9) == 2
    assert pool.match([1, 2], 1) == 1
    assert pool.idle_among([1, 2]) == 0


@settings(deadline=None, max_examples=100)
@given(steps=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), max_size=40))
def test_no_block_is_lost_or_made_whatever_happens(steps: list[tuple[int, int]]) -> None:
    """Requests with prompts `start`, `start + 1`... come and go in turn; the pool always accounts for all blocks."""
    pool = BlockPool(8)
    live: list[tuple[list[int], int]] = []
    for start, count in steps:
        hashes = list(range(start, start + count))
        found = hashes[: pool.match(hashes, count)]
        if count - len(found) <= pool.free - pool.idle_among(found):
            pool.share(found)
            assert pool.allocate(count - len(found))
            shared = list(found)
            for block in hashes[len(found) :]:
                if not pool.publish(block):
                    break
                shared.append(block)
            live.append((shared, count - len(shared)))
        elif live:
            pool.release(*live.pop(0))
        held = {block for shared, _ in live for block in shared}
        assert pool.free == 8 - len(held) - sum(private for _, private in live)
        assert 0 <= pool.free <= 8
        assert pool.cached <= 8
    for shared, private in live:
        pool.release(shared, private)
    assert pool.free == 8
