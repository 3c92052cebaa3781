"""How deep JSON is nested, and how much there is of it, without making objects of it. Pure."""

from typing import Final

# Braces count as brackets; all else but quotes goes.
SQUARE: Final = bytes.maketrans(b"{}", b"[]")
NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))


# A body with more of either would stop the event loop for longer than others may wait while objects are made of it.
# Eight thousand messages, the most that a list may have, have four texts and keys each.
MOST_STRINGS: Final = 64 * 1024
MOST_CONTAINERS: Final = 64 * 1024
# What is shorter is read in a few hundredths of a second, whatever it holds.
SHORT: Final = 256 * 1024


def is_crowded(body: bytes) -> bool:
    """Tell whether JSON has more texts and keys, or more arrays and objects, than may be read at once.

    Costs about a millisecond per MiB, some six where brackets abound. Of JSON that is not valid it may say either.
    """
    if len(body) <= SHORT:
        return False
    # A quote behind a backslash is part of a text, or ends one that ends with backslashes: never too many are counted.
    quotes = body.count(b'"')
    if quotes > 2 * MOST_STRINGS and quotes - body.count(rb"\"") > 2 * MOST_STRINGS:
        return True
    if body.count(b"{") + body.count(b"[") <= MOST_CONTAINERS:
        return False
    # Brackets may be text. There are few quotes, so that cutting at them costs little.
    outside = b"".join(body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
    return outside.count(b"{") + outside.count(b"[") > MOST_CONTAINERS


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
