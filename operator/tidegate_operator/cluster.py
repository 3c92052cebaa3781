"""What the operator asks of a cluster: the one seam between our code and a Kubernetes client.

Owns the verbs and their errors; `kube.py` does them for real, tests with an in-memory fake. Must not import a
client. Objects are plain dicts as the API server speaks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tidegate_api.names import OPERATOR_FIELD_MANAGER
from tidegate_operator.kinds import Kind

FIELD_MANAGER: Final = OPERATOR_FIELD_MANAGER

Object = dict[str, Any]


class ClusterError(Exception):
    """The API server refused, or could not be asked (status 0); never carries headers or credentials.

    `after` is for how many seconds it wants to be left alone.
    """

    def __init__(self, status: int, reason: str, message: str, after: float = 0.0) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.after = after


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a kind at one moment, and the resourceVersion that names the moment."""

    items: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Versions:
    """The resourceVersions of all objects of a kind at one moment, by namespace and name; and that of the moment."""

    of: Mapping[tuple[str, str], int]
    version: str


class Cluster(Protocol):
    """The API server, as far as the operator needs it."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return one object as it is now, None when there is none."""

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Listing:
        """Return all objects of a kind in one namespace, or in all of them for None."""

    async def versions(self, kind: Kind, namespace: str | None, selector: str = "") -> Versions:
        """Return how new each object of a kind is, in one namespace, or in all of them for None."""

    async def await_change(
        self, kind: Kind, namespace: str, selector: str, version: str, seconds: int
    ) -> None:
        """Return at the first change after `version`, or after `seconds` without one."""

    async def apply(
        self, manifest: Mapping[str, Any], *, status: bool = False, is_new: bool = False
    ) -> Object:
        """Apply server-side with force, to the status subresource on demand; return what is there now.

        `is_new`: refused with 409 where there is an object of that name, whoever has made it.

        `metadata.uid` and `metadata.resourceVersion` in the manifest are preconditions: another object of that name, or
        another version of it, is refused with 409.
        """

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        """Create one object; 409 when its name is taken."""

    async def replace(self, manifest: Mapping[str, Any]) -> Object:
        """Write one object whole; 409 unless its resourceVersion is the current one."""

    async def delete(self, live: Mapping[str, Any]) -> None:
        """Delete exactly this object in exactly this version; one that is gone already is fine."""
