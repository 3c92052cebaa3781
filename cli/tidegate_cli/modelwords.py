"""Models, their downloads and what a hub offers, as words and columns for a terminal.

Owns units and layout. Must not ask anybody, or read the clock: an age is told from a moment that is an argument.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from tidegate_cli.shell.output import columns
from tidegate_models.values import HubModel, Model, Place, Progress

_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL: Final = ("", "k", "M", "B", "T")
# A line for each tenth of a download, where lines stay.
_STEP_PERCENT: Final = 10


def size(count: int | None) -> str:
    """Return bytes in the greatest unit of which there is one, to three digits; a dash for unknown."""
    return "-" if count is None else _scaled(count, 1024, _BINARY, " ")


def number(count: int | None) -> str:
    """Return a count as hubs write it, such as `135M`; a dash for unknown."""
    return "-" if count is None else _scaled(count, 1000, _DECIMAL, "")


def duration(seconds: int) -> str:
    """Return seconds in their two greatest units."""
    minutes, second = divmod(max(0, seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minute} min"
    return f"{minute} min {second} s" if minute else f"{second} s"


def amount(progress: Progress) -> str:
    """Return how much has come, how fast and how long it still takes, as far as that is known."""
    done, total = progress.bytes_done, progress.bytes_total
    parts = [f"{progress.percent} %" if progress.percent is not None else ""]
    if done is not None:
        parts.append(f"{size(done)} of {size(total)}" if total else size(done))
    if progress.bytes_per_second and not progress.is_over:
        parts.append(f"{size(progress.bytes_per_second)}/s")
    if progress.remaining_seconds is not None and not progress.is_over:
        parts.append(f"{duration(progress.remaining_seconds)} left")
    return ", ".join(filter(None, parts))


def line(progress: Progress) -> str:
    """Return how far a model is in one line: its phase, how much of it, and why if it is not on its way."""
    told = amount(progress)
    why = "" if progress.phase in {"Ready", "Downloading", "Verifying"} else reason(progress)
    return ": ".join(filter(None, (" ".join(filter(None, (progress.phase, told))), why)))


def reason(progress: Progress) -> str:
    """Return why a model is as it is, in the operator's words."""
    return ": ".join(filter(None, (progress.reason, progress.message)))


def is_news(before: Progress | None, progress: Progress) -> bool:
    """Tell whether a state is worth a line where lines stay: a new phase, a new reason, a new tenth."""
    return before is None or _headline(before) != _headline(progress)


def _headline(progress: Progress) -> tuple[str, str, int]:
    return progress.phase, progress.reason, (progress.percent or 0) // _STEP_PERCENT


def hub_table(models: Sequence[HubModel]) -> list[str]:
    """Return what a hub offers, a line each."""
    head = ("MODEL", "PARAMETERS", "WEIGHTS", "DOWNLOADS", "LIKES", "GATED", "LICENSE", "TASK")
    rows = [
        (
            one.uri,
            number(one.parameters),
            size(one.size_bytes),
            number(one.downloads),
            number(one.likes),
            {True: "yes", False: "no", None: "-"}[one.gated],
            one.license or "-",
            one.task or "-",
        )
        for one in models
    ]
    return columns([head, *rows])


def model_table(models: Sequence[Model], now: datetime) -> list[str]:
    """Return the models of a namespace, a line each."""
    head = ("NAME", "MODEL", "REVISION", "PLACE", "STATE", "SIZE", "USED BY")
    rows = [
        (
            one.name or "-",
            one.uri,
            (one.commit or one.revision or "-")[:12],
            one.place,
            _state(one),
            size(
                one.size_bytes if one.size_bytes is not None or not one.progress else one.progress.bytes_total
            ),
            ", ".join(one.used_by) or _unused(one, now),
        )
        for one in models
    ]
    return columns([head, *rows])


def _state(model: Model) -> str:
    if model.progress is None:
        return "-"
    if model.progress.phase == "Downloading" and model.progress.percent is not None:
        return f"{model.progress.phase} {model.progress.percent} %"
    failed = model.progress.phase == "Failed" and model.progress.reason
    return f"{model.progress.phase}: {model.progress.reason}" if failed else model.progress.phase


def _unused(model: Model, now: datetime) -> str:
    if model.place is not Place.CACHE:
        return "-"
    if model.last_used_at is None:
        return "nobody"
    try:
        then = datetime.fromisoformat(model.last_used_at)
    except ValueError:
        return "nobody"
    seconds = (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()
    days = int(seconds // 86400)
    return f"nobody for {f'{days} d' if days else duration(int(seconds))}"


def _scaled(count: int, base: int, units: Sequence[str], gap: str) -> str:
    value = float(count)
    for unit in units:
        # What would be written as the whole next unit belongs there.
        if round(value) < base or unit == units[-1]:
            digits = 0 if value >= 100 or unit == units[0] else 1 if value >= 10 else 2
            return f"{value:.{digits}f}{gap}{unit}".rstrip()
        value /= base
    raise AssertionError("the last unit holds everything")
