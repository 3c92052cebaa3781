"""Quantities: read, multiplied, compared."""

from decimal import Decimal

import pytest

from tidegate_operator import quantities


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1", 1),
        ("500m", Decimal("0.5")),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 1.5 * 2**30),
        ("2G", 2_000_000_000),
        ("1Ei", 2**60),
        ("1e3", 1000),
        (2, 2),
    ],
)
def test_a_quantity_is_a_number(written: str | int, number: Decimal | float) -> None:
    assert quantities.parse(written) == number


@pytest.mark.parametrize("written", ["", "Gi", "1 Gi", "1GB", "one", "--1", "1ki"])
def test_anything_else_is_none(written: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantities.parse(written)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("0.5", "500m", True),
        ("1024Mi", "1Gi", True),
        (1, "1", True),
        ("1G", "1Gi", False),
        (None, "1", False),
        ("x", "x", True),
        ("x", "1", False),
    ],
)
def test_equal_is_by_value(left: object, right: object, same: bool) -> None:
    assert quantities.same(left, right) is same


@pytest.mark.parametrize(
    ("one", "count", "all_of_them"),
    [("500m", 4, "2000m"), ("1.5Gi", 2, "3Gi"), ("1", 8, "8"), ("10", 10, "100"), ("0.25", 2, "0.5")],
)
def test_a_profile_is_multiplied_with_its_suffix(one: str, count: int, all_of_them: str) -> None:
    assert quantities.times(one, count) == all_of_them
