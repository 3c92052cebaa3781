"""Whether a live object already holds what is desired, so that steady state writes nothing.

Owns the comparison: desired must be part of live, whatever else the API server or others have added. Must not
know which objects we make.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate_api.names import APPLIED_HASH_ANNOTATION
from tidegate_operator import quantities
from tidegate_operator.podtemplate import MERGE_KEYS

# Lists whose entries the API server tells apart by a field; other managers may have entries of their own there.
_KEYS: Mapping[str, str] = {**MERGE_KEYS, "ownerReferences": "uid"}
_QUANTITIES = frozenset({"requests", "limits"})


def needs_write(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> bool:
    """Return whether `live` lacks any part of `desired`, or was applied from another manifest."""
    return live is None or applied_hash(desired) != applied_hash(live) or not _holds(live, desired, "")


def applied_hash(manifest: Mapping[str, Any]) -> str | None:
    """Return the hash of the manifest that this object was applied from."""
    annotations = manifest.get("metadata", {}).get("annotations") or {}
    found: str | None = annotations.get(APPLIED_HASH_ANNOTATION)
    return found


def _holds(live: object, desired: object, field: str) -> bool:
    # Most of it is the same, and to see that by types that are not abstract is several times cheaper.
    if live == desired:
        return True
    if isinstance(desired, dict | Mapping):
        return _holds_mapping(live, desired, field)
    if isinstance(desired, list | Sequence) and not isinstance(desired, str):
        return _holds_list(live, desired, field)
    return field == "sizeLimit" and quantities.same(live, desired)


def _holds_mapping(live: object, desired: Mapping[str, Any], field: str) -> bool:
    if not isinstance(live, dict | Mapping):
        # The API server stores no empty map where it knows no difference to none.
        return live is None and not desired
    if field in _QUANTITIES:
        return all(quantities.same(live.get(name), value) for name, value in desired.items())
    return all(_holds(live.get(key), value, key) for key, value in desired.items())


def _holds_list(live: object, desired: Sequence[Any], field: str) -> bool:
    if not isinstance(live, list):
        return live is None and not desired
    key = _KEYS.get(field)
    if key is None or not all(isinstance(entry, Mapping) and key in entry for entry in desired):
        pairs = zip(live, desired, strict=False)
        return len(live) == len(desired) and all(_holds(left, right, "") for left, right in pairs)
    by_key = {entry.get(key): entry for entry in live if isinstance(entry, Mapping)}
    return all(entry[key] in by_key and _holds(by_key[entry[key]], entry, "") for entry in desired)
