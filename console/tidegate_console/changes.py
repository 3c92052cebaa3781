"""What signed-in users change, each with their own token.

Owns the order of the calls. What is refused is the API server's to say, and `tidegate_models`' about models.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import tidegate_models as models
from tidegate_api.keys import new_key
from tidegate_api.names import API_VERSION, RENEW_ANNOTATION
from tidegate_console import bodies, sections
from tidegate_console.kinds import SERVICES, TENANTS, Kind
from tidegate_console.kube import Access, Json, Server
from tidegate_console.problems import Problem
from tidegate_models import tenantkeys

FIELD_MANAGER: Final = "tidegate-console"
_ATTEMPTS: Final = 5
# Calls that block a thread each.
_AT_ONCE: Final = 16
Answer = TypeVar("Answer")


class Changes:
    """Everything that changes something."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._threads = asyncio.Semaphore(_AT_ONCE)

    async def pull(self, token: str, body: bodies.Pull) -> Json:
        """Bring a model into a namespace's cache."""
        made = await self._on_models(
            token,
            body.namespace,
            lambda cluster: models.pull(cluster, body.uri, body.revision, body.token_secret),
        )
        return {"namespace": body.namespace, **models.as_json(made)}

    async def remove_model(self, token: str, namespace: str, name: str) -> Json:
        """Remove a model that nobody uses."""
        await self._on_models(token, namespace, lambda cluster: models.remove(cluster, name))
        return _named(namespace, name, changed=True)

    async def switch_model(self, token: str, namespace: str, name: str, *, on: bool) -> Json:
        """Let a download go on, or stop it."""
        verb = models.resume if on else models.pause
        done = await self._on_models(token, namespace, lambda cluster: verb(cluster, name))
        return _named(namespace, name, changed=done.changed)

    async def switch_service(self, token: str, namespace: str, name: str, *, on: bool) -> Json:
        """Let a service have workers again, or take them down."""
        verb = models.load if on else models.unload
        done = await self._on_models(token, namespace, lambda cluster: verb(cluster, name))
        return _named(namespace, name, changed=done.changed)

    async def renew_service(self, token: str, namespace: str, name: str) -> Json:
        """Have a service's workers made anew."""
        moment = tenantkeys.rfc3339(datetime.now(UTC))
        patch = {"metadata": {"annotations": {RENEW_ANNOTATION: moment}}}
        await self._server.as_user(token).merge(SERVICES.path(namespace, name), patch)
        return _named(namespace, name, changed=True)

    async def remove_service(self, token: str, namespace: str, name: str) -> Json:
        """Delete a service; its model stays in the cache."""
        await self._server.as_user(token).delete(SERVICES.path(namespace, name))
        return _named(namespace, name, changed=True)

    async def apply(
        self, token: str, kind: Kind, body: bodies.Applied, *, dry_run: bool, force: bool
    ) -> Json:
        """Make an object, or change it, by server-side apply; nothing is written for a trial."""
        manifest = {
            "apiVersion": API_VERSION,
            "kind": kind.kind,
            "metadata": {"name": body.name, "namespace": body.namespace},
            "spec": body.spec,
        }
        query = [
            ("fieldManager", FIELD_MANAGER),
            ("fieldValidation", "Strict"),
            ("force", str(force).lower()),
        ]
        if dry_run:
            query.append(("dryRun", "All"))
        made = await self._server.as_user(token).apply(kind.path(body.namespace, body.name), manifest, query)
        return sections.shown(made)

    async def make_key(self, token: str, body: bodies.NewKey) -> Json:
        """Make a key for a tenant, and return it: this once."""
        key, end = new_key(), _end(body.not_after)
        entry = tenantkeys.key_entry(body.name, key, end)
        await self._edit(
            self._server.as_user(token),
            body.namespace,
            body.tenant,
            lambda found: tenantkeys.with_key(found, body.tenant, entry, body.qos_class),
        )
        told = {"notAfter": entry["notAfter"]} if "notAfter" in entry else {}
        return {"key": key, "namespace": body.namespace, "tenant": body.tenant, "name": body.name, **told}

    async def remove_key(self, token: str, namespace: str, name: str, tenant: str | None) -> Json:
        """Remove a key, of the tenant that is named or of the one that has it."""
        access = self._server.as_user(token)
        holder = tenant or _holder(await list_keys(access, namespace), namespace, name)
        await self._edit(access, namespace, holder, lambda found: tenantkeys.without_key(found, holder, name))
        return {"namespace": namespace, "tenant": holder, "name": name, "changed": True}

    async def _edit(
        self, access: Access, namespace: str, tenant: str, edit: Callable[[Json | None], Json]
    ) -> None:
        """Write what is made of a tenant; where somebody changed it meanwhile, once more."""
        for attempt in range(1, _ATTEMPTS + 1):
            found = await _find(access, TENANTS, namespace, tenant)
            wanted = edit(found)
            try:
                if found is None:
                    await access.create(TENANTS.path(namespace), wanted)
                else:
                    await access.replace(TENANTS.path(namespace, tenant), wanted)
                return
            except Problem as problem:
                if problem.status != 409 or attempt == _ATTEMPTS:
                    raise

    async def _on_models(
        self, token: str, namespace: str, work: Callable[[models.Cluster], Answer]
    ) -> Answer:
        cluster = models.Cluster(self._server.objects(token), namespace)
        async with self._threads:
            return await asyncio.to_thread(work, cluster)


async def list_keys(access: Access, namespace: str) -> list[Json]:
    """Return the keys of a namespace's tenants: what they are called and when they end, never a key or its digest."""
    listed = await access.read(TENANTS.path(namespace), [("limit", "500")])
    return [
        {
            "namespace": namespace,
            "tenant": tenant["metadata"]["name"],
            "name": key["name"],
            "notAfter": key.get("notAfter"),
        }
        for tenant in listed["items"]
        for key in tenantkeys.keys_of(tenant)
    ]


async def _find(access: Access, kind: Kind, namespace: str, name: str) -> Json | None:
    try:
        return await access.read(kind.path(namespace, name))
    except Problem as problem:
        if problem.status != 404:
            raise
        return None


def _holder(keys: list[Json], namespace: str, name: str) -> str:
    holders = sorted(str(key["tenant"]) for key in keys if key["name"] == name)
    if not holders:
        raise Problem(
            404, "Missing", f"No tenant in namespace {namespace} has a key {name!r}.", "was it removed?"
        )
    if len(holders) > 1:
        raise Problem(
            409,
            "Ambiguous",
            f"Several tenants in namespace {namespace} have a key {name!r}: {', '.join(holders)}.",
            "name the one that is meant by ?tenant=",
        )
    return holders[0]


def _end(text: str | None) -> datetime | None:
    try:
        return None if text is None else tenantkeys.expiry(text, datetime.now(UTC))
    except ValueError as error:
        raise Problem(
            422, "Invalid", f"notAfter: {error}.", "write 30d, or an RFC 3339 time", ("notAfter",)
        ) from None


def _named(namespace: str, name: str, *, changed: bool) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "changed": changed}
