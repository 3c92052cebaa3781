"""Kubernetes events on an LLMService or LLMTenant, for `kubectl describe`.

Owns their form. Best effort: status is the truth, so an event that cannot be posted is logged and forgotten. Must
not decide what is worth an event.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

import structlog

from tidegate_operator.cluster import FIELD_MANAGER, Cluster, ClusterError, Object
from tidegate_operator.facts import Manifest
from tidegate_operator.kinds import EVENT
from tidegate_operator.status import Announcement

_NOTE_LENGTH = 1024  # bytes; longer ones are refused by the API server

log = structlog.get_logger(__name__)


async def announce(
    of: Manifest, announcements: Sequence[Announcement], cluster: Cluster, now: datetime, instance: str
) -> None:
    """Post one event for each announcement."""
    for announcement in announcements:
        try:
            await cluster.create(_event(of, announcement, now, instance))
        except ClusterError as error:
            log.warning("event not posted", reason=announcement.reason, error=str(error))


def _event(of: Manifest, announcement: Announcement, now: datetime, instance: str) -> Object:
    metadata = of["metadata"]
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {
            "namespace": metadata["namespace"],
            "name": f"{metadata['name']}.{secrets.token_hex(8)}",
        },
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": FIELD_MANAGER,
        "reportingInstance": instance[:128],
        "action": "Reconcile",
        "type": announcement.type,
        "reason": announcement.reason,
        "note": announcement.message.encode()[:_NOTE_LENGTH].decode(errors="ignore"),
        "regarding": {
            "apiVersion": of["apiVersion"],
            "kind": of["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
    }
