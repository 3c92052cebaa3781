"""Which cluster is meant, and the way to it: the user's kubeconfig, or the service account of the Pod this runs in.

Owns reading the kubeconfig. Must not ask the cluster anything.
"""

import os
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kubernetes import client, config

from tidegate_cli.shell.client import TIMEOUT_SECONDS, api_client, configured
from tidegate_cli.shell.failing import Failed
from tidegate_cli.shell.kube import Kube

_ACCOUNT_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Target:
    """What the command line says of the cluster; None: what the kubeconfig says."""

    context: str | None = None
    kubeconfig: str | None = None


# Of the command that runs.
current: ContextVar[Target | None] = ContextVar("target", default=None)


def connect(namespace: str | None, timeout: tuple[float, float] = TIMEOUT_SECONDS) -> Kube:
    """Return the chosen cluster as its user sees it; ends the command where no kubeconfig can be used."""
    chosen = use_cluster(namespace)
    return Kube(api_client(timeout), chosen)


def use_cluster(namespace: str | None) -> str:
    """Let the Kubernetes client be that of the chosen cluster, for its user; return the namespace that is meant."""
    chosen = current.get() or Target()
    configuration = configured()
    try:
        if _is_inside(chosen):
            config.load_incluster_config(client_configuration=configuration)
            found = _ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip()
        else:
            found = _load(chosen, configuration)
    except Exception as error:
        # Whatever a file may hold: no YAML, something else than a kubeconfig, certificates that are none.
        name = chosen.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise Failed(
            f"no usable kubeconfig ({name}): {_words(error)}: name one with --kubeconfig or KUBECONFIG, and one of "
            "its contexts with --context"
        ) from error
    client.Configuration.set_default(configuration)
    return namespace or found or "default"


def _load(chosen: Target, configuration: Any) -> str:
    # As it is now: the client has read KUBECONFIG when it was imported.
    file = chosen.kubeconfig or os.environ.get("KUBECONFIG") or None
    contexts, context = config.list_kube_config_contexts(config_file=file)
    if chosen.context is not None:
        context = next((one for one in contexts if one["name"] == chosen.context), None)
        if context is None:
            names = ", ".join(one["name"] for one in contexts)
            raise ValueError(f"there is no context {chosen.context!r} in it, but {names}")
    config.load_kube_config(file, chosen.context, configuration, persist_config=False)
    return str((context or {}).get("context", {}).get("namespace") or "")


def _is_inside(chosen: Target) -> bool:
    """Tell whether this runs in a Pod, and nothing names a kubeconfig."""
    if chosen.kubeconfig or chosen.context or os.environ.get("KUBECONFIG"):
        return False
    return "KUBERNETES_SERVICE_HOST" in os.environ and not Path("~/.kube/config").expanduser().exists()


def _words(error: Exception) -> str:
    """Return the beginning of what an error says, in one line."""
    words = " ".join(str(error).split()).rstrip(".:") or type(error).__name__
    return words if len(words) <= 200 else f"{words[:200]}…"
