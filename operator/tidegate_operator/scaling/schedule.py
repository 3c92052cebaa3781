"""The floors of replicas that hold at certain hours.

Owns wall-clock arithmetic in the user's time zone. Must not read a clock.
"""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from tidegate_operator.scaling.facts import Schedule


def floor(schedules: Iterable[Schedule], now: float, ahead_seconds: float = 0.0) -> tuple[int, str]:
    """Return the highest floor that holds now, or will in `ahead_seconds`, and its schedule's name; 0 if none.

    Replicas are asked for as long before a schedule begins as they take to start, to be there when it does.
    Raises ZoneInfoNotFoundError for a time zone that there is not.
    """
    found = (0, "")
    for one in schedules:
        if one.min_replicas > found[0] and (
            is_on(one, now) or (ahead_seconds and is_on(one, now + ahead_seconds))
        ):
            found = (one.min_replicas, one.name)
    return found


def is_on(schedule: Schedule, now: float) -> bool:
    """Return whether a schedule holds. One that ends before it starts spans midnight, and belongs to the day before."""
    local = datetime.fromtimestamp(now, _zone(schedule.timezone))
    minute, day = local.hour * 60 + local.minute, local.weekday()
    start, end = schedule.start_minute, schedule.end_minute
    if start < end:
        return day in schedule.days and start <= minute < end
    if minute >= start:
        return day in schedule.days
    return minute < end and (day - 1) % 7 in schedule.days


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)
