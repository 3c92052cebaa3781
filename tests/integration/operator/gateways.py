"""Gateways as the operator sees them: Pods with the chart's labels, and JSON on a real socket.

Owns the stand-ins. What they say is up to the test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from integration.api import Api, Object, eventually
from integration.operator.rig import now

LABELS = {
    "app.kubernetes.io/name": "tidegate",
    "app.kubernetes.io/instance": "tidegate",
    "app.kubernetes.io/component": "gateway",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, port: int, gateway: Gateway) -> None:
        super().__init__((address, port), _Answer)
        self.gateway = gateway


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        gateway = self.server.gateway
        gateway.asked.append(self.path)
        self.send_response(gateway.code)
        self.end_headers()
        self.wfile.write(json.dumps(gateway.state()).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Gateway:
    """One gateway: `tenants` by name to (requests, prompt tokens, completion tokens), `pools` as they are said."""

    namespace: str
    uid: str
    boot: int = 1
    code: int = 200
    tenants: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    pools: list[Object] = field(default_factory=list)
    workers: list[Object] | None = None
    services: list[Object] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def instance(self) -> str:
        return f"{self.uid}-{self.boot}"

    def state(self) -> Object:
        fields = ("requests", "promptTokens", "completionTokens")
        return {
            "instance": self.instance,
            "tenants": [
                {"namespace": self.namespace, "name": name, **dict(zip(fields, counted, strict=True))}
                for name, counted in self.tenants.items()
            ],
            "pools": self.pools,
            **({} if self.workers is None else {"workers": self.workers}),
            "services": self.services,
        }

    def starts_anew(self) -> None:
        """Another process in the same Pod: it has counted nothing."""
        self.boot += 1
        self.tenants = {}


@contextmanager
def gateway(api: Api, namespace: str, name: str, address: str, port: int) -> Iterator[Gateway]:
    """A gateway Pod in a namespace, with a process that answers at this address."""
    # No Pod is admitted before its account is there, which the controllers make for each namespace.
    eventually(lambda: api.get("ServiceAccount", namespace, "default"))
    made = api.create(_pod(name), namespace)
    one = Gateway(namespace, made["metadata"]["uid"])
    says_ready(api, namespace, name, address)
    with _Server(address, port, one) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        server.shutdown()
        thread.join()


def says_ready(api: Api, namespace: str, name: str, address: str) -> None:
    """Say what a kubelet would say of a gateway that takes requests."""
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now()} for kind in ("Ready", "PodScheduled")
    ]
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions}
    api.patch_status("Pod", namespace, name, status)


def pool(namespace: str, service: str, name: str, **classes: Mapping[str, object]) -> Object:
    """Return what a gateway says of a pool; classes by name."""
    return {
        "namespace": namespace,
        "service": service,
        "pool": name,
        "creditsUsed": 120.4,
        "creditsLimit": 4096,
        "classes": [
            {"name": one, "queued": 0, "running": 0, "sharePercent": None, **said}
            for one, said in classes.items()
        ],
    }


def _pod(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": LABELS},
        # No scheduler speaks of it.
        "spec": {"schedulerName": "nobody", "containers": [{"name": "gateway", "image": "x"}]},
    }
