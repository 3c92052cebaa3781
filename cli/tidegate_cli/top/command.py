"""`tidegate top`: what services are doing, as it happens.

Owns the command. Must not change anything.
"""

import sys
import time
from enum import StrEnum
from typing import Annotated

import typer

from tidegate_cli.shell.options import AllNamespaces, GatewayNamespace, Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.target import connect
from tidegate_cli.shell.telling import told
from tidegate_cli.top.rows import as_json, table
from tidegate_cli.top.sampling import Sampler


class Sort(StrEnum):
    """By what services can be ordered: those of `rows.SORTS`."""

    NAME = "name"
    QUEUED = "queued"
    RUNNING = "running"
    KV = "kv"
    TTFT = "ttft"
    TOKENS = "tokens"


@on_cluster
def top(
    *,
    sort: Annotated[Sort, typer.Option(help="By what services are ordered at first.")] = Sort.NAME,
    interval: Annotated[float, typer.Option(min=0.5, max=60, help="Seconds between two looks.")] = 2.0,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    gateway_namespace: GatewayNamespace = None,
    output: Output = Format.TEXT,
) -> None:
    """Show what services are doing, as it happens.

    For each service: who waits in each class, what runs, the engines' batches and KV caches, the time to the first
    token (median and 90th percentile), tokens and requests a second over the last minute, workers, and the last
    decision about their number. All of it is what gateways measure; a dash is what nobody has told. On a terminal keys
    order and choose; elsewhere, or with `-o json`, it is printed once, after two looks.

    It takes the right to `get` the `pods/proxy` of the gateway.
    """
    with told():
        sampler = Sampler(connect(namespace), gateway_namespace, all_namespaces)
        sample = sampler.sample()
        if output is Format.TEXT and sys.stdout.isatty() and sys.stdin.isatty():
            from tidegate_cli.top.screen import Top  # noqa: PLC0415 - it takes a while, and only a terminal needs it

            Top(sampler.sample, interval, sort.value).run()
            return
        if sample.live.gateways:
            # A rate takes two looks.
            time.sleep(interval)
            sample = sampler.sample()
    if output is Format.JSON:
        print_json(as_json(sample))
    else:
        print_lines(table(sample, sort.value))
