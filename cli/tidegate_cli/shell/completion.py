"""Names for a shell to complete, out of the cluster: quickly, and none where it does not answer.

Must not print anything, whatever goes wrong.
"""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import typer
from kubernetes import config

from tidegate_api.names import API_VERSION, MODELS_PLURAL, SERVICES_PLURAL, TENANTS_PLURAL
from tidegate_cli.shell import target
from tidegate_cli.shell.client import HASTY_SECONDS
from tidegate_cli.shell.kube import Kube

Completer = Callable[[typer.Context, str], list[str]]


def _completer(ask: Callable[[typer.Context], list[str]]) -> Completer:
    """Return what completes with those of the names that begin like what is there already."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        with contextlib.suppress(Exception), _silent():
            return [name for name in ask(context) if name.startswith(incomplete)]
        return []

    return complete


def _named(plural: str) -> Completer:
    def ask(context: typer.Context) -> list[str]:
        kube = _kube(context)
        return _names(kube.items(f"/apis/{API_VERSION}/namespaces/{kube.namespace}/{plural}"))

    return _completer(ask)


def _contexts(context: typer.Context) -> list[str]:
    found, _ = config.list_kube_config_contexts(config_file=context.params.get("kubeconfig"))
    return [one["name"] for one in found]


def _kube(context: typer.Context) -> Kube:
    given = context.params
    token = target.current.set(target.Target(given.get("context"), given.get("kubeconfig")))
    try:
        return target.connect(given.get("namespace"), HASTY_SECONDS)
    finally:
        target.current.reset(token)


def _names(objects: list[dict[str, Any]]) -> list[str]:
    return [one["metadata"]["name"] for one in objects]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Let nothing reach the terminal: a shell shows among the names whatever is printed."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield


service_names = _named(SERVICES_PLURAL)
model_names = _named(MODELS_PLURAL)
tenant_names = _named(TENANTS_PLURAL)
namespace_names = _completer(lambda context: _names(_kube(context).items("/api/v1/namespaces")))
context_names = _completer(_contexts)
