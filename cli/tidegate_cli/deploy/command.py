"""`tidegate deploy`: an LLMService, applied and followed.

Owns the command, its words and exit codes. Must not make anything but the objects it is told of.
"""

from typing import Any

import typer

from tidegate_api.names import SERVICE_KIND
from tidegate_cli.deploy import options, words
from tidegate_cli.deploy.applying import apply, check, documents
from tidegate_cli.deploy.asked import Asked
from tidegate_cli.deploy.waiting import first_answer, waited
from tidegate_cli.documents import Output as Manifests
from tidegate_cli.documents import render
from tidegate_cli.shell.kube import Kube
from tidegate_cli.shell.options import Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.target import connect
from tidegate_cli.shell.telling import told
from tidegate_cli.talk.options import Key

Json = dict[str, Any]


@on_cluster
def deploy(
    source: options.Source,
    *,
    name: options.Name = None,
    model_name: options.ModelName = None,
    revision: options.Revision = None,
    token_secret: options.TokenSecret = None,
    profile: options.Profile = None,
    replicas: options.Replicas = None,
    min_replicas: options.MinReplicas = None,
    max_replicas: options.MaxReplicas = None,
    max_model_len: options.MaxModelLen = None,
    quantization: options.Quantization = None,
    preset: options.Preset = None,
    namespace: Namespace = None,
    wait: options.Wait = False,
    timeout: options.Timeout = 900,
    key: Key = None,
    dry_run: options.DryRun = False,
    force_conflicts: options.ForceConflicts = False,
    output: Output = Format.TEXT,
) -> None:
    """Serve a model, or the LLMServices of files.

    It is applied server-side as `tidegate-cli`: fields that others have set stay theirs. What makes no sense is refused
    before it reaches the cluster. Ctrl-C ends the waiting, never the service. With a key, what is waited for is asked
    to say hello at the end.

    Exits with 1 if it is refused, fails, or does not answer in time.
    """
    sizes = (replicas, min_replicas, max_replicas, max_model_len)
    asked = Asked(source, name, model_name, revision, token_secret, profile, *sizes, quantization, preset)
    with told():
        wanted = documents(source, asked)
        kube = connect(namespace)
        check(kube, wanted)
        applied = [apply(kube, one, force=force_conflicts, dry_run=dry_run) for one in wanted]
    if dry_run:
        typer.echo(render(applied, Manifests(output.value if output is Format.JSON else "yaml")), nl=False)
        return
    for one in applied:
        typer.echo(f"{one['kind']} {kube.namespace}/{one['metadata']['name']} is applied.", err=True)
    services = [one for one in applied if one["kind"] == SERVICE_KIND]
    if wait:
        services = _followed(kube, services, timeout, key)
    _tell(services, output, waited=wait)


def _followed(kube: Kube, services: list[Json], timeout: int, key: str | None) -> list[Json]:
    """Wait for services until they answer, and have each say hello where there is a key."""
    with told():
        answering = [waited(kube, one["metadata"]["name"], timeout) for one in services]
    for one in answering if key else ():
        typer.echo(first_answer(kube, one, key or ""), err=True)
    return answering


def _tell(services: list[Json], output: Format, *, waited: bool) -> None:
    if output is Format.JSON:
        print_json(services if len(services) > 1 else services[0])
        return
    for one in services:
        if not waited:
            typer.echo(f"See how far it is: {words.waits(one)}", err=True)
        print_lines(words.how_to_call(one))
