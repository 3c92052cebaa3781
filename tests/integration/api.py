"""How integration tests talk to the API server, and what they read from its audit log.

Owns waiting: everything is polled with a deadline, and a miss says what was there instead.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from localcluster import controlplane, processes
from localcluster.kubectl import Kubectl

T = TypeVar("T")
Object = dict[str, Any]
WRITES = ("create", "update", "patch", "delete", "deletecollection")
VERSIONS = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "LLMService": "serving.tidegate.dev/v1alpha1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "LLMTenant": "serving.tidegate.dev/v1alpha1",
    "LLMModel": "serving.tidegate.dev/v1alpha1",
    "Job": "batch/v1",
    "Lease": "coordination.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Event": "events.k8s.io/v1",
}


def eventually(check: Callable[[], T], seconds: float = 30.0, why: Callable[[], object] | None = None) -> T:
    """Return the first truthy answer; an assertion that fails counts as not yet."""
    limit = time.monotonic() + seconds
    while True:
        try:
            answer: object = check()
            if answer:
                return answer  # type: ignore[return-value]
        except (AssertionError, KeyError, IndexError, TypeError) as miss:
            answer = repr(miss)
        if time.monotonic() > limit:
            told = f"\n{why()}" if why else ""
            raise AssertionError(f"not within {seconds:g} s; last: {answer!r}{told}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Write:
    """One write request as the audit log has it."""

    verb: str
    resource: str
    name: str
    code: int


class Api:
    """A cluster administrator's view."""

    def __init__(self, plane: controlplane.Handle, discovery: Path) -> None:
        self.plane = plane
        self.kubectl = Kubectl(plane.kubeconfig)
        client = new_client_from_config(str(plane.kubeconfig))
        self._client = DynamicClient(client, cache_file=str(discovery))

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        try:
            return self._resource(kind).get(name=name, namespace=namespace).to_dict()
        except NotFoundError:
            return None

    def list(self, kind: str, namespace: str, selector: str | None = None) -> list[Object]:
        found = self._resource(kind).get(namespace=namespace, label_selector=selector)
        return found.to_dict()["items"]

    def create(self, manifest: Object, namespace: str | None = None) -> Object:
        kind = self._client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        return kind.create(body=manifest, namespace=namespace).to_dict()

    def patch(self, kind: str, namespace: str, name: str, patch: Object) -> Object:
        return self._patch(self._resource(kind), namespace, name, patch)

    def patch_status(self, kind: str, namespace: str, name: str, patch: Object) -> Object:
        return self._patch(self._resource(kind).status, namespace, name, {"status": patch})

    def apply_status(self, manifest: Object, manager: str) -> Object:
        """Apply a status server-side, with force."""
        metadata = manifest["metadata"]
        return (
            self._resource(manifest["kind"])
            .status.server_side_apply(
                body=manifest,
                name=metadata["name"],
                namespace=metadata["namespace"],
                field_manager=manager,
                force_conflicts=True,
            )
            .to_dict()
        )

    def token(self, namespace: str, account: str) -> str:
        """Return a token of a ServiceAccount."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        made = self._resource("ServiceAccount").token.create(request, name=account, namespace=namespace)
        return str(made.to_dict()["status"]["token"])

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        self._resource(kind).delete(name=name, namespace=namespace)

    def writes(self, namespace: str, agent: str, since: int = 0) -> list[Write]:
        """Return the writes of a user agent in a namespace, from an offset of the audit log."""
        with self.plane.audit_log.open("rb") as log:
            log.seek(since)
            events = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [
            Write(event["verb"], _resource_of(event), event["objectRef"].get("name", ""), _code_of(event))
            for event in events
            if event["verb"] in WRITES
            and event.get("userAgent", "").startswith(agent)
            and event["objectRef"].get("namespace") == namespace
        ]

    def now(self) -> int:
        """Return the present end of the audit log."""
        return self.plane.audit_log.stat().st_size

    def restart_apiserver(self) -> None:
        """Kill it as a crash would, and start it again on the same port."""
        kubeconfig = json.loads(self.plane.kubeconfig.read_text())
        port = int(kubeconfig["clusters"][0]["cluster"]["server"].rsplit(":", 1)[1])
        processes.stop(self.plane.home / "run" / "kube-apiserver.pid", grace=0)
        launcher = ("setpriv", "--pdeathsig", "KILL")
        controlplane.launch(
            controlplane.Spec(self.plane.home, port=port, controllers=True, launcher=launcher)
        )

    def _resource(self, kind: str) -> Any:
        return self._client.resources.get(api_version=VERSIONS.get(kind, "v1"), kind=kind)

    @staticmethod
    def _patch(resource: Any, namespace: str, name: str, patch: Object) -> Object:
        merge = "application/merge-patch+json"
        return resource.patch(body=patch, name=name, namespace=namespace, content_type=merge).to_dict()


def _resource_of(event: Object) -> str:
    reference = event["objectRef"]
    sub = reference.get("subresource")
    return f"{reference['resource']}/{sub}" if sub else reference["resource"]


def _code_of(event: Object) -> int:
    return int(event.get("responseStatus", {}).get("code", 0))


__all__ = ["Api", "ApiException", "Object", "Write", "eventually"]
