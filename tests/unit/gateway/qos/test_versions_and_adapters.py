"""Which workers a request may be given while a canary is there, or when it asks for an adapter."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tidegate_gateway.qos.ticket import Ticket
from unit.gateway.qos.rig import Rig, dedicated, heard, made

HIGH_ALONE = dedicated(high=0.7)


def with_canary(*tried: tuple[str, int], rig: Rig) -> Rig:
    """Let some of the rig's endpoints, by pool and number, run the tried version."""
    for pool, number in tried:
        rig.endpoints[pool][number].is_canary = True
    rig.update()
    return rig


def submit(
    rig: Rig,
    *,
    is_canary: bool = False,
    is_either: bool = False,
    adapter: str | None = None,
    tokens: int = 100,
    qos_class: str = "medium",
) -> Ticket:
    ticket = made(qos_class, tokens, rig=rig)  # type: ignore[arg-type]
    ticket.is_canary, ticket.is_stable, ticket.adapter = is_canary, not is_canary and not is_either, adapter
    rig.submitting = True
    rig.dispatcher.submit(ticket, rig.now)
    rig.submitting = False
    rig.turn()
    return ticket


def where(ticket: Ticket) -> str:
    return ticket.endpoint.worker.name if ticket.endpoint is not None else "waits"


def test_each_request_goes_to_its_version() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[1000, 1000, 1000]))
    assert {where(submit(rig, is_canary=True)) for _ in range(3)} == {"shared-1"}
    assert {where(submit(rig)) for _ in range(4)} == {"shared-0", "shared-2"}


def test_without_two_versions_there_is_nothing_to_choose() -> None:
    rig = Rig(shared=[100, 100])
    assert {where(submit(rig, is_canary=True)), where(submit(rig))} == {"shared-0", "shared-1"}
    only = with_canary(("shared", 0), rig=Rig(shared=[1000]))
    assert where(submit(only)) == "shared-0"


def test_where_the_canary_is_full_its_requests_go_to_stable_and_nobody_waits_for_it() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[1000, 100]))
    assert [where(submit(rig, is_canary=True)) for _ in range(2)] == ["shared-1", "shared-0"]


def test_where_stable_is_full_its_requests_wait_rather_than_make_the_canarys_share_larger() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[100, 1000]))
    first, waiting = submit(rig), submit(rig)
    assert where(waiting) == "waits"
    rig.end(first)
    assert heard(waiting) == ["dispatched shared-0"]


def test_while_a_version_takes_the_place_of_the_other_what_is_not_given_to_it_goes_to_either() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[100, 100]))
    assert {where(submit(rig, is_either=True)) for _ in range(2)} == {"shared-0", "shared-1"}


def test_a_pool_without_a_canary_serves_its_requests_itself() -> None:
    rig = with_canary(("shared", 1), rig=Rig(classes=HIGH_ALONE, high=[1000], shared=[1000, 1000]))
    assert where(submit(rig, is_canary=True, qos_class="high")) == "high-0"


def test_a_class_takes_over_the_limit_what_is_kept_for_it_of_its_own_version_only() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[1000, 1000]))
    submit(rig, tokens=1000)
    assert where(submit(rig, tokens=10, qos_class="high")) == "shared-0"


def test_places_are_called_back_from_workers_of_the_version_that_is_asked_for() -> None:
    rig = with_canary(("high", 0), rig=Rig(classes=HIGH_ALONE, high=[100, 100], shared=[100]))
    submit(rig)
    borrowers = [submit(rig, is_canary=True), submit(rig)]
    assert [where(ticket) for ticket in borrowers] == ["high-0", "high-1"]
    owner = submit(rig, qos_class="high")
    assert [heard(ticket) for ticket in (*borrowers, owner)] == [[], ["preempted"], ["dispatched high-1"]]


def test_what_the_canary_failed_on_is_given_to_stable_even_without_credits() -> None:
    rig = with_canary(("shared", 1), ("shared", 2), rig=Rig(shared=[100, 1000, 1000]))
    submit(rig)
    ticket = submit(rig, is_canary=True)
    assert rig.dispatcher.leave_canary(ticket)
    ticket.excluded = frozenset({where(ticket)})
    endpoint = rig.dispatcher.retry(ticket, rig.now)
    assert endpoint is rig.endpoints["shared"][0]


def test_what_the_only_stable_worker_failed_on_is_given_to_the_canary_rather_than_refused() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[1000, 1000]))
    ticket = submit(rig)
    assert not rig.dispatcher.leave_canary(ticket)
    ticket.excluded = frozenset({where(ticket)})
    assert rig.dispatcher.retry(ticket, rig.now) is rig.endpoints["shared"][1]


def test_what_failed_on_the_only_version_that_is_left_cannot_leave_it() -> None:
    rig = with_canary(("shared", 0), rig=Rig(shared=[1000]))
    assert not rig.dispatcher.leave_canary(submit(rig, is_canary=True))


def test_an_ejected_canary_is_left_alone_and_ejected_stable_workers_are_asked_all_the_same() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[1000, 1000]))
    stable, canary = rig.endpoints["shared"]
    canary.ejected_until = rig.now + 100
    assert where(submit(rig, is_canary=True)) == "shared-0"
    canary.ejected_until, stable.ejected_until = 0.0, rig.now + 100
    assert where(submit(rig)) == "shared-0"


def test_requests_of_a_canary_that_is_gone_wait_for_stable_like_all() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[100, 100]))
    running = submit(rig), submit(rig, is_canary=True)
    waiting = submit(rig, is_canary=True)
    rig.update(shared=[100])
    rig.end(running[0])
    assert heard(waiting) == ["dispatched shared-0"]


@dataclass(frozen=True)
class Loaded:
    """Where an adapter is loaded, and where a request for it may then go."""

    what: str
    loaded: Sequence[int]
    tried: Sequence[int]
    is_canary: bool
    expected: set[str]

    def __str__(self) -> str:
        return self.what


@pytest.mark.parametrize(
    "case",
    [
        Loaded("to the workers that have it", [1, 2], [], False, {"shared-1", "shared-2"}),
        Loaded("anywhere where none has it", [], [], False, {"shared-0", "shared-1", "shared-2"}),
        Loaded("to stable, where the canary has it not", [0], [2], True, {"shared-0"}),
        Loaded("to the canary, where only that has it", [2], [2], False, {"shared-2"}),
        Loaded("to its own version, where both have it", [0, 2], [2], True, {"shared-2"}),
        Loaded("to stable, though the canary has it too", [1, 2], [2], False, {"shared-1"}),
    ],
    ids=str,
)
def test_a_request_for_an_adapter_goes(case: Loaded) -> None:
    rig = with_canary(*(("shared", number) for number in case.tried), rig=Rig(shared=[1000, 1000, 1000]))
    for number in case.loaded:
        rig.endpoints["shared"][number].adapters = frozenset({"sql"})
    sent = {where(submit(rig, is_canary=case.is_canary, adapter="sql")) for _ in range(6)}
    assert sent == case.expected


def test_nobody_waits_behind_a_request_whose_adapter_one_full_worker_has() -> None:
    rig = Rig(shared=[100, 1000])
    rig.endpoints["shared"][0].adapters = frozenset({"sql"})
    assert [where(submit(rig, adapter="sql")) for _ in range(2)] == ["shared-0", "shared-0"]
    assert where(submit(rig)) == "shared-1"


def test_a_request_for_an_adapter_waits_where_all_workers_are_full() -> None:
    rig = Rig(shared=[100, 100])
    rig.endpoints["shared"][0].adapters = frozenset({"sql"})
    running = [submit(rig), submit(rig)]
    waiting = submit(rig, adapter="sql")
    assert where(waiting) == "waits"
    for ticket in running:
        rig.end(ticket)
    assert heard(waiting) == ["dispatched shared-0"]


def test_a_canary_with_room_is_no_reason_to_fill_a_stable_worker_with_an_adapter_beyond_its_limit() -> None:
    rig = with_canary(("shared", 1), rig=Rig(shared=[100, 1000]))
    rig.endpoints["shared"][0].adapters = frozenset({"sql"})
    submit(rig)
    assert where(submit(rig, adapter="sql")) == "waits"
