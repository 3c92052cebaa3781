"""Whether a tenant may call anything: the checks behind the condition Ready of an LLMTenant.

Must not look at what it has used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tidegate_api.tenant import LLMTenantSpec
from tidegate_operator.conditions.chain import Finding, Verdict
from tidegate_operator.facts import Key

# Of the names in a message; all are in the spec.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A tenant as it is now: the keys that are accepted, and the ends of those that are not any more."""

    key: Key
    spec: LLMTenantSpec
    services: frozenset[str]
    active_keys: int
    ends: tuple[datetime, ...]
    is_anonymous: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the services that it names and that are not there."""
        return tuple(name for name in self.spec.services if name not in self.services)


Check = Callable[[Enrolment], Finding | None]


def verdict(tenant: Enrolment) -> Verdict:
    """Return what Ready says."""
    problem = next((finding for check in CHECKS if (finding := check(tenant)) is not None), None)
    if problem is not None:
        return Verdict("Ready", "False", problem)
    return Verdict("Ready", "True", _accepted(tenant))


def no_keys(tenant: Enrolment) -> Finding | None:
    """Find a tenant that nobody can be."""
    if tenant.spec.keys or tenant.is_anonymous:
        return None
    return Finding(
        "NoKeys",
        "spec.keys is empty, so nobody can call as this tenant: "
        f"`tidegate keys create {tenant.key.name} -n {tenant.key.namespace}` makes a key",
    )


def key_expired(tenant: Enrolment) -> Finding | None:
    """Find a tenant whose last key has expired."""
    if tenant.active_keys or tenant.is_anonymous or not tenant.ends:
        return None
    last = max(tenant.ends).astimezone(UTC)
    return Finding(
        "KeyExpired",
        f"all keys have expired, the last one on {last:%Y-%m-%d at %H:%M:%S} UTC: "
        f"`tidegate keys create {tenant.key.name} -n {tenant.key.namespace} --name NAME` makes a new one",
    )


def unknown_service(tenant: Enrolment) -> Finding | None:
    """Find a service that the tenant may call and that is not there."""
    if not tenant.missing:
        return None
    named = ", ".join(repr(name) for name in tenant.missing[:_SHOWN])
    more = f" and {len(tenant.missing) - _SHOWN} more" if len(tenant.missing) > _SHOWN else ""
    return Finding(
        "UnknownService",
        f"spec.services names {named}{more}, and namespace {tenant.key.namespace!r} has no such LLMService: correct "
        "the name, or create it; only LLMServices of the tenant's own namespace can be called",
    )


CHECKS: tuple[Check, ...] = (no_keys, key_expired, unknown_service)


def _accepted(tenant: Enrolment) -> Finding:
    keys = f"{tenant.active_keys} of {len(tenant.spec.keys)} keys are accepted"
    if tenant.is_anonymous:
        keys += ", and requests without a key"
    where = f"{len(tenant.spec.services)} LLMServices" if tenant.spec.services else "every LLMService"
    return Finding("Accepted", f"{keys}; they may call {where} of namespace {tenant.key.namespace!r}.")
