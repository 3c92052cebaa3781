"""`tidegate services`: load, unload and renew an LLMService, with the user's own Kubernetes rights.

Owns the commands and their words. Must not scale anything: workers are the operator's.
"""

from datetime import UTC, datetime

import typer

import tidegate_models as core
from tidegate_api.names import RENEW_ANNOTATION, SERVICE_KIND
from tidegate_cli.namespaces import connect
from tidegate_cli.shell.options import Namespace, ServiceName, on_cluster
from tidegate_cli.shell.output import Format, Output, example, print_done
from tidegate_cli.shell.telling import told

app = typer.Typer(
    help="LLMServices: take their workers down, and up again, or make them anew.", no_args_is_help=True
)


@app.command(epilog=example("tidegate services load chat"))
@on_cluster
def load(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Let a service have workers again; its model comes from the cache, nothing is downloaded."""
    with told():
        cluster = connect(namespace)
        done = core.load(cluster, name)
    follow = f"LLMService {name} is loaded: tidegate status {name} -n {cluster.namespace}"
    sentence = follow if done.changed else f"LLMService {name} is not unloaded."
    print_done(output, sentence, core.as_json(done))


@app.command(epilog=example("tidegate services unload chat"))
@on_cluster
def unload(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Take a service's workers down; its address, its settings and its cached model stay."""
    with told():
        done = core.unload(connect(namespace), name)
    words = "is unloaded: its workers finish what they have" if done.changed else "is unloaded already"
    print_done(output, f"LLMService {name} {words}.", core.as_json(done))


@app.command(epilog=example("tidegate services renew chat"))
@on_cluster
def renew(name: ServiceName, namespace: Namespace = None, output: Output = Format.TEXT) -> None:
    """Make a service's workers anew, as the operator and its settings would now; or try once more what has failed.

    They are replaced as by any other rollout: no request is lost.
    """
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with told():
        cluster = connect(namespace)
        cluster.read(SERVICE_KIND, name)
        cluster.merge(SERVICE_KIND, name, {"metadata": {"annotations": {RENEW_ANNOTATION: moment}}})
    print_done(
        output,
        f"LLMService {name} is being renewed: tidegate rollouts status {name}",
        {"name": name, "renewedAt": moment},
    )
