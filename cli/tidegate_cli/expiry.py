"""When a key expires, as people read it.

Must not read the clock: the moment is an argument.
"""

from datetime import UTC, datetime, timedelta

from tidegate_models.tenantkeys import UNITS, expiry, rfc3339

__all__ = ["expiry", "remaining", "rfc3339"]


def remaining(not_after: str | None, now: datetime) -> str:
    """Return how long a key is accepted still, in the greatest unit of which two are left."""
    if not_after is None:
        return "never expires"
    try:
        end = datetime.fromisoformat(not_after)
    except ValueError:
        return "EXPIRED"  # gateways refuse what they cannot read
    left = (end if end.tzinfo else end.replace(tzinfo=UTC)) - now
    if left <= timedelta(0):
        return "EXPIRED"
    for unit in ("d", "h", "m"):
        if left >= 2 * UNITS[unit]:
            return f"{left // UNITS[unit]}{unit} left"
    return f"{int(left.total_seconds())}s left"
