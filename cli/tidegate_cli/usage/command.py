"""`tidegate usage`: who has used how much.

Owns the command. Must not count anything: it tells what the operator has summed up in each tenant's status.
"""

from typing import Annotated

import typer

from tidegate_api.names import API_VERSION, TENANTS_PLURAL
from tidegate_cli.shell.options import AllNamespaces, Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.target import connect
from tidegate_cli.shell.telling import told
from tidegate_cli.usage.rows import Price, table, used

_PRICE = "Price"


@on_cluster
def usage(
    *,
    prompt_price: Annotated[
        float | None,
        typer.Option(min=0, help="What a million tokens of prompts cost.", rich_help_panel=_PRICE),
    ] = None,
    completion_price: Annotated[
        float | None,
        typer.Option(min=0, help="What a million tokens of answers cost.", rich_help_panel=_PRICE),
    ] = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: Output = Format.TEXT,
) -> None:
    """Say what each tenant has used: requests and tokens, and their cost at a price.

    Tokens are those that engines counted, since the moment in the last column. With a price the cost is tokens times
    price, in the currency that you mean. Engines compute the requests of many tenants in one batch, so there are no
    hours of a GPU that are a tenant's own; for those give a tenant an LLMService of its own.
    """
    price = None
    if prompt_price is not None or completion_price is not None:
        price = Price(prompt_price or 0.0, completion_price or 0.0)
    with told():
        kube = connect(namespace)
        where = "" if all_namespaces else f"/namespaces/{kube.namespace}"
        rows = used(kube.items(f"/apis/{API_VERSION}{where}/{TENANTS_PLURAL}"), price)
    if output is Format.JSON:
        print_json(rows)
    elif rows:
        print_lines(table(rows, everywhere=all_namespaces, priced=price is not None))
    else:
        place = "any namespace" if all_namespaces else f"namespace {kube.namespace}"
        typer.echo(f"There is no LLMTenant in {place}. `tidegate keys create` makes one.", err=True)
