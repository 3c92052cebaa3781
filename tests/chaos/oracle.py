"""Whether a trial ended as runs without a fault do: the same objects, as often made and deleted. Pure.

Owns what is compared, and what may differ because it differs between runs without a fault too (after Sieve, OSDI 2022:
most bugs show in the end state and in the counts, few in logs). Must not look at the cluster.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.audit import Written
from chaos.faults import ASIDE, steady
from integration.api import Object

# Names of objects and of versions, and who wrote which field when: another one in each run by their nature. Whatever
# else differs by itself is found out by the clean runs.
_DROPPED = frozenset({"uid", "resourceVersion", "managedFields"})
# What a worker's start has taken is told when it has been asked three times: 15 s later, whatever happens meanwhile.
_LATE = ".status.startup"
# Kubernetes makes these of a Service by itself, and anew where the Service was away for longer than a moment.
_DERIVED = frozenset({"endpoints", "endpointslices"})
# Codes from here on, and none at all: what has become of the write is not told.
_BROKEN_OFF = 499
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Flat = Mapping[str, str]


@dataclass(frozen=True)
class End:
    """What a run left: every object's fields by path, and how often what was made and deleted.

    `unsure` counts writes that were broken off: their sender was killed, and the API server may have done them.
    """

    fields: Flat
    made: Mapping[str, int]
    deleted: Mapping[str, int]
    unsure: Mapping[str, int]


@dataclass(frozen=True)
class Reference:
    """What runs without a fault have in common: `fields` of all of them, and the least and most of each count."""

    fields: Flat
    loose: frozenset[str]
    made: Mapping[str, tuple[int, int]]
    deleted: Mapping[str, tuple[int, int]]


def end_of(objects: Sequence[Object], writes: Iterable[Written], namespace: str) -> End:
    """Return what a run left, from its objects and the writes of anybody."""
    fields: dict[str, str] = {}
    seen: Counter[str] = Counter()
    # An owner is known by its name: one that is not there any more has none.
    uids = {one["metadata"]["uid"]: f"<{one['kind']}/{steady(one['metadata']['name'])}>" for one in objects}
    for one in sorted(objects, key=lambda one: (one["kind"], steady(one["metadata"]["name"]))):
        name = f"{one['kind']}/{steady(one['metadata']['name'])}"
        seen[name] += 1
        prefix = name if seen[name] == 1 else f"{name}({seen[name]})"
        owners = one["metadata"].get("ownerReferences", ())
        owned = {owner["name"]: uids.get(owner["uid"], "<nobody>") for owner in owners}
        known = _flat(one | {"owners": owned}, prefix)
        fields |= {path: _masked(value, namespace) for path, value in known if _LATE not in path}
    made, deleted, unsure = Counter[str](), Counter[str](), Counter[str]()
    for write in writes:
        if write.target.partition("/")[0] in ASIDE | _DERIVED:
            continue
        if write.code == 201 and "/" not in write.target.partition("/")[2]:
            made[steady(write.target)] += 1
        if write.verb == "delete" and write.code in (200, 202):
            deleted[steady(write.target)] += 1
        if not 200 <= write.code < _BROKEN_OFF:
            unsure[steady(write.target)] += 1
    return End(fields, made, deleted, unsure)


def reference_of(ends: Sequence[End]) -> Reference:
    """Return what runs without a fault agree on."""
    paths = set().union(*(end.fields for end in ends))
    agreed = {path for path in paths if len({end.fields.get(path) for end in ends}) == 1}
    return Reference(
        fields={path: ends[0].fields[path] for path in agreed},
        loose=frozenset(paths - agreed),
        made=_bounds([end.made for end in ends]),
        deleted=_bounds([end.deleted for end in ends]),
    )


def differences(end: End, reference: Reference) -> list[str]:
    """Return in words what differs from the reference; nothing if all is as it should be."""
    return [
        *_of_fields(end.fields, reference),
        *_of_counts("made", end.made, end.unsure, reference.made),
        *_of_counts("deleted", end.deleted, end.unsure, reference.deleted),
    ]


def _of_fields(fields: Flat, reference: Reference) -> Iterator[str]:
    for path in sorted(fields.keys() | reference.fields.keys()):
        if path in reference.loose or any(path.startswith(f"{one}.") for one in reference.loose):
            continue
        is_now, should_be = fields.get(path, "(nothing)"), reference.fields.get(path, "(nothing)")
        if is_now != should_be:
            yield f"{path} is {is_now[:200]}, without the fault {should_be[:200]}"


def _of_counts(
    word: str, counts: Mapping[str, int], unsure: Mapping[str, int], bounds: Mapping[str, tuple[int, int]]
) -> Iterator[str]:
    for target in sorted(counts.keys() | bounds.keys()):
        least, most = bounds.get(target, (0, 0))
        count = counts.get(target, 0)
        if not least - unsure.get(target, 0) <= count <= most:
            yield f"{target} was {word} {count} times, without the fault {least} to {most}"


def _bounds(counts: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, int]]:
    targets = set().union(*counts)
    return {
        target: (min(one.get(target, 0) for one in counts), max(one.get(target, 0) for one in counts))
        for target in targets
    }


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _DROPPED:
                yield from _flat(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{_name_of(inner, index)}]")
    else:
        yield path, repr(value)


def _name_of(item: object, index: int) -> str:
    """Return by what an item of a list is known: its name or type, or else its place."""
    found = (item.get("name") or item.get("type")) if isinstance(item, dict) else None
    return str(found if isinstance(found, str) else index)


def _masked(value: str, namespace: str) -> str:
    known = re.sub(rf"\b{namespace}\b", "NAMESPACE", value)
    return re.sub(r"-[a-z0-9]{8,10}-[a-z0-9]{5}\b", "-POD", _UID.sub("UID", _MOMENT.sub("MOMENT", known)))
