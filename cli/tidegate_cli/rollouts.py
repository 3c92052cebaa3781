"""`tidegate rollouts`: how far a new version of a service is, and a person's word on it, with that person's own rights.

Owns the commands and their words. Must not bring anything about: the operator does, once it is told.
"""

import typer

from tidegate_api.names import ROLLOUT_ANNOTATION, SERVICE_KIND
from tidegate_cli.namespaces import connect
from tidegate_cli.rolloutwords import lines, undecided
from tidegate_cli.shell.failing import Failed
from tidegate_cli.shell.options import Namespace, ServiceName, on_cluster
from tidegate_cli.shell.output import Format, Output, example, print_done, print_json, print_lines
from tidegate_cli.shell.telling import told

app = typer.Typer(help="Versions of a service's workers: see, promote, abort.", no_args_is_help=True)


@app.command(epilog=example("tidegate rollouts status chat"))
@on_cluster
def status(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Say which versions there are, how far a new one has come, and what is thought of it."""
    with told():
        found = connect(namespace).read(SERVICE_KIND, name)
    if output is Format.JSON:
        print_json((found.get("status") or {}).get("rollout") or {})
    else:
        print_lines(lines(found))


@app.command(epilog=example("tidegate rollouts promote chat"))
@on_cluster
def promote(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Let all workers become of the version that is being tried, whatever is thought of it."""
    revision = _say("promote", name, namespace)
    sentence = f"Version {revision} of LLMService {name} is promoted: tidegate rollouts status {name}"
    print_done(output, sentence, {"name": name, "revision": revision, "word": "promote"})


@app.command(epilog=example("tidegate rollouts abort chat"))
@on_cluster
def abort(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Take the version back that is being tried; it is not tried again until the spec changes."""
    revision = _say("abort", name, namespace)
    sentence = f"Version {revision} of LLMService {name} is taken back."
    print_done(output, sentence, {"name": name, "revision": revision, "word": "abort"})


def _say(what: str, name: str, namespace: str | None) -> str:
    """Tell the operator about the version that is tried now, and no later one; return its name."""
    cluster = connect(namespace)
    with told():
        revision = undecided(cluster.read(SERVICE_KIND, name))
        if revision is None:
            raise Failed(f"LLMService {name!r} tries no version: there is nothing to {what}")
        word = {ROLLOUT_ANNOTATION: f"{what}:{revision}"}
        cluster.merge(SERVICE_KIND, name, {"metadata": {"annotations": word}})
    return revision
