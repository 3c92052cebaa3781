"""LLMTenants in the cluster of the user's kubeconfig: read one, change one without losing another's edit.

Owns the Kubernetes calls of `tidegate keys`. Must not know what a change means, nor show a traceback: what
the API server says reaches the user as one sentence.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from urllib3.exceptions import HTTPError

from tidegate_api.names import GROUP, TENANT_KIND, TENANTS_PLURAL, VERSION
from tidegate_cli.shell.client import api_client
from tidegate_cli.shell.failing import Failed
from tidegate_cli.shell.target import use_cluster
from tidegate_models.refusals import is_unknown_kind, refusal, unreached

Tenant = dict[str, Any]
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Tenants:
    """The LLMTenants of one namespace."""

    api: Any
    namespace: str

    def read(self, name: str) -> Tenant:
        """Return the tenant; says so and exits with 1 when it is not there."""
        found = self._get(name)
        if found is None:
            raise Failed(f"there is no LLMTenant {name!r} in namespace {self.namespace!r}")
        return found

    def change(self, name: str, edit: Callable[[Tenant | None], Tenant]) -> None:
        """Write what `edit` makes of the tenant; on a concurrent change, read and edit again."""
        for _ in range(ATTEMPTS):
            found = self._get(name)
            with spoken(where=f"namespace {self.namespace}"):
                try:
                    self._put(name, found, edit(found))
                    return
                except client.ApiException as error:
                    if error.status != 409:
                        raise
        raise Failed(f"LLMTenant {name!r} kept changing while it was edited: try again")

    def _get(self, name: str) -> Tenant | None:
        with spoken(where=f"namespace {self.namespace}"):
            try:
                found: Tenant = self.api.get_namespaced_custom_object(
                    GROUP, VERSION, self.namespace, TENANTS_PLURAL, name
                )
                return found
            except client.ApiException as error:
                if error.status == 404 and not is_unknown_kind(error):
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
    chosen = use_cluster(namespace)
    return Tenants(client.CustomObjectsApi(api_client()), chosen)


@contextlib.contextmanager
def spoken(kind: str = TENANT_KIND, where: str = "") -> Iterator[None]:
    """Turn what the API server or the network answered about a kind into one sentence and exit code 1."""
    try:
        yield
    except client.ApiException as error:
        raise Failed(str(refusal(error, where, kind))) from error
    except (HTTPError, OSError) as error:
        raise Failed(str(unreached(error, where))) from error
