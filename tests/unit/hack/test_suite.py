"""The suite's own counting: a wrong count would hide a failure."""

import pytest

from suite import counts


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param("..\n12 passed in 3.21s\n", (12, 0), id="all passed"),
        pytest.param("F.\n1 failed, 11 passed in 3.21s\n", (11, 1), id="one failed"),
        pytest.param("E\n2 errors in 0.31s\n", (0, 2), id="errors count as failures"),
        pytest.param("1 failed, 3 passed, 1 error in 2s", (3, 2), id="failures and errors add up"),
        pytest.param("Success: no issues found\n", (0, 0), id="no pytest at all"),
        pytest.param("", (0, 0), id="nothing printed"),
        pytest.param(
            "....\n1316 passed in 1367.12s (0:22:47)\nException ignored in: <function Popen.__del__>\n"
            "ResourceWarning: subprocess 30854 is still running\n",
            (1316, 0),
            id="something has a word after the last one",
        ),
        pytest.param(
            "bringing up nodes...\n..F\nFAILED tests/a.py::test_x - failed in 2 of 3 tries\n"
            "1 failed, 4662 passed, 2 skipped in 96.27s (0:01:36)\n",
            (4662, 1),
            id="several processes",
        ),
        pytest.param(
            "[gw0] node down: Not properly terminated\nF\nworker 'gw0' crashed while running 'tests/a.py::test_x'\n"
            "1 failed, 7 passed in 9.10s\n",
            (7, 1),
            id="one of several processes crashed",
        ),
    ],
)
def test_counts(output: str, expected: tuple[int, int]) -> None:
    assert counts(output) == expected
