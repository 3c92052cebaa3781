"""The windows of budgets: hours, days, weeks and months of the calendar, in UTC.

Owns when each begins and ends. Must not read the clock: the moment is an argument.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

Window = Literal["Hour", "Day", "Week", "Month"]


def window_start(window: Window, moment: datetime) -> datetime:
    """Return when the window of a moment began; weeks begin on Monday. Raises ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} names no time zone")
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match window:
        case "Hour":
            return hour
        case "Day":
            return day
        case "Week":
            return day - timedelta(days=day.weekday())
        case "Month":
            return day.replace(day=1)


def window_end(window: Window, moment: datetime) -> datetime:
    """Return when the window of a moment ends, which is when the next one begins."""
    # Long enough to lie in the next window, too short for the one after it.
    step = {"Hour": timedelta(hours=1), "Day": timedelta(days=1), "Week": timedelta(days=7)}
    return window_start(window, window_start(window, moment) + step.get(window, timedelta(days=31)))
