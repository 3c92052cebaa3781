"""Moments as Kubernetes writes them (RFC 3339), and as seconds. Pure."""

from datetime import UTC, datetime
from typing import Any


def unix(stamp: Any, otherwise: float) -> float:
    """Return the Unix seconds of a moment, or something else where it cannot be read."""
    try:
        moment = datetime.fromisoformat(stamp)
    except (TypeError, ValueError):
        return otherwise
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def rfc3339(seconds: float) -> str:
    """Return the moment at these Unix seconds, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
