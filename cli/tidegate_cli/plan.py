"""`tidegate plan`: print what the operator would make of LLMServices in files, without a cluster.

Owns the command's words and exit codes. Must not decide what is made.
"""

from typing import Annotated

import typer

from tidegate_api.names import API_VERSION, SERVICE_KIND
from tidegate_api.settings import Settings
from tidegate_cli.documents import Output, Unreadable, read_documents, read_settings, render
from tidegate_cli.preview import is_service, preview
from tidegate_cli.shell.failing import FAILED, MISUSED


def plan(
    file: Annotated[
        list[str], typer.Option("--file", "-f", help="YAML file with LLMServices; - reads standard input.")
    ],
    settings: Annotated[
        str | None,
        typer.Option(
            help="YAML file with the operator's settings. Default: those that the chart comes with."
        ),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of objects that name none.")
    ] = "default",
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.YAML,
) -> None:
    """Print what the operator would apply for the LLMServices in files; no cluster is asked.

    Exits with 1 if an LLMService would be refused, with 2 if a file cannot be read.
    """
    try:
        documents = [document for path in file for document in read_documents(path)]
        chosen = Settings() if settings is None else read_settings(settings)
    except Unreadable as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(MISUSED) from error
    results = preview(documents, chosen, namespace)
    manifests = [manifest for result in results for manifest in result.manifests]
    problems = [f"{result.name}: {result.problem}" for result in results if result.problem is not None]
    if not any(is_service(document) for document in documents):
        problems.append(f"no {SERVICE_KIND} of {API_VERSION} in {', '.join(file)}")
    if manifests:
        typer.echo(render(manifests, output), nl=False)
    for result in results:
        if result.waits is not None:
            typer.echo(f"{result.name}: {result.waits}.", err=True)
    for problem in problems:
        typer.echo(f"Error: {problem}", err=True)
    if problems:
        raise typer.Exit(FAILED)
