"""Kubernetes quantities as numbers: read, multiply, compare, write.

Owns the suffixes. Must not know which resource a quantity is of.
"""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"^([+-]?[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]+)|(m|k|[MGTPE]i?|Ki)?)$")
_FACTORS = {
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    "Ki": Decimal(1024),
    **{letter: Decimal(1000) ** (power + 2) for power, letter in enumerate("MGTPE")},
    **{f"{letter}i": Decimal(1024) ** (power + 2) for power, letter in enumerate("MGTPE")},
}


def parse(quantity: str | int | float) -> Decimal:
    """Return the number that a quantity stands for; raises ValueError where it stands for none."""
    match = _QUANTITY.match(str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity")
    number, exponent, suffix = match.groups()
    return Decimal(number) * (Decimal(10) ** int(exponent or 0)) * _FACTORS.get(suffix or "", Decimal(1))


def same(left: object, right: object) -> bool:
    """Return whether two quantities are equal in value, however they are written."""
    if not isinstance(left, str | int | float) or not isinstance(right, str | int | float):
        return False
    try:
        return parse(left) == parse(right)
    except ValueError:
        return left == right


def times(quantity: str, count: int) -> str:
    """Return `count` times the quantity, with the suffix it was written with."""
    number = re.match(r"^[0-9.]+", quantity)
    if number is None:
        raise ValueError(f"{quantity!r} is no quantity")
    product = (Decimal(number.group()) * count).normalize()
    return f"{product:f}{quantity[number.end() :]}"
