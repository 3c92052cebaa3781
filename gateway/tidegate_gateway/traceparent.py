"""The headers of W3C Trace Context among those that go on to a worker.

Owns their names and how they are told from the others. Pure, and free of OpenTelemetry, which most gateways never load.
"""

import re
from typing import Final

NAMES: Final = (b"traceparent", b"tracestate")
# Version, trace, parent, flags; a later version may add to them. A trace of zeros is none.
TRACE: Final = re.compile(rb"^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)")


def split(forwarded: bytes) -> tuple[dict[str, str], bytes]:
    """Return the trace's own headers, by name, and the other lines."""
    carrier: dict[str, str] = {}
    others: list[bytes] = []
    for line in forwarded.splitlines(keepends=True):
        name, _, value = line.partition(b": ")
        if name in NAMES:
            carrier[name.decode()] = value.decode().strip()
        else:
            others.append(line)
    return carrier, b"".join(others)


def trace_id(forwarded: bytes) -> str:
    """Return the trace that a client says its request is of, in hexadecimal digits; empty if it says none."""
    found = TRACE.match(split(forwarded)[0].get("traceparent", "").encode())
    return "" if found is None else found[1].decode()
