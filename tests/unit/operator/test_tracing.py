"""Where workers send their part of a request's trace, and that they send nothing unless they are told to."""

from typing import Any

import pytest

from objects import observed, service
from tidegate_api.settings import Settings
from tidegate_operator.build.networkpolicy import networkpolicy
from tidegate_operator.desired import Service
from tidegate_operator.resolve import resolve

FLAG = "--otlp-traces-endpoint"


def resolved(endpoint: str, **spec: Any) -> Service:
    """Return a service as resolved with a collector at that address, closed by a NetworkPolicy."""
    given = {
        "resourceProfiles": {"cpu": {"accelerator": "cpu"}},
        "networkPolicy": {"enabled": True},
        "tracing": {"endpoint": endpoint},
    }
    return resolve(observed(service(**spec)), Settings.model_validate(given))


@pytest.mark.parametrize("endpoint", ["http://collector:4318", "http://collector:4318/"])
def test_an_engine_is_told_the_whole_address_and_to_speak_http_to_it(endpoint: str) -> None:
    found = resolved(endpoint)
    assert found.engine_args[found.engine_args.index(FLAG) + 1] == "http://collector:4318/v1/traces"
    assert found.env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"
    assert found.env["OTEL_RESOURCE_ATTRIBUTES"] == "service.namespace=team-a,tidegate.service=chat"


def test_without_a_collector_nothing_of_it_is_said() -> None:
    found = resolved("")
    assert FLAG not in found.engine_args
    assert not [name for name in found.env if name.startswith("OTEL_")]


def test_a_user_may_send_them_elsewhere() -> None:
    elsewhere = {
        "args": [f"{FLAG}=http://mine:4318/v1/traces"],
        "env": [{"name": "OTEL_SERVICE_NAME", "value": "x"}],
    }
    found = resolved("http://collector:4318", engine=elsewhere)
    assert [word for word in found.engine_args if word.startswith(FLAG)][-1] == elsewhere["args"][0]
    assert found.env["OTEL_SERVICE_NAME"] == "x"


def test_another_engine_is_told_nothing() -> None:
    found = resolved("http://collector:4318", engine={"type": "Custom", "image": "other:1", "port": 8080})
    assert FLAG not in found.engine_args


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector.monitoring.svc:4318", 4318),
        ("https://collector.example.com:4318/otlp", 4318),
        ("http://collector", 80),
        ("https://collector.example.com/otlp", 443),
        ("http://[fd00::1]:4318", 4318),
        ("http://[fd00::1]", 80),
    ],
)
def test_a_closed_worker_reaches_its_collector(endpoint: str, port: int) -> None:
    way = {"ports": [{"port": port, "protocol": "TCP"}]}
    found, closed = networkpolicy(resolved(endpoint)), networkpolicy(resolved(""))
    assert found is not None
    assert closed is not None
    assert [one for one in found["spec"]["egress"] if one not in closed["spec"]["egress"]] == [way]
