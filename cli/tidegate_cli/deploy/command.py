"""`tidegate deploy`: an LLMService, applied and followed.

Owns the command, its words and exit codes. Must not make anything but the objects it is told of.
"""

from typing import Annotated, Any, Final

import typer

from tidegate_api.names import SERVICE_KIND
from tidegate_cli.deploy import words
from tidegate_cli.deploy.applying import apply, check, documents
from tidegate_cli.deploy.asked import Asked
from tidegate_cli.deploy.waiting import first_answer, waited
from tidegate_cli.documents import Output as Manifests
from tidegate_cli.documents import render
from tidegate_cli.shell.options import Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.target import connect
from tidegate_cli.shell.telling import told
from tidegate_cli.talk.options import Key

Json = dict[str, Any]
_SPEC: Final = "Service"


@on_cluster
def deploy(
    source: Annotated[
        str,
        typer.Argument(
            metavar="URI|FILE",
            help="The model (hf://ORG/NAME, pvc://CLAIM/PATH, oci://IMAGE, s3://…), or a YAML file with LLMServices; - "
            "reads standard input.",
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name. Default: made from the URI.", rich_help_panel=_SPEC)
    ] = None,
    model_name: Annotated[
        str | None,
        typer.Option(help="The `model` that clients send. Default: the name.", rich_help_panel=_SPEC),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit of a model of a hub.", rich_help_panel=_SPEC),
    ] = None,
    token_secret: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[/KEY]", help="Secret with a token, for a gated model.", rich_help_panel=_SPEC
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Resource profile and count, such as nvidia-l4:1.", rich_help_panel=_SPEC),
    ] = None,
    replicas: Annotated[int | None, typer.Option(min=0, help="Workers.", rich_help_panel=_SPEC)] = None,
    min_replicas: Annotated[
        int | None,
        typer.Option(min=0, help="Fewest workers, where they follow the load.", rich_help_panel=_SPEC),
    ] = None,
    max_replicas: Annotated[
        int | None,
        typer.Option(min=1, help="Most workers, where they follow the load.", rich_help_panel=_SPEC),
    ] = None,
    max_model_len: Annotated[
        int | None,
        typer.Option(min=1, help="Longest prompt plus answer, in tokens.", rich_help_panel=_SPEC),
    ] = None,
    quantization: Annotated[
        str | None, typer.Option(help="Weight format, such as fp8.", rich_help_panel=_SPEC)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="What the engine is to be good at, such as Interactive.", rich_help_panel=_SPEC),
    ] = None,
    namespace: Namespace = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow it, from the download to where it answers.")
    ] = False,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds to wait.")] = 900,
    key: Key = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the API server check it, and print it; nothing is kept.")
    ] = False,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take fields over that others have set.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Serve a model, or the LLMServices of files.

    It is applied server-side as `tidegate-cli`: fields that others have set stay theirs. What makes no sense is refused
    before it reaches the cluster. Ctrl-C ends the waiting, never the service. With a key, what is waited for is asked
    to say hello at the end.

    Exits with 1 if it is refused, fails, or does not answer in time.
    """
    asked = Asked(
        source,
        name,
        model_name,
        revision,
        token_secret,
        profile,
        replicas,
        min_replicas,
        max_replicas,
        max_model_len,
        quantization,
        preset,
    )
    with told():
        wanted = documents(source, asked)
        kube = connect(namespace)
        check(kube, wanted)
        applied = [apply(kube, one, force=force_conflicts, dry_run=dry_run) for one in wanted]
    services = [one for one in applied if one["kind"] == SERVICE_KIND]
    if dry_run:
        typer.echo(render(applied, Manifests(output.value if output is Format.JSON else "yaml")), nl=False)
        return
    for one in applied:
        typer.echo(f"{one['kind']} {kube.namespace}/{one['metadata']['name']} is applied.", err=True)
    if wait:
        with told():
            services = [waited(kube, one["metadata"]["name"], timeout) for one in services]
        for one in services if key else ():
            typer.echo(first_answer(kube, one, key or ""), err=True)
    _tell(services, output, waited=wait)


def _tell(services: list[Json], output: Format, *, waited: bool) -> None:
    if output is Format.JSON:
        print_json(services if len(services) > 1 else services[0])
        return
    for one in services:
        if not waited:
            typer.echo(f"See how far it is: {words.waits(one)}", err=True)
        print_lines(words.how_to_call(one))
