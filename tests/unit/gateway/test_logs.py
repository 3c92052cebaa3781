"""A failure is logged with its place, and never with the values that were there."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tidegate_console import logs as console_logs
from tidegate_gateway import logs as gateway_logs

CANARY = "sk-canary-0123456789"


@pytest.fixture
def unconfigured() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize("part", [gateway_logs, console_logs])
def test_a_failure_is_logged_without_the_values_that_were_there(part: object) -> None:
    written = io.StringIO()
    part.configure("info", written)  # type: ignore[attr-defined]
    try:
        fail(CANARY)
    except ZeroDivisionError:
        structlog.get_logger("a").exception("failed")
        logging.getLogger("b").exception("failed as well")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["failed", "failed as well"]
    assert "fail" in str(lines[0]["exception"])
    assert CANARY not in written.getvalue()


def fail(authorization: str) -> float:
    return len(authorization) / 0
