"""How deep JSON is nested, without making objects of it. Pure."""

from typing import Final

# Braces count as brackets; all else but quotes goes.
SQUARE: Final = bytes.maketrans(b"{}", b"[]")
NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))


def is_deeper(value: bytes, levels: int) -> bool:
    """Tell whether valid JSON has more than `levels` arrays and objects within each other.

    Some nanoseconds per byte, however many brackets there are: bodies of 4 MiB must not stop the event loop.
    """
    if value.count(b"{") + value.count(b"[") <= levels:
        return False
    # A run of backslashes pairs from its left: what is left of it before a quote escapes that.
    unescaped = value.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(unescaped.translate(SQUARE, NOT_STRUCTURE).split(b'"')[::2])
    for _ in range(levels):
        if not brackets:
            return False
        # Takes off the innermost level everywhere.
        brackets = brackets.replace(b"[]", b"")
    return brackets != b""
