"""`tidegate scaling`: why a service has its replicas, what its operator saw, and whether that decides the same again.

Owns the commands and their exit codes. Must not decide anything: the law is the operator's own, and pure.
"""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tidegate_cli.explanation import lines
from tidegate_cli.services import connect
from tidegate_cli.shell.failing import FAILED, MISUSED
from tidegate_cli.shell.options import Namespace, ServiceName, on_cluster
from tidegate_cli.shell.output import Format, Output, example, print_json, print_lines
from tidegate_operator.scaling.replay import Difference
from tidegate_operator.scaling.replay import replay as decide_again

app = typer.Typer(
    help="Replicas: why there are so many, and what the operator decided from.", no_args_is_help=True
)


@app.command(epilog=example("tidegate scaling explain chat"))
@on_cluster
def explain(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Say how many replicas each pool should have, and from which measurements and limits that follows."""
    service = connect(namespace).read(name)
    if output is Format.JSON:
        print_json((service.get("status") or {}).get("scaling") or [])
    else:
        print_lines(lines(service, datetime.now(UTC)))


@app.command(epilog=example("tidegate scaling record chat > chat.jsonl"))
@on_cluster
def record(
    name: ServiceName,
    namespace: Namespace = None,
    operator_namespace: Annotated[
        str | None,
        typer.Option(help="Namespace of the operator. Default: wherever in the cluster its Pods are."),
    ] = None,
) -> None:
    """Print what the operator saw and decided in the last hour, one JSON object a line, for `replay`.

    It is read through the API server, so it takes the right to `get` the `pods/proxy` of the operator.
    """
    typer.echo(connect(namespace).records(name, operator_namespace), nl=False)


@app.command(epilog=example("tidegate scaling replay chat.jsonl"))
def replay(
    file: Annotated[str, typer.Argument(help="File that `record` printed; - reads standard input.")],
    output: Output = Format.TEXT,
) -> None:
    """Decide once more, from a recording, with this version's law; print every decision that differs.

    Exits with 1 if any does, with 2 if the file cannot be read.
    """
    try:
        recorded = [line for line in _read(file).splitlines() if line.strip()]
        differences = decide_again(recorded)
    except (OSError, ValueError) as error:
        typer.echo(f"Error: {file}: {error}", err=True)
        raise typer.Exit(MISUSED) from error
    if output is Format.JSON:
        print_json([asdict(difference) for difference in differences])
    else:
        print_lines(told(difference) for difference in differences)
    typer.echo(f"{len(recorded)} decisions, {len(differences)} different", err=True)
    if differences:
        raise typer.Exit(FAILED)


def told(difference: Difference) -> str:
    """Return a decision that is made differently now, in one line."""
    before, now = difference.recorded, difference.replayed
    return (
        f"line {difference.line}: recorded {before.wanted} for {before.binding}, decided {now.wanted} for "
        f"{now.binding}: {now.message}"
    )


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
