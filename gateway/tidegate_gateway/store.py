"""The facts behind a directory, as they change.

Owns facts by object and the rebuilding of what they change. Must not do I/O.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from tidegate_gateway.directory import Caller, Directory, Model, Peer, Worker
from tidegate_gateway.llmservices import read_service
from tidegate_gateway.objects import (
    Item,
    Tenant,
    build_callers,
    build_models,
    build_workers,
    read_peer,
    read_tenant,
    read_worker,
)

Name = tuple[str, str]
T = TypeVar("T")


class Facts(Generic[T]):
    """What is known of one kind of object; an object that says nothing is not kept."""

    def __init__(self, read: Callable[[Item], T | None]) -> None:
        self._read = read
        self.by_name: dict[Name, T] = {}

    def replace(self, namespace: str | None, items: Iterable[Item]) -> None:
        """Take a whole list, of one namespace or of all."""
        for name in [name for name in self.by_name if namespace is None or name[0] == namespace]:
            del self.by_name[name]
        for item in items:
            self.put(item)

    def put(self, item: Item) -> None:
        """Take an object that is new or has changed."""
        fact = self._read(item)
        if fact:
            self.by_name[name_of(item)] = fact
        else:
            self.drop(item)

    def drop(self, item: Item) -> None:
        """Forget an object."""
        self.by_name.pop(name_of(item), None)


def name_of(item: Item) -> Name:
    """Return the namespace and name of an object."""
    meta = item.get("metadata") or {}
    return meta.get("namespace", ""), meta.get("name", "")


class Store:
    """All facts, as one gateway sees them."""

    def __init__(self, own_uid: str = "", anonymous: Name | None = None) -> None:
        self._own_uid = own_uid
        self._anonymous = anonymous
        self.services: Facts[Model] = Facts(read_service)
        self.tenants: Facts[Tenant] = Facts(read_tenant)
        self.workers: Facts[Worker] = Facts(read_worker)
        self.peers: Facts[Peer] = Facts(read_peer)

    def directory(self) -> Directory:
        """Return everything known now."""
        return Directory(
            build_callers(self.tenants.by_name.values()),
            build_models(self.services.by_name.values()),
            build_workers(self.workers.by_name.values()),
            self._anonymous_caller(),
            tuple(peer for peer in self.peers.by_name.values() if peer.uid != self._own_uid),
        )

    def _anonymous_caller(self) -> Caller | None:
        tenant = self.tenants.by_name.get(self._anonymous) if self._anonymous else None
        return tenant.caller if tenant else None
