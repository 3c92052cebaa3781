"""Everything kopf: which objects it watches, how, and the one thing it is told to do with an event.

Owns kopf's settings. Must not hold logic: kopf says when, never what. So no finalizers, annotations or handlers of
single fields or causes, which would make it write to objects or compare with anything but the cluster.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import kopf

from tidegate_api.names import GROUP
from tidegate_operator.forgetful import NoBase, NoProgress
from tidegate_operator.kinds import Kind
from tidegate_operator.watches import WATCH_SECONDS

IDLE_SECONDS = 0.05
Tell = Callable[[str | None, dict[str, Any]], None]


def registry(
    watched: Mapping[Kind, str], tell: Tell, server: str, open_session: Callable[[], aiohttp.ClientSession]
) -> kopf.OperatorRegistry:
    """Return the handlers: every event of every kind is told, nothing else."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=server, aiohttp_session=open_session())

    async def changed(event: Mapping[str, Any], **_: Any) -> None:
        tell(event["type"], event["object"])

    for kind in watched:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=handlers)(changed)
    return handlers


def settings(watched: Mapping[Kind, str]) -> kopf.OperatorSettings:
    """Return kopf's settings."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    # A Lease decides who leads; kopf's peering freezes everybody when priorities are equal.
    chosen.peering.standalone = True
    # No rights on CRDs and namespaces are needed, and none are asked for.
    chosen.scanning.disabled = True
    chosen.persistence.diffbase_storage, chosen.persistence.progress_storage = NoBase(), NoProgress()
    chosen.persistence.finalizer = f"{GROUP}/never-used"
    chosen.watching.server_timeout = WATCH_SECONDS
    chosen.watching.connect_timeout = 10
    chosen.watching.chunk_size = 500
    for kind, selector in watched.items():
        if selector:
            chosen.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 5
    # A worker of kopf's keeps the last event of its object for as long as it idles, and with a limit of them the next
    # object waits until one has idled enough: what ours does with an event takes microseconds.
    chosen.queueing.idle_timeout = IDLE_SECONDS
    chosen.queueing.worker_limit = None
    chosen.process.ultimate_exiting_timeout = 25
    return chosen


@asynccontextmanager
async def watching(
    handlers: kopf.OperatorRegistry, chosen: kopf.OperatorSettings, namespaces: Sequence[str]
) -> AsyncIterator[Collection[asyncio.Task[None]]]:
    """Watch until the block ends; the tasks that are yielded end only if something is wrong.

    `kopf.operator()` would do the same, and on its way out cancel every task it does not know: ours.
    """
    # For peering only, which is off; by itself kopf asks for the user's name, and in a container a uid has none.
    identity: Any = "tidegate-operator"
    tasks = await kopf.spawn_tasks(
        registry=handlers,
        settings=chosen,
        clusterwide=not namespaces,
        namespaces=namespaces,
        standalone=True,
        identity=identity,
    )
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5)
