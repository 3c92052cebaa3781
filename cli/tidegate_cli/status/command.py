"""`tidegate status`: how services are, and what they wait for.

Owns the command. Must not change anything.
"""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from tidegate_cli.shell.completion import service_names
from tidegate_cli.shell.options import AllNamespaces, Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.target import connect
from tidegate_cli.shell.telling import told
from tidegate_cli.status import gather
from tidegate_cli.status.lines import screen, table
from tidegate_cli.status.report import report
from tidegate_cli.status.scene import Scene

# Of each of many services: that takes four questions more.
_NOT_ASKED: Final = dict.fromkeys(("workers", "engines", "events"), "not asked: `tidegate status NAME` does")


@on_cluster
def status(
    name: Annotated[
        str | None, typer.Argument(help="Name of an LLMService. Default: all.", autocompletion=service_names)
    ] = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: Output = Format.TEXT,
) -> None:
    """Say how services are, and what they wait for.

    With a name, one screen: each condition with its reason and what to do, pools and workers, where the model really
    runs (device, number format, KV cache), adapters, the rollout, the last scaling decision, the last events. What your
    rights do not let you see is said. What an engine says takes the right to `get` `pods/log` and
    `pods/proxy`.
    """
    if name is not None and all_namespaces:
        raise typer.BadParameter("names one service: leave out -A, or the name", param_hint="NAME")
    with told():
        kube = connect(namespace)
        if name is not None:
            found = report(gather.scene(kube, name))
            print_json(found) if output is Format.JSON else print_lines(screen(found, datetime.now(UTC)))
            return
        services = gather.services(kube, everywhere=all_namespaces)
    if output is Format.JSON:
        print_json([report(Scene(one, missing=_NOT_ASKED)) for one in services])
    elif services:
        print_lines(table(services, datetime.now(UTC), everywhere=all_namespaces))
    else:
        where = "the cluster" if all_namespaces else f"namespace {kube.namespace}"
        typer.echo(f"No LLMServices in {where}: `tidegate deploy MODEL` makes one.", err=True)
