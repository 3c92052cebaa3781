"""The KEDA of the autoscaling benchmark beside the real one: both are told one number for five minutes.

Only the law is under test: the workers are programs that do nothing, and the number is this test's own.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from e2e.cluster import Json, Namespace, eventually, holds, kubectl
from e2e.scaled import watching
from e2e_keda.keda import has_metric, scaled_object
from localcluster.node import pause_image
from tidegate_bench.autoscaling.policies.hpa import SYNC_SECONDS, Behavior
from tidegate_bench.autoscaling.policies.keda import Keda
from tidegate_bench.autoscaling.policies.policy import Limits, Observation, PodView
from tidegate_bench.autoscaling.pool import Scrape

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NAME = "idle"
PER_REPLICA = 5
MOST = 12
# The default of 300 s would show no way down in these five minutes.
DOWN_SECONDS = 45
SECONDS = 300
# Requests that wait, from each second on.
SERIES = ((0, 0.0), (20, 12.0), (60, 31.0), (105, 55.0), (165, 22.0), (210, 9.0), (255, 3.0))
AGREEMENT = 0.9


def value_at(second: float) -> float:
    """Return the number at a second of the series; before it nothing waits."""
    return next((value for begin, value in reversed(SERIES) if second >= begin), 0.0)


def simulated(phase: float) -> list[int]:
    """Return the replicas that the simulated KEDA asks for in each second, if its HPA looks at this one first."""
    law = Keda(PER_REPLICA, Limits(1, MOST), behavior=Behavior(down_window_seconds=DOWN_SECONDS))
    desired, seconds = 1, []
    for second in range(SECONDS):
        if (second - phase) % SYNC_SECONDS == 0:
            # All that waits is one Pod's: KEDA knows but the sum.
            waits = [value_at(second), *[0.0] * (desired - 1)]
            pods = tuple(pod(f"p{number}", second, waiting) for number, waiting in enumerate(waits))
            desired = law.decide(Observation(float(second), desired, pods, None))
        seconds.append(desired)
    return seconds


def pod(name: str, second: int, waiting: float) -> PodView:
    """Return a Pod of which Prometheus has just read how many wait."""
    seen = Scrape(float(second), int(waiting), 0, 0.0, 0, 0, 0, 0, 0, 0.0, 0)
    return PodView(name, ready=True, draining=False, created=0.0, scrapes=[seen])


def workers() -> Json:
    """Return a Deployment of a program that waits for its end."""
    labels = {"app": NAME}
    container = {
        "name": "pause",
        "image": pause_image(),
        "imagePullPolicy": "Never",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"securityContext": security, "containers": [container], "terminationGracePeriodSeconds": 0}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


@contextmanager
def answering(value: Callable[[], float]) -> Iterator[str]:
    """Answer any query as Prometheus does, with this number, at an address that Pods can reach."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            result = [{"metric": {}, "value": [time.time(), str(value())]}]
            body = {"status": "success", "data": {"resultType": "vector", "result": result}}
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((own_address(), 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def own_address() -> str:
    """Return this machine's address as the cluster's node sees it."""
    path = "jsonpath={.clusters[0].cluster.server}"
    server = urlsplit(kubectl("config", "view", "--minify", "-o", path))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((server.hostname or "", server.port or 443))
        return str(probe.getsockname()[0])


def test_the_simulated_keda_asks_for_what_the_real_one_does(namespace: Namespace) -> None:
    began: list[float] = []
    with answering(lambda: value_at(time.monotonic() - began[0]) if began else 0.0) as server:
        asked = scaled_object(
            NAME, NAME, server, "waiting", per_replica=PER_REPLICA, most=MOST, down_seconds=DOWN_SECONDS
        )
        namespace.apply(workers(), asked)
        eventually(lambda: holds(namespace.get("scaledobject", NAME), "Ready"), "KEDA took it")
        eventually(lambda: has_metric(namespace, NAME), "the HPA controller has the number", 120)
        with watching(namespace.name, "deployment", "{.spec.replicas}", NAME) as seen:
            began.append(time.monotonic())
            time.sleep(SECONDS)
    real = [int(seen.last_before(began[0] + second + 0.5)) for second in range(SECONDS)]
    agreed, phase = max((agreement(real, simulated(phase)), phase) for phase in range(int(SYNC_SECONDS)))
    print(
        f"\nof {SECONDS} s the simulated and the real KEDA ask for the same in {agreed:.1%} (phase {phase} s)"
    )
    print(f"real {changes(real)}\nsimulated {changes(simulated(phase))}")
    assert agreed >= AGREEMENT


def agreement(real: list[int], told: list[int]) -> float:
    """Return the share of seconds in which both are the same."""
    return sum(one == other for one, other in zip(real, told, strict=True)) / len(real)


def changes(replicas: list[int]) -> list[tuple[int, int]]:
    """Return each change as its second and the replicas from then on."""
    before = [0, *replicas]
    return [(second, now) for second, now in enumerate(replicas) if now != before[second]]
