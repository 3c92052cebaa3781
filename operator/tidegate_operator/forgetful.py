"""What kopf is given to keep what it knows of an object in: nothing, since our handlers compare with the cluster alone.

By itself it copies every object five times at every event, to tell what a handler of changes would be told; there is
none. Owns only that. Must not be given handlers of changes, timers or daemons.
"""

from typing import Any

import kopf


class NoBase(kopf.DiffBaseStorage):
    """Finds nothing that any object was, and nothing in it that matters."""

    def build(self, **_: Any) -> Any:
        """Return nothing of an object."""
        return {}

    def fetch(self, **_: Any) -> Any:
        """Return that nothing was kept."""
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing: it would be written to the object."""


class NoProgress(kopf.ProgressStorage):
    """Knows of no handler how far it is."""

    def fetch(self, **_: Any) -> Any:
        """Return that nothing was kept."""
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing: it would be written to the object."""

    def purge(self, **_: Any) -> None:
        """There is nothing to be removed."""

    def touch(self, **_: Any) -> None:
        """Write nothing to the object."""

    def clear(self, *, essence: Any) -> Any:
        """Return what there is of an object: nothing of it is ours."""
        return essence
