"""How many requests may be sent again."""

from tidegate_gateway.routing.retry import RetryBudget


def test_retries_are_a_tenth_of_requests_after_a_burst() -> None:
    budget = RetryBudget(ratio=0.1, burst=10)
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(101):
        budget.note_request()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
