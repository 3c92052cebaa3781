"""Workers that fail are left alone for a while."""

import pytest

from tidegate_gateway.routing.outliers import available, excuse, failed, succeeded
from unit.gateway.routing.things import NOW, service


def ejections(failures: int) -> list[float]:
    """Return how long each failure ejects, if each comes right after the ejection before."""
    (endpoint,) = service(1)[1]
    now, seconds = NOW, []
    for _ in range(failures):
        failed(endpoint, now)
        seconds.append(max(0.0, endpoint.ejected_until - now))
        now = max(now, endpoint.ejected_until)
    return seconds


def test_the_third_failure_in_a_row_ejects_and_each_further_one_for_twice_as_long() -> None:
    assert ejections(11) == [0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_an_answer_makes_good_what_was() -> None:
    (endpoint,) = service(1)[1]
    for _ in range(4):
        failed(endpoint, NOW)
    succeeded(endpoint)
    assert available([endpoint], NOW) == [endpoint]
    failed(endpoint, NOW)
    failed(endpoint, NOW)
    assert endpoint.ejected_until == 0


def test_what_was_sent_before_the_ejection_does_not_prolong_it() -> None:
    (endpoint,) = service(1)[1]
    for _ in range(50):
        failed(endpoint, NOW)
    assert endpoint.ejected_until == NOW + 5


@pytest.mark.parametrize(
    ("ejected", "left"),
    [((), (0, 1, 2)), ((1,), (0, 2)), ((0, 2), (1,)), ((0, 1, 2), (0, 1, 2))],
    ids=["none is ejected", "one is", "two are", "all are: then all are asked"],
)
def test_who_is_available_when(ejected: tuple[int, ...], left: tuple[int, ...]) -> None:
    endpoints = service(3)[1]
    for number in ejected:
        endpoints[number].ejected_until = NOW + 1
    assert list(available(endpoints, NOW)) == [endpoints[number] for number in left]
    assert list(available(endpoints, NOW + 2)) == endpoints


def test_what_a_worker_had_when_it_began_to_fail_is_excused_once_each() -> None:
    (endpoint,) = service(1)[1]
    endpoint.requests = 3
    failed(endpoint, NOW)
    endpoint.requests = 50
    failed(endpoint, NOW)
    assert [excuse(endpoint) for _ in range(5)] == [True, True, True, False, False]
    succeeded(endpoint)
    endpoint.requests = 1
    failed(endpoint, NOW)
    assert [excuse(endpoint) for _ in range(2)] == [True, False]
