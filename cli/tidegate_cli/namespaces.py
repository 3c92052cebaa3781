"""What the commands about models and services share: options, the way to the cluster, how an error is told, names to
complete.

Must not hold a command.
"""

import contextlib
import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer
from kubernetes import client, config

from tidegate_api.names import MODEL_KIND, SERVICE_KIND
from tidegate_cli.tenants import ClusterSays, use_kubeconfig
from tidegate_models import Cluster, ModelsError, as_json


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace. Default: that of your kubeconfig.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]


def connect(namespace: str | None) -> Cluster:
    """Return `namespace`, or the kubeconfig's own namespace, or `default`."""
    chosen = use_kubeconfig(namespace)
    return Cluster(client.CustomObjectsApi(), chosen)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what went wrong with models into one sentence and exit code 1."""
    try:
        yield
    except ModelsError as error:
        raise ClusterSays(str(error)) from error


def print_json(value: Any) -> None:
    """Print a value, or values, as JSON."""
    typer.echo(json.dumps(as_json(value), indent=2))


def model_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of LLMModels for a shell to complete; none where no cluster answers."""
    return _names(MODEL_KIND, context, incomplete)


def service_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of LLMServices for a shell to complete; none where no cluster answers."""
    return _names(SERVICE_KIND, context, incomplete)


def _names(kind: str, context: typer.Context, incomplete: str) -> list[str]:
    # A shell that completes shows what is printed: neither an error nor a wait is of use there.
    with contextlib.suppress(ModelsError, config.ConfigException, OSError, ValueError):
        _, current = config.list_kube_config_contexts()
        config.load_kube_config()
        namespace = context.params.get("namespace") or (current.get("context") or {}).get("namespace")
        found = Cluster(client.CustomObjectsApi(), namespace or "default").list(kind)
        return [name for one in found if (name := one["metadata"]["name"]).startswith(incomplete)]
    return []
