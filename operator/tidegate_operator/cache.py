"""What the watches last said: the objects around the LLMServices, by name.

Owns freshness: an older version never replaces a newer one, and a full list decides what is gone. Holds no truth:
everything in it comes from the API server, or is measured anew, and a restart reads it again. Must not do I/O or know
who cares.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidegate_operator.adapters.state import WorkerAdapters
from tidegate_operator.census import Census
from tidegate_operator.cluster import Listing, Object
from tidegate_operator.facts import Key, Target
from tidegate_operator.kinds import Kind, kind_of
from tidegate_operator.models.facts import Progress
from tidegate_operator.replicas import REPLICAS_FIELD, writes_replicas
from tidegate_operator.rollout.facts import Examined

_Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """An object that is not what it was: new without `before`, deleted without `after`."""

    kind: Kind
    before: Object | None
    after: Object | None


class Cache:
    """Objects by kind, namespace and name.

    `gateway_ready` is how many gateway Pods answer; `census` is what they said last, None while none was asked;
    `targets` is what was decided about replicas, by service and pool; `progress` is how far loaders said they are, by
    LLMModel; `adapters` is what workers have, by service and uid of the Pod; `started` is what workers tell of their
    start, in the same order; `departed` are LLMModels that were seen
    to be deleted, until that was looked at.
    """

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[_Name, Object]] = {}
        # The version in which a name was seen to be deleted, so that a list made before does not revive it.
        self._gone: dict[tuple[Kind, _Name], int] = {}
        self.gateway_ready = 0
        self.census: Census | None = None
        self.targets: dict[Key, dict[str, Target]] = {}
        self.progress: dict[Key, Progress] = {}
        self.adapters: dict[Key, dict[str, WorkerAdapters]] = {}
        self.started: dict[Key, dict[str, Mapping[str, float]]] = {}
        self.departed: dict[Key, Object] = {}
        # Whether the cluster knows LeaderWorkerSets.
        self.knows_sets = False
        self.examined: dict[Key, Examined] = {}

    def put(self, item: Object) -> Change | None:
        """Remember an object; return what changed, None when this is not news."""
        kind, name = kind_of(item["apiVersion"], item["kind"]), _name(item)
        before = self.get(kind, *name)
        if version_of(item) <= max(version_of(before), self._gone.get((kind, name), 0)):
            return None
        self._objects.setdefault(kind, {})[name] = _slim(item)
        return Change(kind, before, item)

    def drop(self, item: Object) -> Change | None:
        """Forget an object that was deleted, or that no longer matches its watch; return what changed."""
        kind, name = kind_of(item["apiVersion"], item["kind"]), _name(item)
        before = self.get(kind, *name)
        if version_of(item) < version_of(before):
            return None
        self._gone[kind, name] = version_of(item)
        self._objects.get(kind, {}).pop(name, None)
        return Change(kind, before or item, None)

    def replace(self, kind: Kind, namespace: str | None, listing: Listing) -> list[Change]:
        """Take a list as all there is of a kind, in one namespace or everywhere; return what changed."""
        changes = [change for item in listing.items if (change := self.put(item))]
        listed = {_name(item) for item in listing.items}
        known = self._objects.get(kind, {})
        for name in [name for name in known if namespace in (None, name[0]) and name not in listed]:
            # What is newer than the list was made after it.
            if version_of(known[name]) <= int(listing.version):
                changes.append(Change(kind, known.pop(name), None))
        return changes

    def forget_deletions(self) -> None:
        """Drop the memory of deletions; only while no list is under way."""
        self._gone.clear()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return one object."""
        return self._objects.get(kind, {}).get((namespace, name))

    def all(self, kind: Kind, namespace: str | None = None) -> Iterator[Object]:
        """Return all objects of a kind, in one namespace or everywhere."""
        known = self._objects.get(kind, {}).items()
        return (item for name, item in known if namespace in (None, name[0]))

    def kinds(self) -> Iterable[Kind]:
        """Return the kinds of which anything was ever there."""
        return self._objects.keys()


def version_of(item: Object | None) -> int:
    """Return how new an object is: versions of one kind can be compared, and grow."""
    return int(item["metadata"]["resourceVersion"]) if item else 0


def _name(item: Object) -> _Name:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _slim(item: Object) -> Object:
    """Return the object without the record of who wrote which field, but for who wrote its replicas."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    writers = [one for one in item["metadata"].get("managedFields") or () if writes_replicas(one)]
    if writers:
        metadata["managedFields"] = [{**one, "fieldsV1": REPLICAS_FIELD} for one in writers]
    return {**item, "metadata": metadata}
