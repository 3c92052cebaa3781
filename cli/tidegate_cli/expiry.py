"""When a key expires: as users write it, and as they read it.

Must not read the clock: the moment is an argument.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION: Final = re.compile(r"^([1-9][0-9]{0,8})([mhdw])$")


def expiry(text: str, now: datetime) -> datetime:
    """Return the moment that `30d` (m, h, d or w from now) or an RFC 3339 time names.

    Raises ValueError, with what to write instead, for anything else and for what is over already.
    """
    found = _DURATION.match(text)
    try:
        end = now + int(found[1]) * _UNITS[found[2]] if found else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time: write 30d, 12h, or 2027-01-31T00:00:00Z") from None
    if end.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone: end it with Z, which is UTC, or such as +02:00")
    if end <= now:
        raise ValueError(f"{text!r} is over already")
    return end.astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """Return a moment as `spec.keys[].notAfter` holds it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
        if left >= 2 * _UNITS[unit]:
            return f"{left // _UNITS[unit]}{unit} left"
    return f"{int(left.total_seconds())}s left"
