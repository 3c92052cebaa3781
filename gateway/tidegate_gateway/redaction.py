"""What no client is told of a worker's refusal: addresses in memory and of hosts, paths, where code failed.

Owns what is looked for. Pure. Must not change the length of what it covers: the head before it may have told that.
"""

import re
from typing import Final

COVER: Final = b"*"
PARTS: Final = (
    # From here to the end of the JSON text.
    rb"Traceback \(most recent call last\)(?:[^\"\\]|\\.)*",
    rb"0x[0-9A-Fa-f]{6,}",
    rb"(?:/[\w.+@-]+)+\.(?:pyc?|so)\b",
    rb"/(?:app|cache|etc|home|mnt|models?|opt|proc|root|srv|sys|tmp|usr|var)(?:/[\w.+@-]+)+",
    rb"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?\b",
)
TELLING: Final = re.compile(rb"|".join(PARTS))


def cover(refusal: bytes) -> bytes:
    """Return a refusal in which what tells about the worker is covered with asterisks, byte for byte."""
    return TELLING.sub(lambda found: COVER * len(found[0]), refusal)
