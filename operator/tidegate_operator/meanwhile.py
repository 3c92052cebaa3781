"""What the API server's answer to a write says beyond the write: what others wrote meanwhile.

No watch tells of it again, since the cache has that version by then. Owns the comparison. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_operator.facts import Manifest

# They change with every write, and say nothing by themselves.
_BOOKKEEPING: Final = frozenset({"resourceVersion", "managedFields", "generation"})


def was_changed_by_others(before: Manifest | None, written: Manifest, answer: Manifest) -> bool:
    """Return whether anything but what was written differs from what was known; nothing known is no difference."""
    return before is not None and _rest(before, written) != _rest(answer, written)


def _rest(item: Manifest, written: Manifest) -> dict[str, Any]:
    """Return what a write leaves to others; a list that is written is written as a whole."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if name in _BOOKKEEPING:
            continue
        ours = written.get(name)
        if isinstance(value, Mapping) and isinstance(ours, Mapping):
            found[name] = _rest(value, ours)
        elif name not in written:
            found[name] = value
    return found
