"""`tidegate services`: load and unload an LLMService, with the user's own Kubernetes rights.

Owns the commands and their words. Must not scale anything: workers are the operator's.
"""

from typing import Annotated

import typer

import tidegate_models as core
from tidegate_cli.namespaces import Namespace, connect, service_names, told

app = typer.Typer(help="LLMServices: take their workers down, and up again.", no_args_is_help=True)
ServiceName = Annotated[str, typer.Argument(help="Name of the LLMService.", autocompletion=service_names)]


@app.command()
def load(name: ServiceName, namespace: Namespace = None) -> None:
    """Let a service have workers again; its model comes from the cache, nothing is downloaded."""
    cluster = connect(namespace)
    with told():
        done = core.load(cluster, name)
    if done.changed:
        typer.echo(
            f"LLMService {name} is loaded: kubectl get llmsvc {name} -n {cluster.namespace} -w", err=True
        )
    else:
        typer.echo(f"LLMService {name} is not unloaded.", err=True)


@app.command()
def unload(name: ServiceName, namespace: Namespace = None) -> None:
    """Take a service's workers down; its address, its settings and its cached model stay."""
    with told():
        done = core.unload(connect(namespace), name)
    words = "is unloaded: its workers finish what they have" if done.changed else "is unloaded already"
    typer.echo(f"LLMService {name} {words}.", err=True)
