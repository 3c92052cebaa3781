"""What `tidegate status` asks the cluster: services, their Pods, their events, and the engines themselves.

Owns the calls. Must not know what an answer means: what could not be asked is kept with the reason.
"""

from typing import Any, Final

from tidegate_api.names import API_VERSION, SERVICE_LABEL, SERVICES_PLURAL, WORKER_CONTAINER, WORKER_PORT
from tidegate_cli.shell.kube import Kube
from tidegate_cli.status.scene import Scene, is_ready
from tidegate_models.errors import ModelsError

Json = dict[str, Any]
# Of a service with many workers these tell of all.
_MOST_ENGINES: Final = 4
# An engine says how it runs before it reads weights: well within this much of its log.
_LOG_BYTES: Final = 131_072


def path(kube: Kube, name: str = "", *, everywhere: bool = False) -> str:
    """Return the path of the LLMServices, or of one."""
    where = "" if everywhere else f"/namespaces/{kube.namespace}"
    return f"/apis/{API_VERSION}{where}/{SERVICES_PLURAL}{f'/{name}' if name else ''}"


def services(kube: Kube, *, everywhere: bool = False) -> list[Json]:
    """Return all LLMServices of the namespace, or of all namespaces."""
    return kube.items(path(kube, everywhere=everywhere))


def scene(kube: Kube, name: str) -> Scene:
    """Return a service and all there is to know about it; raises Missing where it is not there."""
    service = kube.read(path(kube, name))
    missing: dict[str, str] = {}
    inside = f"/api/v1/namespaces/{kube.namespace}"
    pods = _listed(kube, f"{inside}/pods", "workers", missing, labelSelector=f"{SERVICE_LABEL}={name}")
    events = _listed(kube, f"{inside}/events", "events", missing)
    pages, logs = {}, {}
    for pod in [one["metadata"]["name"] for one in pods if is_ready(one)][:_MOST_ENGINES]:
        try:
            pages[pod] = kube.text(f"{inside}/pods/{pod}:{WORKER_PORT}/proxy/metrics")
        except ModelsError as error:
            missing["engines"] = error.what
        try:
            beginning = {"container": WORKER_CONTAINER, "limitBytes": _LOG_BYTES}
            logs[pod] = kube.text(f"{inside}/pods/{pod}/log", **beginning)
        except ModelsError as error:
            missing["logs"] = error.what
    return Scene(service, pods, events, pages, logs, missing)


def _listed(kube: Kube, where: str, what: str, missing: dict[str, str], **query: str) -> list[Json]:
    try:
        return kube.items(where, **query)
    except ModelsError as error:
        missing[what] = error.what
        return []
