"""Lines of the worker's log have the form of all parts."""

from datetime import datetime, timedelta, timezone

import pytest

from tidegate_worker import lines
from unit.logform import read


def test_a_line_says_what_it_is_about_beside_the_common_form(capsys: pytest.CaptureFixture[str]) -> None:
    lines.say("preflight passed", weight_files=2)
    assert read(capsys.readouterr().err, "tidegate_worker") == {
        "level": "info",
        "message": "preflight passed",
        "weight_files": 2,
    }


def test_time_is_that_of_greenwich() -> None:
    at = datetime(2026, 11, 22, 6, 0, tzinfo=timezone(timedelta(hours=2)))
    assert '"time": "2026-11-22T04:00:00.000000Z"' in lines.line("x", at)
