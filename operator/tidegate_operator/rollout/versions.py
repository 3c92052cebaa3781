"""The versions of a service's workers: what each was rendered as, once, and which one the spec asks for now.

Owns the reading of ControllerRevisions and the choice between a template that is kept and one that is rendered anew.
Must not decide which version runs where.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tidegate_api.names import REVISION_LABEL
from tidegate_operator.build.pod import pod_template
from tidegate_operator.desired import Pinned, Revision, Service
from tidegate_operator.facts import Manifest
from tidegate_operator.rollout.inputs import digest, inputs

KIND: Final = "ControllerRevision"
# Versions that neither run nor are being tried, kept so that going back to one brings back the very same workers.
HISTORY: Final = 5
_DIGITS: Final = 10


def known(children: Iterable[Manifest], uid: str) -> list[Revision]:
    """Return the versions that are kept for an LLMService of this uid, the newest first."""
    kept = (child for child in children if child.get("kind") == KIND and _is_owned(child, uid))
    found = [one for child in kept if (one := _read(child)) is not None]
    return sorted(found, key=lambda one: one.number, reverse=True)


def target(of: Manifest, service: Service, kept: Sequence[Revision], *, is_always: bool) -> Revision:
    """Return the version that an LLMService asks for, given those that are kept in order of preference.

    A pool of which its user says what was said before keeps the template of then, whatever would be rendered now;
    unless `is_always`.
    """
    said = inputs(of, service)
    pools: dict[str, Pinned] = {}
    for pool in service.pools:
        asked = said[pool.name]
        same = [one.pools[pool.name] for one in kept if pool.name in one.pools]
        found = next((one for one in same if one.inputs == asked), None)
        if found is None or is_always:
            fresh = pod_template(service, pool)
            alike = next((one.template for one in same if unlabelled(one.template) == fresh), fresh)
            found = Pinned(asked, alike)
        pools[pool.name] = found
    name = _name(pools)
    there = next((one for one in kept if one.name == name), None)
    number = max((one.number for one in kept), default=0) + 1
    return there or Revision(name, number, {key: _labelled(one, name) for key, one in pools.items()})


def is_outdated(service: Service, revision: Revision) -> bool:
    """Return whether its workers would be rendered otherwise now than they were in this version."""
    kept = ((pool, revision.pools.get(pool.name)) for pool in service.pools)
    return any(
        one is not None and unlabelled(one.template) != pod_template(service, pool) for pool, one in kept
    )


def history(used: Sequence[Revision], kept: Sequence[Revision]) -> tuple[Revision, ...]:
    """Return the versions to keep: those in use, and the newest of the others."""
    names = {one.name for one in used}
    others = [one for one in kept if one.name not in names][:HISTORY]
    return tuple(sorted({one.name: one for one in (*used, *others)}.values(), key=lambda one: one.number))


def unlabelled(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template as it was rendered: without the name of its version."""
    metadata = template["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != REVISION_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _labelled(one: Pinned, name: str) -> Pinned:
    """Return the template with the name of its version; one that is kept has its own already."""
    metadata = one.template["metadata"]
    labels = {REVISION_LABEL: name, **metadata["labels"]}
    return Pinned(one.inputs, {**one.template, "metadata": {**metadata, "labels": labels}})


def _name(pools: Mapping[str, Pinned]) -> str:
    content = {key: [one.inputs, unlabelled(one.template)] for key, one in pools.items()}
    return digest(content)[:_DIGITS]


def _read(child: Manifest) -> Revision | None:
    """Return a version as it is kept, None of one that is not what we write."""
    data = child.get("data") or {}
    name = (child["metadata"].get("labels") or {}).get(REVISION_LABEL)
    if not name or not isinstance(data.get("templates"), Mapping):
        return None
    said = data.get("inputs") or {}
    return Revision(
        name,
        int(child.get("revision", 0)),
        {key: Pinned(said.get(key, ""), template) for key, template in data["templates"].items()},
    )


def _is_owned(child: Manifest, uid: str) -> bool:
    owners = child["metadata"].get("ownerReferences") or ()
    return any(one.get("controller") and one.get("uid") == uid for one in owners)
