"""`tidegate models`: search, pull, list, pause, resume and remove models, with the user's own Kubernetes rights.

Owns the commands, their words and exit codes. Must not know how a model comes: the operator brings it, whether or not
anybody watches.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

import tidegate_models as core
from tidegate_cli import bar, modelwords
from tidegate_cli.namespaces import connect, print_json
from tidegate_cli.shell.completion import model_names
from tidegate_cli.shell.failing import FAILED, INTERRUPTED
from tidegate_cli.shell.options import Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, example, print_done, print_lines
from tidegate_cli.shell.telling import told
from tidegate_models import Cluster, Hub, Progress, Pulled, as_json

app = typer.Typer(
    help="Models: search hubs, bring models into the cache of a namespace, see who uses them.",
    no_args_is_help=True,
)

Name = Annotated[
    str,
    typer.Argument(
        help="Name of the LLMModel, or the URI of the model.",
        metavar="NAME|URI",
        autocompletion=model_names,
    ),
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit. Default: the hub's main branch.")]
WhichRevision = Annotated[str | None, typer.Option(help="Which one, where a URI is there more than once.")]


@app.command(epilog=example('tidegate models search "smollm2 instruct" --limit 5'))
def search(
    query: Annotated[str, typer.Argument(help="Words in the name of the model, such as `smollm2 instruct`.")],
    hub: Annotated[Hub, typer.Option(help="hf: the Hugging Face Hub; ms: ModelScope.")] = Hub.HUGGING_FACE,
    limit: Annotated[int, typer.Option(help="The most models, at most 50.")] = 20,
    task: Annotated[str | None, typer.Option(help="Only of this task, such as text-generation.")] = None,
    output: Output = Format.TEXT,
) -> None:
    """Search a hub for models, the most downloaded first.

    This machine asks the hub, by HF_ENDPOINT and HF_TOKEN (MODELSCOPE_ENDPOINT, MODELSCOPE_API_TOKEN), through
    HTTPS_PROXY.
    """
    with told():
        found = core.search(query, hub=hub, limit=limit, task=task)
    if output is Format.JSON:
        print_json(found)
    elif found:
        print_lines(modelwords.hub_table(found))
    else:
        typer.echo(f"No model found for {query!r}.", err=True)


@app.command(epilog=example("tidegate models pull hf://HuggingFaceTB/SmolLM2-135M-Instruct"))
@on_cluster
def pull(
    uri: Annotated[str, typer.Argument(help="hf://ORG/NAME or ms://ORG/NAME.")],
    *,
    namespace: Namespace = None,
    revision: Revision = None,
    token_secret: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[/KEY]",
            help="Secret with a token, for a gated or private model. KEY is `token` by default.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow the download until the model is there.")
    ] = True,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Ctrl-C pauses the download too, instead of leaving it running.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Bring a model into the cache of the namespace, and show how far it is until it is there.

    The cluster downloads it, whether or not this command runs. With -o json each step is an object on a line of its
    own. Exits with 1 if the download fails or is paused, with 130 after Ctrl-C.
    """
    with told():
        cluster = connect(namespace)
        pulled = core.pull(cluster, uri, revision, token_secret)
    if output is Format.TEXT:
        typer.echo(f"LLMModel {cluster.namespace}/{pulled.name}", err=True)
    if not wait:
        if output is Format.JSON:
            print_json(pulled)
        return
    with told(), _interruptible(cluster, pulled, cancel):
        last = _show(core.follow(cluster, pulled.name), output)
    _tell_end(cluster, pulled, last, output)


@app.command("list", epilog=example("tidegate models list", "tidegate models list -o json"))
@on_cluster
def list_models(namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """List the models of the namespace: where each is, how large, how far, and who uses it."""
    with told():
        found = core.models(connect(namespace))
    if output is Format.JSON:
        print_json(found)
    elif found:
        print_lines(modelwords.model_table(found, datetime.now(UTC)))
    else:
        typer.echo("No models: `tidegate models search` finds some, `pull` brings one.", err=True)


@app.command(epilog=example("tidegate models pause hf://HuggingFaceTB/SmolLM2-135M-Instruct"))
@on_cluster
def pause(
    name: Name, namespace: Namespace = None, revision: WhichRevision = None, output: Output = Format.TEXT
) -> None:
    """Stop a download; what is there stays, and `resume` goes on from it."""
    with told():
        done = core.pause(connect(namespace), name, revision)
    words = "is paused" if done.changed else "is paused already"
    print_done(output, f"LLMModel {done.name} {words}.", as_json(done))


@app.command(epilog=example("tidegate models resume hf://HuggingFaceTB/SmolLM2-135M-Instruct"))
@on_cluster
def resume(
    name: Name, namespace: Namespace = None, revision: WhichRevision = None, output: Output = Format.TEXT
) -> None:
    """Let a paused download go on from where it is."""
    with told():
        done = core.resume(connect(namespace), name, revision)
    print_done(
        output, f"LLMModel {done.name} {'goes on' if done.changed else 'is not paused'}.", as_json(done)
    )


@app.command(epilog=example("tidegate models remove hf://HuggingFaceTB/SmolLM2-135M-Instruct"))
@on_cluster
def remove(
    name: Name, namespace: Namespace = None, revision: WhichRevision = None, output: Output = Format.TEXT
) -> None:
    """Remove a model from the cache; refused, with their names, while LLMServices use it."""
    with told():
        removed = core.remove(connect(namespace), name, revision)
    print_done(output, f"LLMModel {removed} is removed.", {"name": removed, "removed": True})


def _show(course: Iterator[Progress], output: Format) -> Progress | None:
    """Show a download until it is over or paused; return its last state."""
    last = None
    with _screen(output) as show:
        for progress in course:
            show(last, progress)
            last = progress
            if progress.phase == "Suspended":
                break
    return last


@contextlib.contextmanager
def _screen(output: Format) -> Iterator[bar.Show]:
    """Yield what shows a state after the one before it."""
    if output is Format.JSON:
        yield lambda _, progress: typer.echo(json.dumps(as_json(progress)))
    elif sys.stderr.isatty():
        with bar.drawn(Console(stderr=True)) as show:
            yield show
    else:
        yield _tell_news


def _tell_news(before: Progress | None, progress: Progress) -> None:
    if modelwords.is_news(before, progress):
        typer.echo(modelwords.line(progress), err=True)


@contextlib.contextmanager
def _interruptible(cluster: Cluster, pulled: Pulled, cancel: bool) -> Iterator[None]:
    """On Ctrl-C say what becomes of the download, and end with 130."""
    try:
        yield
    except KeyboardInterrupt:
        if cancel:
            core.pause(cluster, pulled.name)
            said = f"Paused; `tidegate models resume {pulled.name}` goes on from here."
        else:
            said = (
                f"The download goes on in the cluster: the same command shows it again, `tidegate models pause "
                f"{pulled.name}` stops it."
            )
        typer.echo(f"\n{said}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _tell_end(cluster: Cluster, pulled: Pulled, last: Progress | None, output: Format) -> None:
    """Say how a download ended; exit with 1 unless the model is there."""
    if last is not None and last.is_ready:
        if output is Format.TEXT:
            typer.echo(f"{pulled.uri} is there: {modelwords.size(last.bytes_total)}.", err=True)
        return
    why = modelwords.reason(last) if last is not None else "nobody has said why"
    if last is not None and last.phase == "Suspended":
        why = f"it is paused; `tidegate models resume {pulled.name}` lets it go on"
    typer.echo(f"Error: {pulled.uri} is not there (namespace {cluster.namespace}): {why}", err=True)
    raise typer.Exit(FAILED)
