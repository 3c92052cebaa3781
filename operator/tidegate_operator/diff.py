"""Whether a live object already holds what is desired, so that steady state writes nothing.

Owns the comparison. Must not know which fields our manifests have.
"""

from collections.abc import Mapping
from typing import Any


def needs_write(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Return whether `live` lacks any part of `desired`, or was applied from another manifest."""
    raise NotImplementedError
