"""`tidegate services`: load, unload and renew an LLMService, with the user's own Kubernetes rights.

Owns the commands and their words. Must not scale anything: workers are the operator's.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

import tidegate_models as core
from tidegate_api.names import RENEW_ANNOTATION, SERVICE_KIND
from tidegate_cli.namespaces import Namespace, connect, service_names, told

app = typer.Typer(
    help="LLMServices: take their workers down, and up again, or make them anew.", no_args_is_help=True
)
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


@app.command()
def renew(name: ServiceName, namespace: Namespace = None) -> None:
    """Make a service's workers anew, as the operator and its settings would now; or try once more what has failed.

    They are replaced as by any other rollout: no request is lost.
    """
    cluster = connect(namespace)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with told():
        cluster.read(SERVICE_KIND, name)
        cluster.merge(SERVICE_KIND, name, {"metadata": {"annotations": {RENEW_ANNOTATION: moment}}})
    typer.echo(f"LLMService {name} is being renewed: tidegate rollouts status {name}", err=True)
