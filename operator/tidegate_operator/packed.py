"""Objects as the cache keeps them: without what nobody reads, and, of kinds of which there are many, packed.

A Deployment is 30 kB as dicts, and less than one packed; a reconcile unpacks the few that it looks at. Owns both forms.
Must not know who reads them.
"""

import marshal
import zlib
from dataclasses import dataclass
from typing import Final

from tidegate_operator.cluster import Object
from tidegate_operator.kinds import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    LEADER_WORKER_SET,
    NETWORK_POLICY,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from tidegate_operator.replicas import REPLICAS_FIELD, writes_replicas

# What there are several of for each LLMService, and nobody looks at all of at once.
PACKED: Final = frozenset(
    {
        CONTROLLER_REVISION,
        DEPLOYMENT,
        DISRUPTION_BUDGET,
        LEADER_WORKER_SET,
        NETWORK_POLICY,
        POD,
        SERVICE,
        SERVICE_ACCOUNT,
    }
)
_FASTEST: Final = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """One object: its version, and what it says, packed or not."""

    version: int
    content: Object | bytes

    @property
    def item(self) -> Object:
        """Return the object."""
        if isinstance(self.content, bytes):
            found: Object = marshal.loads(zlib.decompress(self.content))  # noqa: S302 - by this process itself
            return found
        return self.content


def keep(kind: Kind, item: Object) -> Kept:
    """Return an object in the form in which it is kept."""
    slim = _slim(item)
    content = zlib.compress(marshal.dumps(slim), _FASTEST) if kind in PACKED else slim
    return Kept(version_of(item), content)


def version_of(item: Object | None) -> int:
    """Return how new an object is: versions of one kind can be compared, and grow."""
    return int(item["metadata"]["resourceVersion"]) if item else 0


def _slim(item: Object) -> Object:
    """Return the object without the record of who wrote which field, but for who wrote its replicas."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    writers = [one for one in item["metadata"].get("managedFields") or () if writes_replicas(one)]
    if writers:
        metadata["managedFields"] = [{**one, "fieldsV1": REPLICAS_FIELD} for one in writers]
    return {**item, "metadata": metadata}
