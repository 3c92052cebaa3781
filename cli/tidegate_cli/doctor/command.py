"""`tidegate doctor`: check the cluster and the installation, each with the fix.

Owns the command, its layout and exit codes. Must not change anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from tidegate_cli.doctor import installation, surroundings, user, watching
from tidegate_cli.doctor.facts import Facts
from tidegate_cli.doctor.finding import Finding
from tidegate_cli.doctor.gather import gather
from tidegate_cli.shell.failing import FAILED
from tidegate_cli.shell.options import Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.target import connect
from tidegate_cli.shell.telling import told


@on_cluster
def doctor(namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Check the cluster and the installation, each with the fix.

    Looked at: Kubernetes and its image volumes, the custom resources and all versions, operator, Lease and gateway,
    accelerators, the cache for models, Prometheus as the operator reaches it, PodMonitors and whether a Prometheus
    selects them, your rights, and the services of the namespace. What you may not look at is a warning.

    Exits with 1 if a check fails; warnings do not count.
    """
    with told():
        found = list(findings(gather(connect(namespace)), datetime.now(UTC)))
    if output is Format.JSON:
        print_json([asdict(one) for one in found])
    else:
        print_lines(lines(found))
    if any(one.verdict == "fail" for one in found):
        raise typer.Exit(FAILED)


def findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    """Yield what every check has found."""
    for check in installation.ALL:
        yield from check(facts)
    yield from installation.leader(facts, now)
    for check in (*surroundings.ALL, *watching.ALL):
        yield from check(facts)
    yield from user.rights(facts)
    yield from user.services(facts)


def lines(found: Sequence[Finding]) -> Iterator[str]:
    """Yield each finding, and below it what to do."""
    width = max(len(one.check) for one in found)
    for one in found:
        yield f"{one.verdict:<4}  {one.check:<{width}}  {one.message}"
        if one.fix:
            yield f"{'':<4}  {'':<{width}}  fix: {one.fix}"
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("ok", "warn", "fail")}
    yield f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} failed"
