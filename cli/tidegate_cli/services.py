"""LLMServices in the cluster of the user's kubeconfig, and what its operator has recorded of them: read only.

Owns the Kubernetes calls of `tidegate scaling`. Must not know what a status or a record means.
"""

from dataclasses import dataclass
from typing import Any

from kubernetes import client

from tidegate_api.names import ADMIN_PORT, COMPONENT_LABEL, GROUP, SERVICE_KIND, SERVICES_PLURAL, VERSION
from tidegate_cli.shell.client import api_client
from tidegate_cli.shell.failing import Failed
from tidegate_cli.shell.target import use_cluster
from tidegate_cli.tenants import spoken
from tidegate_models.refusals import is_unknown_kind

Service = dict[str, Any]
OPERATOR_LABELS = f"app.kubernetes.io/name=tidegate,{COMPONENT_LABEL}=operator"


@dataclass(frozen=True, slots=True)
class Services:
    """The LLMServices of one namespace, and the Pods of the operator wherever they are."""

    objects: Any
    core: Any
    namespace: str

    def read(self, name: str) -> Service:
        """Return the service; says so and exits with 1 when it is not there."""
        with spoken(SERVICE_KIND, f"namespace {self.namespace}"):
            try:
                found: Service = self.objects.get_namespaced_custom_object(
                    GROUP, VERSION, self.namespace, SERVICES_PLURAL, name
                )
                return found
            except client.ApiException as error:
                if error.status != 404 or is_unknown_kind(error):
                    raise
        raise Failed(f"there is no {SERVICE_KIND} {name!r} in namespace {self.namespace!r}")

    def records(self, name: str, operator_namespace: str | None) -> str:
        """Return the operator's records about the service, one JSON object a line.

        Of two operators only the one that leads decides, and so has any; exits with 1 when none has.
        """
        pods = self._operators(operator_namespace)
        for pod in pods:
            if found := self._records(pod, name):
                return found
        if not pods:
            raise Failed(
                "no Pod of the operator is Ready where you may look: --operator-namespace names its namespace"
            )
        raise Failed(
            f"the operator has decided nothing about {self.namespace}/{name} yet: has it spec.scaling?"
        )

    def _operators(self, namespace: str | None) -> list[tuple[str, str]]:
        with spoken("Pod"):
            listed = (
                self.core.list_namespaced_pod(namespace, label_selector=OPERATOR_LABELS)
                if namespace
                else self.core.list_pod_for_all_namespaces(label_selector=OPERATOR_LABELS)
            )
        return [(pod.metadata.namespace, pod.metadata.name) for pod in listed.items if is_ready(pod)]

    def _records(self, pod: tuple[str, str], name: str) -> str:
        namespace, pod_name = pod
        with spoken("Pod"):
            try:
                # As it is: the client would take the first line for the whole answer's JSON.
                answer = self.core.connect_get_namespaced_pod_proxy_with_path(
                    f"{pod_name}:{ADMIN_PORT}",
                    namespace,
                    f"scaling/{self.namespace}/{name}",
                    _preload_content=False,
                )
                return str(answer.data.decode())
            except client.ApiException as error:
                if error.status == 404:
                    return ""
                raise


def connect(namespace: str | None) -> Services:
    """Return the services of `namespace`, or of the kubeconfig's own namespace, or of `default`."""
    chosen = use_cluster(namespace)
    connection = api_client()
    return Services(client.CustomObjectsApi(connection), client.CoreV1Api(connection), chosen)


def is_ready(pod: Any) -> bool:
    """Tell whether a Pod answers."""
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or ())
