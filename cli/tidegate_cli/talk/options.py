"""What `chat` and `bench` are both told: which gateway, which key, which model.

Must not print the key, whatever happens.
"""

from typing import Annotated

import typer

from tidegate_api.names import SERVICE_KIND
from tidegate_cli.namespaces import connect as connect_models
from tidegate_cli.shell.completion import service_names
from tidegate_cli.shell.target import connect
from tidegate_cli.talk.way import Way, by_address, by_cluster
from tidegate_models.errors import Denied, Missing

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Name of an LLMService, or the `model` that clients send, such as that of an adapter.",
        autocompletion=service_names,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="Address of the gateway. Default: a port-forward to its Pod, with your rights."
    ),
]
Key = Annotated[
    str | None,
    typer.Option("--key", envvar="TIDEGATE_API_KEY", show_default=False, help="API key; never printed."),
]


def found(
    model: str, url: str | None, namespace: str | None, gateway_namespace: str | None
) -> tuple[Way, str]:
    """Return the way to the gateway, and the model as clients send it; raises ModelsError."""
    if url is not None:
        return by_address(url), model
    kube = connect(namespace)
    return by_cluster(kube, gateway_namespace), _as_sent(model, namespace)


def _as_sent(model: str, namespace: str | None) -> str:
    """Return the `model` of the LLMService of that name; any other name is one that clients send."""
    try:
        service = connect_models(namespace).find(SERVICE_KIND, model)
    except (Denied, Missing):
        return model
    return str(((service or {}).get("status") or {}).get("modelName") or model)
