"""API keys of a tenant, as edits of its LLMTenant: one added, one removed, and when one ends.

Pure. Owns what is refused. Must not keep a key, read the clock, or ask a cluster.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tidegate_api.keys import digest
from tidegate_api.names import API_VERSION, TENANT_KIND
from tidegate_models.errors import Invalid, Missing

Json = dict[str, Any]
UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION: Final = re.compile(r"^([1-9][0-9]{0,8})([mhdw])$")


def key_entry(name: str, key: str, not_after: datetime | None) -> dict[str, str]:
    """Return the entry of `spec.keys` for a key."""
    entry = {"name": name, "sha256": digest(key)}
    if not_after is not None:
        entry["notAfter"] = rfc3339(not_after)
    return entry


def keys_of(tenant: Json | None) -> list[dict[str, str]]:
    """Return the entries of `spec.keys`, none for a tenant that is not there."""
    return list(((tenant or {}).get("spec") or {}).get("keys") or [])


def with_key(found: Json | None, tenant: str, entry: dict[str, str], qos_class: str | None) -> Json:
    """Return the tenant with one more key; raises Invalid for a name in use: its holder would be locked out."""
    if any(key["name"] == entry["name"] for key in keys_of(found)):
        raise Invalid(
            f"LLMTenant {tenant!r} has a key {entry['name']!r} already",
            fix="choose another --name, or revoke it first",
        )
    spec = {**((found or {}).get("spec") or {}), "keys": [*keys_of(found), entry]}
    if qos_class is not None:
        spec["qosClass"] = qos_class
    return {**(found or new_tenant(tenant)), "spec": spec}


def without_key(found: Json | None, tenant: str, name: str) -> Json:
    """Return the tenant without the key of that name; raises Missing for one that is not there."""
    if found is None or all(key["name"] != name for key in keys_of(found)):
        raise Missing(
            f"LLMTenant {tenant!r} has no key {name!r}", fix="`tidegate keys list` shows those that there are"
        )
    kept = [key for key in keys_of(found) if key["name"] != name]
    return {**found, "spec": {**found["spec"], "keys": kept}}


def new_tenant(name: str) -> Json:
    """Return an LLMTenant that holds nothing yet."""
    return {"apiVersion": API_VERSION, "kind": TENANT_KIND, "metadata": {"name": name}, "spec": {}}


def expiry(text: str, now: datetime) -> datetime:
    """Return the moment that `30d` (m, h, d or w from now) or an RFC 3339 time names.

    Raises ValueError, with what to write instead, for anything else and for what is over already.
    """
    found = _DURATION.match(text)
    try:
        end = now + int(found[1]) * UNITS[found[2]] if found else datetime.fromisoformat(text)
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
