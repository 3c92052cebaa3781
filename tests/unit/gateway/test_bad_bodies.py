"""Every row of bad input is refused by name, whatever the class of the caller."""

import pytest

from tidegate_gateway.body import check_model_name, read_call
from tidegate_gateway.errors import Refused
from unit.gateway.bad_bodies import BAD_BODIES, NAME_ROWS, Bad


@pytest.mark.parametrize("row", BAD_BODIES, ids=str)
def test_a_bad_body_is_refused(row: Bad) -> None:
    with pytest.raises(Refused) as refused:
        read_call(row.body, row.path.encode(), -100)
    problem = refused.value.problem
    assert (problem.status, problem.code, problem.param) == (400, row.code, row.param), problem.message
    assert row.says in problem.message
    assert len(problem.message) < 600
    assert not problem.close


@pytest.mark.parametrize("row", NAME_ROWS, ids=str)
def test_a_name_that_no_model_can_have_is_told_from_one_that_none_has(row: Bad) -> None:
    call = read_call(row.body, row.path.encode(), 0)
    with pytest.raises(Refused) as refused:
        check_model_name(call.model)
    assert (refused.value.problem.code, refused.value.problem.param) == (row.code, row.param)
    assert row.says in refused.value.problem.message


def test_there_are_enough_rows() -> None:
    names = [str(row) + row.path for row in (*BAD_BODIES, *NAME_ROWS)]
    assert len(names) >= 250
