"""The way to models and services that several commands share. Must not hold a command."""

from typing import Any

from kubernetes import client

from tidegate_cli.shell import output, target
from tidegate_cli.shell.client import api_client
from tidegate_models import Cluster, as_json


def connect(namespace: str | None) -> Cluster:
    """Return `namespace`, or the kubeconfig's own namespace, or `default`."""
    chosen = target.use_cluster(namespace)
    return Cluster(client.CustomObjectsApi(api_client()), chosen)


def print_json(value: Any) -> None:
    """Print a value of models, or several, as JSON."""
    output.print_json(as_json(value))
