"""LLMTenants in the cluster of the user's kubeconfig: read one, change one without losing another's edit.

Owns the Kubernetes calls of `tidegate keys`. Must not know what a change means, nor show a traceback: what
the API server says reaches the user as one sentence.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import typer
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from tidegate_api.names import GROUP, TENANT_KIND, TENANTS_PLURAL, VERSION

Tenant = dict[str, Any]
ATTEMPTS = 5


class ClusterSays(typer.Exit):
    """The cluster refused or could not be reached; the reason is on standard error."""

    def __init__(self, message: str) -> None:
        typer.echo(f"Error: {message}", err=True)
        super().__init__(code=1)


@dataclass(frozen=True, slots=True)
class Tenants:
    """The LLMTenants of one namespace."""

    api: Any
    namespace: str

    def read(self, name: str) -> Tenant:
        """Return the tenant; says so and exits with 1 when it is not there."""
        found = self._get(name)
        if found is None:
            raise ClusterSays(f"there is no LLMTenant {name!r} in namespace {self.namespace!r}")
        return found

    def change(self, name: str, edit: Callable[[Tenant | None], Tenant]) -> None:
        """Write what `edit` makes of the tenant; on a concurrent change, read and edit again."""
        for _ in range(ATTEMPTS):
            found = self._get(name)
            with spoken():
                try:
                    self._put(name, found, edit(found))
                    return
                except client.ApiException as error:
                    if error.status != 409:
                        raise
        raise ClusterSays(f"LLMTenant {name!r} kept changing while it was edited: try again")

    def _get(self, name: str) -> Tenant | None:
        with spoken():
            try:
                found: Tenant = self.api.get_namespaced_custom_object(
                    GROUP, VERSION, self.namespace, TENANTS_PLURAL, name
                )
                return found
            except client.ApiException as error:
                if error.status == 404 and "page not found" not in str(error.body):
                    return None
                raise

    def _put(self, name: str, found: Tenant | None, wanted: Tenant) -> None:
        where = (GROUP, VERSION, self.namespace, TENANTS_PLURAL)
        if found is None:
            self.api.create_namespaced_custom_object(*where, wanted)
        else:
            self.api.replace_namespaced_custom_object(*where, name, wanted)


def connect(namespace: str | None) -> Tenants:
    """Return the tenants of `namespace`, or of the kubeconfig's own namespace, or of `default`."""
    chosen = use_kubeconfig(namespace)
    return Tenants(client.CustomObjectsApi(), chosen)


def use_kubeconfig(namespace: str | None) -> str:
    """Read the user's kubeconfig; return `namespace`, or the one that it names, or `default`."""
    try:
        _, context = config.list_kube_config_contexts()
        config.load_kube_config()
    except config.ConfigException as error:
        raise ClusterSays(
            f"no usable kubeconfig ({error}): set KUBECONFIG or --namespace of a cluster"
        ) from error
    return str(namespace or (context.get("context") or {}).get("namespace") or "default")


@contextlib.contextmanager
def spoken(kind: str = TENANT_KIND) -> Iterator[None]:
    """Turn what the API server or the network answered about a kind into one sentence and exit code 1."""
    try:
        yield
    except client.ApiException as error:
        if error.status == 404:
            raise ClusterSays(f"this cluster does not know {kind}: install the chart first") from error
        raise ClusterSays(f"the API server refused ({error.status} {error.reason}): {error.body}") from error
    except HTTPError as error:
        raise ClusterSays(f"the API server did not answer: {error}") from error
