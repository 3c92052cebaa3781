"""What `tidegate top` asks: the gateways' pages of metrics, through the API server, and the services' status.

Owns the calls. Must not compute: figures are `tidegate_live`'s. What could not be asked is said in the sample.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate_api.names import ADMIN_PORT
from tidegate_cli.shell.kube import Json, Kube
from tidegate_cli.status.gather import services
from tidegate_cli.status.scene import is_ready
from tidegate_cli.talk.way import SELECTOR
from tidegate_live import Live, Window, live
from tidegate_models.errors import ModelsError


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything at one moment."""

    services: Sequence[Json]
    live: Live


@dataclass(slots=True)
class Sampler:
    """Asks again and again; keeps what gateways told in the last minute."""

    kube: Kube
    gateway_namespace: str | None
    everywhere: bool
    now: Callable[[], float] = time.monotonic
    window: Window = field(default_factory=Window)

    def sample(self) -> Sample:
        """Return what there is now; raises ModelsError where not even the services can be listed."""
        found = services(self.kube, everywhere=self.everywhere)
        missing = self._read_gateways()
        return Sample(found, live(self.window, self.now(), missing))

    def _read_gateways(self) -> str | None:
        """Read every gateway's page into the window; return what is missing, and why."""
        where = (
            f"/api/v1/namespaces/{self.gateway_namespace}/pods" if self.gateway_namespace else "/api/v1/pods"
        )
        try:
            pods = [one for one in self.kube.items(where, labelSelector=SELECTOR) if is_ready(one)]
        except ModelsError as error:
            return f"gateways cannot be looked for: {error.what}; --gateway-namespace names theirs"
        if not pods:
            return "no Pod of the gateway is Ready where you may look"
        self.window = self.window.only([_name(one) for one in pods])
        problems = [problem for one in pods if (problem := self._read(one))]
        return problems[0] if problems else None

    def _read(self, pod: Any) -> str | None:
        metadata = pod["metadata"]
        path = (
            f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}:{ADMIN_PORT}/proxy/metrics"
        )
        try:
            self.window = self.window.with_page(_name(pod), self.now(), self.kube.text(path))
        except ModelsError as error:
            return f"gateway {_name(pod)} does not tell its metrics: {error.what}"
        except ValueError as error:
            return f"gateway {_name(pod)} tells no metrics that can be read: {error}"
        return None


def _name(pod: Any) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
