"""Checks of what concerns the user: rights where they are needed, and the services of the namespace. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from tidegate_cli.doctor.facts import Facts, Right
from tidegate_cli.doctor.finding import Finding
from tidegate_cli.status.report import condition, phase

_FINE: Final = ("Ready", "Suspended")


def rights(facts: Facts) -> Iterator[Finding]:
    """Yield which commands the user has the rights for."""
    check = "your rights"
    missing = [one for one in facts.rights if not one.allowed]
    if "rights" in facts.unknown:
        yield Finding(check, "warn", f"not known: {facts.unknown['rights']}")
    elif not missing:
        yield Finding(check, "ok", f"all commands can be used in {facts.namespace}")
    for one in missing:
        # Without seeing services nothing here is of use.
        is_essential = one.verb == "list" and one.resource == "llmservices"
        yield Finding(
            check,
            "fail" if is_essential else "warn",
            f"you may not {_words(one)}: needed for {one.needed_for}",
            f"an administrator runs: kubectl create rolebinding -n {one.namespace} YOU --clusterrole=edit --user=YOU",
        )


def services(facts: Facts) -> Iterator[Finding]:
    """Yield which services do not answer, and why."""
    check = f"services in {facts.namespace}"
    bad = [one for one in facts.services if phase(one) not in _FINE]
    if "services" in facts.unknown:
        yield Finding(check, "warn", f"not known: {facts.unknown['services']}")
    elif not bad:
        yield Finding(check, "ok", f"{len(facts.services)}, none of them in trouble")
    for one in bad:
        name = one["metadata"]["name"]
        ready: Any = condition(one, "Ready")
        why = ": ".join(filter(None, (ready.get("reason"), ready.get("message")))) or "not looked at yet"
        yield Finding(
            check, "warn", f"{name} is {phase(one)}: {why}", f"tidegate status {name} -n {facts.namespace}"
        )


def _words(right: Right) -> str:
    resource = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
    return f"{right.verb} {resource} in {right.namespace}"
