"""What the watches last said: the objects around the LLMServices, by name.

Owns freshness: an older version never replaces a newer one, and a full list decides what is gone. Holds no truth:
everything in it comes from the API server, or is measured anew, and a restart reads it again. Whatever is looked up is
found without a look at all the others. Must not do I/O or know who cares.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidegate_api.names import DELETION_COST_ANNOTATION, DRAINING_ANNOTATION
from tidegate_operator.adapters.state import WorkerAdapters
from tidegate_operator.belonging import all_of, claimed_names
from tidegate_operator.census import Census
from tidegate_operator.cluster import Listing, Object, Versions
from tidegate_operator.facts import Key, Manifest, Target
from tidegate_operator.kinds import LLM_SERVICE, POD, Kind, kind_of
from tidegate_operator.meanwhile import was_changed_by_others
from tidegate_operator.models.facts import Progress
from tidegate_operator.packed import Kept, keep, version_of
from tidegate_operator.rollout.facts import Examined

__all__ = ["Cache", "Change", "version_of"]

_Name = tuple[str, str]
_MARKS = frozenset({DRAINING_ANNOTATION, DELETION_COST_ANNOTATION})


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
    to be deleted, until that was looked at. `tell` hears what others have changed where no watch will tell of it.
    """

    def __init__(self, tell: Callable[[Change], None] = lambda _: None) -> None:
        self.tell = tell
        # By namespace and name.
        self._objects: dict[Kind, dict[str, dict[str, Kept]]] = {}
        # Names by the LLMService that they say they belong to, in the order in which they came.
        self._of: dict[Key, dict[Kind, dict[str, None]]] = {}
        # LLMServices by namespace and a name that they claim.
        self._claims: dict[_Name, dict[str, None]] = {}
        # Those that are marked to go.
        self._marked: dict[Kind, dict[_Name, None]] = {}
        # Pods that have changed, until somebody has looked at them.
        self._fresh: dict[_Name, None] = {}
        # What has a name that we need, and was not made for whom we need it: no watch tells of it.
        self.in_the_way: dict[Key, set[tuple[Kind, str]]] = {}
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
        kind, (namespace, name) = kind_of(item["apiVersion"], item["kind"]), _name(item)
        known = self._objects.get(kind, {}).get(namespace, {}).get(name)
        newest = max(known.version if known else 0, self._gone.get((kind, (namespace, name)), 0))
        if version_of(item) <= newest:
            return None
        before = self._forget(kind, namespace, name)
        self._objects.setdefault(kind, {}).setdefault(namespace, {})[name] = keep(kind, item)
        self._note(kind, item)
        return Change(kind, before, item)

    def answered(self, written: Manifest, answer: Object) -> None:
        """Remember what the API server answered to a write; what others did meanwhile is told like any other news."""
        change = self.put(answer)
        if change is not None and was_changed_by_others(change.before, written, answer):
            self.tell(change)

    def drop(self, item: Object) -> Change | None:
        """Forget an object that was deleted, or that no longer matches its watch; return what changed."""
        kind, (namespace, name) = kind_of(item["apiVersion"], item["kind"]), _name(item)
        known = self._objects.get(kind, {}).get(namespace, {}).get(name)
        if known is not None and version_of(item) < known.version:
            return None
        self._gone[kind, (namespace, name)] = version_of(item)
        return Change(kind, self._bury(kind, namespace, name) or item, None)

    def replace(self, kind: Kind, namespace: str | None, listing: Listing) -> list[Change]:
        """Take a list as all there is of a kind, in one namespace or everywhere; return what changed."""
        changes = [change for item in listing.items if (change := self.put(item))]
        listed = {_name(item) for item in listing.items}
        known = self._objects.get(kind, {})
        places = [(where, name) for where in known if namespace in (None, where) for name in known[where]]
        for where, name in places:
            # What is newer than the list was made after it.
            if (where, name) not in listed and known[where][name].version <= int(listing.version):
                changes.append(Change(kind, self._bury(kind, where, name), None))
        return changes

    def _note(self, kind: Kind, item: Object) -> None:
        """Enter an object where it is looked for."""
        place = _name(item)
        for key in all_of(item):
            self._of.setdefault(key, {}).setdefault(kind, {})[place[1]] = None
        if kind == LLM_SERVICE:
            for claimed in claimed_names(item):
                self._claims.setdefault((place[0], claimed), {})[place[1]] = None
        if kind == POD:
            self._fresh[place] = None
        if not _MARKS.isdisjoint(item["metadata"].get("annotations") or ()):
            self._marked.setdefault(kind, {})[place] = None

    def _bury(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Take out an object that is gone, with what was learned of it, and return what it was."""
        item = self._forget(kind, namespace, name)
        if kind == POD and item is not None:
            for key in all_of(item):
                self.started.get(key, {}).pop(item["metadata"].get("uid"), None)
        return item

    def _forget(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Take an object out, and return what it was."""
        known = self._objects.get(kind, {}).get(namespace, {})
        kept = known.pop(name, None)
        if kept is None:
            return None
        if not known:
            del self._objects[kind][namespace]
        item = kept.item
        for key in all_of(item):
            self._of[key][kind].pop(name, None)
            if not self._of[key][kind]:
                del self._of[key][kind]
            if not self._of[key]:
                del self._of[key]
        if kind == LLM_SERVICE:
            for claimed in claimed_names(item):
                self._claims[namespace, claimed].pop(name, None)
                if not self._claims[namespace, claimed]:
                    del self._claims[namespace, claimed]
        self._marked.get(kind, {}).pop((namespace, name), None)
        return item

    def lacks(self, kind: Kind, namespace: str | None, there: Versions) -> bool:
        """Return whether anything of a kind is newer than what is known of it, or is gone and was not seen to go."""
        known = self._objects.get(kind, {})
        versions = {
            (where, name): kept.version
            for where, place in known.items()
            if namespace in (None, where)
            for name, kept in place.items()
        }
        newer = (
            version > max(versions.get(place, 0), self._gone.get((kind, place), 0))
            for place, version in there.of.items()
        )
        gone = (
            place not in there.of and version <= int(there.version) for place, version in versions.items()
        )
        return any(newer) or any(gone)

    def forget_deletions(self) -> None:
        """Drop the memory of deletions; only while no list is under way."""
        self._gone.clear()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return one object."""
        kept = self._objects.get(kind, {}).get(namespace, {}).get(name)
        return kept.item if kept is not None else None

    def all(self, kind: Kind, namespace: str | None = None) -> Iterator[Object]:
        """Return all objects of a kind, in one namespace or everywhere."""
        known = self._objects.get(kind, {})
        places = known.values() if namespace is None else (known.get(namespace, {}),)
        return (kept.item for place in places for kept in place.values())

    def of(self, key: Key, kind: Kind) -> list[Object]:
        """Return the objects of a kind that say that they belong to an LLMService."""
        names = self._of.get(key, {}).get(kind, ())
        known = self._objects.get(kind, {}).get(key.namespace, {})
        return [known[name].item for name in names]

    def claiming(self, namespace: str, names: Iterable[str]) -> list[Object]:
        """Return the LLMServices of a namespace that claim any of these names."""
        found = dict.fromkeys(one for name in names for one in self._claims.get((namespace, name), ()))
        known = self._objects.get(LLM_SERVICE, {}).get(namespace, {})
        return [known[name].item for name in found]

    def marked(self, kind: Kind) -> list[Object]:
        """Return the objects of a kind that are marked to go."""
        known = self._objects.get(kind, {})
        return [known[namespace][name].item for namespace, name in self._marked.get(kind, ())]

    def fresh_pods(self, most: int) -> list[Object]:
        """Return Pods that have changed since this was asked last, in the order of their changes."""
        places = list(self._fresh)[:most]
        for place in places:
            del self._fresh[place]
        found = (self.get(POD, *place) for place in places)
        return [pod for pod in found if pod is not None]

    def kinds(self) -> Iterable[Kind]:
        """Return the kinds of which anything was ever there."""
        return self._objects.keys()


def _name(item: Object) -> _Name:
    return item["metadata"]["namespace"], item["metadata"]["name"]
