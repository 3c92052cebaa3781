"""Tokens per second."""

from tidegate_gateway.output import Output


def test_nothing_is_nothing() -> None:
    assert (Output().total, Output().per_second(100.0)) == (0, 0.0)


def test_the_first_second_counts_as_a_whole_one() -> None:
    output = Output()
    output.add(50, 100.2)
    output.add(30, 100.9)
    assert output.per_second(100.9) == 80.0


def test_it_is_the_mean_of_the_last_minute() -> None:
    output = Output()
    for second in range(200):
        output.add(10 if second < 100 else 20, float(second))
    assert output.per_second(199.0) == 20.0
    assert output.total == 3000


def test_what_is_over_a_minute_old_does_not_count() -> None:
    output = Output()
    output.add(600, 0.0)
    assert output.per_second(59.0) == 10.0
    assert output.per_second(60.0) == 0.0
