"""Which gateways count when a limit is divided."""

from tidegate_gateway.limits.members import Members
from tidegate_gateway.limits.tables import Answer, Departed, Row, Standing

ROW = Row("ns", "team", 0.0, (Standing(10, 5, 3), None, None))


def answer(
    instance: str, version: int = 1, *, heard: int = -1, closing: bool = False, **more: tuple[str, ...]
) -> Answer:
    return Answer(instance, version, heard, closing, (ROW,), more.get("live", ()))


def members(*pods: str) -> Members:
    made = Members("me-1")
    made.update(("me", *pods), 0.0)
    return made


def test_a_gateway_does_not_count_itself_among_the_others() -> None:
    assert list(members("a", "b").live) == ["a", "b"]
    assert members().present() == ["me-1"]


def test_who_left_counts_for_a_window_longer() -> None:
    known = members("a", "b")
    known.hear(answer("a-1"), 0.0)
    known.update(("me", "b"), 10.0)
    assert (known.present(), known.counted()) == (["me-1", "b"], ["me-1", "b", "a-1"])
    known.update(("me", "b"), 69.9)
    assert "a-1" in known.counted()
    known.update(("me", "b"), 70.0)
    assert known.counted() == ["me-1", "b"]


def test_who_was_never_heard_of_is_forgotten_at_once() -> None:
    known = members("a")
    known.update(("me",), 1.0)
    assert known.counted() == ["me-1"]


def test_who_said_that_it_ends_is_gone_and_gets_no_part_though_it_is_still_listed() -> None:
    known = members("a")
    known.hear(answer("a-1"), 0.0)
    known.hear(answer("a-1", 2, closing=True), 1.0)
    known.update(("me", "a"), 1.5)
    assert known.announce("a-1", 1.6) == 2
    assert (known.present(), known.counted()) == (["me-1"], ["me-1"])
    assert [member.instance for member in known.gone] == ["a-1"]


def test_a_process_that_starts_anew_in_its_pod_is_another_gateway() -> None:
    known = members("a")
    known.hear(answer("a-1"), 0.0)
    assert known.announce("a-2", 1.0) == -1
    assert (known.present(), known.counted()) == (["me-1", "a-2"], ["me-1", "a-2", "a-1"])
    known.hear(answer("a-3"), 2.0)
    assert known.counted() == ["me-1", "a-3", "a-1", "a-2"]


def test_who_asks_and_is_not_listed_counts_while_it_asks() -> None:
    known = members()
    known.announce("a-1", 0.0)
    known.update(("me",), 9.9)
    assert known.present() == ["me-1", "a-1"]
    known.announce("a-1", 9.9)
    known.update(("me",), 19.0)
    assert known.present() == ["me-1", "a-1"]
    known.update(("me",), 20.0)
    assert (known.present(), known.counted()) == (["me-1"], ["me-1", "a-1"])


def test_who_was_listed_and_is_not_any_more_leaves_at_once_though_it_has_just_asked() -> None:
    known = members("a")
    known.announce("a-1", 5.0)
    known.update(("me",), 5.1)
    assert known.present() == ["me-1"]


def test_who_comes_back_is_known() -> None:
    known = members("a")
    known.hear(answer("a-1", 7), 0.0)
    known.update(("me",), 1.0)
    known.update(("me", "a"), 2.0)
    known.hear(answer("a-1", 8), 2.1)
    assert known.counted() == ["me-1", "a-1"]
    assert known.live["a"].version == 8


def test_an_answer_that_comes_late_changes_nothing() -> None:
    known = members("a")
    known.hear(answer("a-1", 5, heard=9), 0.0)
    known.hear(Answer("a-1", 4, 3, False, ()), 0.1)
    assert (known.live["a"].heard, list(known.live["a"].rows)) == (9, [("ns", "team")])


def test_an_answer_of_a_stranger_is_not_taken_in() -> None:
    known = members("a")
    known.hear(answer("x-1"), 0.0)
    assert known.counted() == ["me-1", "a"]


def test_a_newcomer_learns_of_who_is_gone_from_the_others() -> None:
    known = members("a")
    told = Departed("c-1", 4, 20.0, False, (ROW,))
    known.hear(Answer("a-1", 1, -1, False, (), (), (told,)), 100.0)
    assert known.counted() == ["me-1", "a-1", "c-1"]
    known.hear(Answer("a-1", 2, -1, False, (), (), (told,)), 110.0)
    assert len(known.gone) == 1
    known.update(("me", "a"), 140.0)
    assert known.counted() == ["me-1", "a-1"]


def test_all_is_known_once_all_have_answered_and_those_whom_they_count_too() -> None:
    known = members("a", "b")
    known.hear(answer("a-1", live=("b-1", "me-1")), 0.0)
    assert not known.is_complete()
    known.hear(answer("b-1", live=("a-1", "c-1")), 0.1)
    assert not known.is_complete(), "nothing is known of c"
    known.hear(answer("b-1", 2, live=("a-1",)), 0.2)
    assert known.is_complete()


def test_all_have_heard_once_the_last_has() -> None:
    known = members("a", "b")
    known.hear(answer("a-1", heard=5), 0.0)
    assert not known.have_all_heard(5)
    known.hear(answer("b-1", heard=4), 0.0)
    assert known.have_all_heard(4)
    assert not known.have_all_heard(5)
    assert members().have_all_heard(5), "nobody is there who could not have heard"
