"""Each of the forty cases has a test that carries its number."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_each_case_is_told_and_tested() -> None:
    page = (ROOT / "docs/reference/gateway-cases.md").read_text()
    told = {int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    marked = {
        int(number)
        for file in (ROOT / "tests").rglob("test_*.py")
        for number in re.findall(r"pytest\.mark\.case\((\d+)\)", file.read_text())
    }
    assert told == set(range(1, 41))
    assert marked == told
