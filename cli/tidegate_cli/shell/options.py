"""Options that many commands have, as kubectl takes them.

Owns their names and words. Must not hold an option of one command only.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from tidegate_cli.shell import target
from tidegate_cli.shell.completion import context_names, namespace_names, service_names

_PANEL: Final = "Cluster"
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace. Default: that of your kubeconfig's context.",
        autocompletion=namespace_names,
        rich_help_panel=_PANEL,
    ),
]
AllNamespaces = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="All namespaces.", rich_help_panel=_PANEL)
]
ServiceName = Annotated[str, typer.Argument(help="Name of the LLMService.", autocompletion=service_names)]
GatewayNamespace = Annotated[
    str | None,
    typer.Option(
        help="Namespace of the gateway. Default: wherever in the cluster its Pods are.",
        autocompletion=namespace_names,
        rich_help_panel=_PANEL,
    ),
]
_Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        help="Context of the kubeconfig. Default: its current one.",
        autocompletion=context_names,
        rich_help_panel=_PANEL,
    ),
]
_Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        help="Kubeconfig. Default: KUBECONFIG, else ~/.kube/config.",
        rich_help_panel=_PANEL,
    ),
]
_ADDED: Final = {"context": _Context, "kubeconfig": _Kubeconfig}


def on_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --context and --kubeconfig; what it connects to while it runs is that cluster."""

    @functools.wraps(command)
    def run(*args: Any, context: str | None = None, kubeconfig: str | None = None, **options: Any) -> None:
        token = target.current.set(target.Target(context, kubeconfig))
        try:
            command(*args, **options)
        finally:
            target.current.reset(token)

    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _ADDED.items()
    ]
    wrapped: Any = run
    wrapped.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])
    wrapped.__annotations__ = {**command.__annotations__, **_ADDED}
    return run
