"""A request is one trace in a real Jaeger: the client's span, the gateway's below it, the engine's below that."""

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from e2e.cluster import Json, eventually, kubectl, port_forward
from e2e.conftest import SERVICE, SYSTEM, Caller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MONITORING = "monitoring"


@pytest.fixture(scope="module")
def jaeger() -> Iterator[str]:
    """The address where Jaeger is asked."""
    with port_forward(MONITORING, "service/jaeger", 16686) as url:
        yield url


def spans(jaeger: str, trace: str) -> dict[str, Json]:
    """Return the spans of a trace by the service that sent them, none while there are none."""
    try:
        with urllib.request.urlopen(f"{jaeger}/api/traces/{trace}", timeout=10) as answer:
            [found] = json.load(answer)["data"]
    except urllib.error.HTTPError:
        return {}
    return {found["processes"][span["processID"]]["serviceName"]: span for span in found["spans"]}


def parent(span: Json) -> str:
    """Return the span that one is a child of."""
    [found] = [one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"]
    return str(found)


def ask(caller: Caller, trace: str, client: str) -> None:
    """Ask for three tokens, as a client that is traced itself."""
    caller.client().completions.create(
        model=SERVICE, prompt="Once", max_tokens=3, extra_headers={"traceparent": f"00-{trace}-{client}-01"}
    )


def traced(caller: Caller, jaeger: str) -> tuple[str, dict[str, Json]] | None:
    """Return the client's span and the others of a new trace, None if the engine's is not among them soon."""
    trace, client = secrets.token_hex(16), secrets.token_hex(8)
    ask(caller, trace, client)
    for _ in range(20):
        found = spans(jaeger, trace)
        if {"tidegate-gateway", "tidegate-worker"} <= found.keys():
            return client, found
        time.sleep(0.5)
    return None


def test_client_gateway_and_engine_are_one_trace(caller: Caller, jaeger: str) -> None:
    """Asked again while workers of before are being replaced: those tell nothing."""
    client, found = eventually(lambda: traced(caller, jaeger), "a trace in Jaeger has the engine's span", 300)
    gateway, worker = found["tidegate-gateway"], found["tidegate-worker"]
    assert parent(gateway) == client
    assert parent(worker) == gateway["spanID"]
    told = {tag["key"]: tag["value"] for tag in gateway["tags"]}
    assert (told["tidegate.service"], told["tidegate.qos_class"]) == (SERVICE, "high")


def test_requests_are_answered_while_jaeger_is_away(caller: Caller, jaeger: str) -> None:
    """Last of this module."""
    kubectl("scale", "deployment/jaeger", "-n", MONITORING, "--replicas=0")
    try:
        for _ in range(5):
            ask(caller, secrets.token_hex(16), secrets.token_hex(8))
        gateways = kubectl(
            "get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=gateway", "-o", "json"
        )
        assert [
            one["status"]["containerStatuses"][0]["restartCount"] for one in json.loads(gateways)["items"]
        ] == [0]
    finally:
        kubectl("scale", "deployment/jaeger", "-n", MONITORING, "--replicas=1")
        kubectl("rollout", "status", "deployment/jaeger", "-n", MONITORING, "--timeout=120s")
