"""`tidegate rollouts`: how far a new version of a service is, and a person's word on it, with that person's own rights.

Owns the commands and their words. Must not bring anything about: the operator does, once it is told.
"""

from typing import Annotated

import typer

from tidegate_api.names import ROLLOUT_ANNOTATION, SERVICE_KIND
from tidegate_cli.namespaces import Namespace, connect, service_names, told
from tidegate_cli.rolloutwords import lines, undecided
from tidegate_cli.tenants import ClusterSays

app = typer.Typer(help="Versions of a service's workers: see, promote, abort.", no_args_is_help=True)
ServiceName = Annotated[str, typer.Argument(help="Name of the LLMService.", autocompletion=service_names)]


@app.command()
def status(name: ServiceName, namespace: Namespace = None) -> None:
    """Say which versions there are, how far a new one has come, and what is thought of it."""
    with told():
        found = connect(namespace).read(SERVICE_KIND, name)
    for line in lines(found):
        typer.echo(line)


@app.command()
def promote(name: ServiceName, namespace: Namespace = None) -> None:
    """Let all workers become of the version that is being tried, whatever is thought of it."""
    revision = _say("promote", name, namespace)
    typer.echo(
        f"Version {revision} of LLMService {name} is promoted: tidegate rollouts status {name}", err=True
    )


@app.command()
def abort(name: ServiceName, namespace: Namespace = None) -> None:
    """Take the version back that is being tried; it is not tried again until the spec changes."""
    revision = _say("abort", name, namespace)
    typer.echo(f"Version {revision} of LLMService {name} is taken back.", err=True)


def _say(what: str, name: str, namespace: str | None) -> str:
    """Tell the operator about the version that is tried now, and no later one; return its name."""
    cluster = connect(namespace)
    with told():
        revision = undecided(cluster.read(SERVICE_KIND, name))
        if revision is None:
            raise ClusterSays(f"LLMService {name!r} tries no version: there is nothing to {what}")
        word = {ROLLOUT_ANNOTATION: f"{what}:{revision}"}
        cluster.merge(SERVICE_KIND, name, {"metadata": {"annotations": word}})
    return revision
