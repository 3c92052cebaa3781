"""The prompts that engines are asked: as many tokens as are said, shared where they are to be and nowhere else."""

from itertools import pairwise

from tidegate_bench.techniques.workload import repeating, shared, unshared


def test_prompts_that_share_nothing_differ_in_their_first_block() -> None:
    asked = unshared(40, 64, (8, 16), "seed")

    assert {len(each.prompt) for each in asked} == {64}
    assert len({each.prompt[:16] for each in asked}) == 40
    assert [each.answer_tokens for each in asked[:4]] == [8, 16, 8, 16]


def test_prompts_share_three_quarters_and_no_token_more_than_chance_gives() -> None:
    asked = shared(10, 640, 0.75, 8, "seed")

    assert {len(each.prompt) for each in asked} == {640}
    assert len({each.prompt[:480] for each in asked}) == 1
    assert len({each.prompt[480:496] for each in asked}) == 10


def test_a_repeating_prompt_says_the_same_tokens_again_and_each_has_its_own() -> None:
    asked = repeating(4, 160, 20, 48, "seed")

    for each in asked:
        assert all(each.prompt[at : at + 20] == each.prompt[:20] for at in range(0, 160, 20))
    assert all(one.prompt != other.prompt for one, other in pairwise(asked))


def test_the_same_seed_asks_the_same_and_another_one_something_else() -> None:
    assert unshared(3, 32, (8,), "a") == unshared(3, 32, (8,), "a")
    assert unshared(3, 32, (8,), "a") != unshared(3, 32, (8,), "b")
