"""Who leaves the cache for whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_loader.failure import LoadFailed
from tidegate_loader.room import MARGIN_BYTES, Need, Space, Stored, evictions, short, size

M = 1024 * 1024
NEED = Need("hf://Org/New", "hf/Org--New/0", 100 * M)


def stored(path: str, megabytes: int, used: float, *, coming: int = 0, in_use: bool = False) -> Stored:
    return Stored(path, megabytes * M, used, coming * M, in_use)


OLD, MID, NEW = stored("old", 50, 1.0), stored("mid", 60, 2.0), stored("new", 70, 3.0)


@pytest.mark.parametrize(
    ("free", "limit", "models", "gone"),
    [
        pytest.param(200, None, [OLD], [], id="there is room"),
        pytest.param(60, None, [NEW, OLD, MID], ["old"], id="the least recently used goes"),
        pytest.param(0, None, [OLD, MID, NEW], ["old", "mid"], id="and the next, where that is too little"),
        pytest.param(
            0, None, [stored("tiny", 1, 0.5), stored("big", 120, 2.0)], ["big"], id="none goes for nothing"
        ),
        pytest.param(60, None, [stored("used", 50, 0.0, in_use=True), MID], ["mid"], id="who is used stays"),
        pytest.param(500, 150, [OLD], [], id="within the limit"),
        pytest.param(500, 120, [OLD, MID], ["old", "mid"], id="the limit counts all models"),
        pytest.param(500, 160, [OLD, MID], ["old"], id="and no more go than the limit asks for"),
        pytest.param(
            150,
            None,
            [stored("other", 10, 9.0, coming=100, in_use=True), OLD],
            None,
            id="room of others is theirs",
        ),
        pytest.param(
            150,
            None,
            [stored("other", 10, 9.0, coming=20, in_use=True), OLD],
            [],
            id="as much as they will take",
        ),
        pytest.param(
            0,
            None,
            [stored("half", 10, 1.0, coming=0), stored("x", 95, 2.0)],
            ["half", "x"],
            id="what is only partly there goes as well",
        ),
    ],
)
def test_who_leaves(free: int, limit: int | None, models: list[Stored], gone: list[str] | None) -> None:
    space = Space(free * M + (MARGIN_BYTES if gone is not None else 0), limit * M if limit else None)
    if gone is None:
        with pytest.raises(LoadFailed):
            evictions(NEED, space, models)
    else:
        assert list(evictions(NEED, space, models)) == gone


def test_its_own_part_is_neither_needed_again_nor_given_up() -> None:
    need = Need("hf://Org/New", "mine", 100 * M, 90 * M)
    assert evictions(need, Space(20 * M, 100 * M), [stored("mine", 90, 0.0)]) == ()


def test_a_model_that_is_there_needs_nothing() -> None:
    assert evictions(Need("x", "mine", 100 * M, 100 * M), Space(0, 1), [OLD]) == ()


def test_where_nothing_helps_nobody_leaves_and_all_figures_are_told() -> None:
    models = [OLD, stored("hf/A--B/1", 30, 0.0, in_use=True)]
    with pytest.raises(LoadFailed) as caught:
        evictions(NEED, Space(10 * M, 200 * M), models)
    assert caught.value.reason == "InsufficientStorage"
    assert caught.value.exit_code == 75
    for part in ("hf://Org/New", "100.0 MiB", "10.0 MiB free", "200.0 MiB", "hf/A--B/1 (30.0 MiB)"):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**3, "5.0 GiB"), (3 * 1024**5, "3072.0 TiB")],
)
def test_sizes_are_written_as_people_write_them(count: int, text: str) -> None:
    assert size(count) == text


MODELS = st.lists(
    st.builds(
        Stored,
        path=st.uuids().map(str),
        bytes=st.integers(0, 200 * M),
        last_used=st.floats(0, 100),
        coming=st.integers(0, 50 * M),
        in_use=st.booleans(),
    ),
    max_size=8,
)


@given(models=MODELS, free=st.integers(0, 300 * M), limit=st.none() | st.integers(100 * M, 900 * M))
def test_enough_leave_and_not_one_too_many(models: list[Stored], free: int, limit: int | None) -> None:
    space = Space(free, limit)
    by_path = {model.path: model for model in models}
    try:
        leaving = [by_path[path] for path in evictions(NEED, space, models)]
    except LoadFailed:
        assert short(NEED, space, models, [model for model in models if not model.in_use]) > 0
        return
    assert not any(model.in_use for model in leaving)
    assert short(NEED, space, models, leaving) <= 0
    for model in leaving:
        assert short(NEED, space, models, [other for other in leaving if other is not model]) > 0
