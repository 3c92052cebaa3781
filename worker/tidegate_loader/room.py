"""Which models have to leave so that another one fits.

Owns the decision and the words when it cannot be. Pure: what lies in the cache and how much is free in, paths out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_loader.failure import LoadFailed

# Folders, markers and what file systems take for themselves.
MARGIN_BYTES: Final = 8 * 1024 * 1024
SHOWN: Final = 5
UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True, slots=True)
class Stored:
    """A model of the cache, whole or in part: its bytes on disk and those that are still to come."""

    path: str
    bytes: int
    last_used: float
    coming: int = 0
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """The model that is to come: all its bytes, and those that are there already."""

    uri: str
    path: str
    total: int
    present: int = 0

    @property
    def missing(self) -> int:
        return max(0, self.total - self.present)


@dataclass(frozen=True, slots=True)
class Space:
    """Free bytes of the volume, and the most bytes that all models may take together."""

    free: int
    limit: int | None = None


def evictions(need: Need, space: Space, stored: Sequence[Stored]) -> tuple[str, ...]:
    """Return the models to remove: least recently used first, and none that need not go.

    Raises LoadFailed where removing all that nobody uses is not enough; then nothing goes.
    """
    if need.missing == 0:
        return ()
    others = [model for model in stored if model.path != need.path]
    gone: list[Stored] = []
    for model in sorted((m for m in others if not m.in_use), key=lambda m: (m.last_used, m.path)):
        if short(need, space, others, gone) <= 0:
            break
        gone.append(model)
    if short(need, space, others, gone) > 0:
        raise LoadFailed("InsufficientStorage", words(need, space, others))
    # The oldest may have been too small to matter; the most recently used is the first that stays.
    for model in reversed(list(gone)):
        rest = [other for other in gone if other is not model]
        if short(need, space, others, rest) <= 0:
            gone = rest
    return tuple(model.path for model in gone)


def short(need: Need, space: Space, others: Sequence[Stored], gone: Sequence[Stored]) -> int:
    """Return how many bytes are still too few once some are gone; zero or less is enough."""
    freed = sum(model.bytes + model.coming for model in gone)
    coming = sum(model.coming for model in others)
    on_disk = need.missing + MARGIN_BYTES + coming - freed - space.free
    if space.limit is None:
        return on_disk
    held = sum(model.bytes + model.coming for model in others)
    return max(on_disk, held - freed + need.total - space.limit)


def words(need: Need, space: Space, others: Sequence[Stored]) -> str:
    """Return who needs what, how much there is, and who has the rest."""
    there = f" ({size(need.present)} of it are there)" if need.present else ""
    limit = (
        f", of {size(space.limit)} that models may take here (models.limit)"
        if space.limit is not None
        else ""
    )
    message = f"{need.uri} takes {size(need.total)}{there}; the cache has {size(space.free)} free{limit}."
    largest = sorted((m for m in others if m.in_use), key=lambda m: -m.bytes)
    held = [f"{model.path} ({size(model.bytes)})" for model in largest[:SHOWN]]
    more = f" and {len(largest) - SHOWN} more" if len(largest) > SHOWN else ""
    rest = f" In use are {', '.join(held)}{more}." if held else " No model is in use that could be given up."
    return f"{message}{rest} Enlarge the volume or the limit, or remove a model: tidegate models remove."


def size(count: int) -> str:
    """Return bytes as people write them."""
    value = float(count)
    for unit in UNITS:
        if abs(value) < 1024 or unit == UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError
