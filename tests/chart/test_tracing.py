"""Where spans go is said once, and gateway and workers are told the same."""

from collections.abc import Callable

from chart.rendering import Rendered
from tidegate_api.settings import Settings

ENDPOINT = "https://collector.example.com:4318/otlp"


def test_gateway_and_workers_send_to_the_same_collector(chart: Callable[[str], Rendered]) -> None:
    made = chart("open to all, traced and closed")
    [container] = made.one("Deployment", "-gateway")["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("value") for one in container["env"]}
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == ENDPOINT
    assert (env["OTEL_TRACES_SAMPLER"], env["OTEL_TRACES_SAMPLER_ARG"]) == ("parentbased_traceidratio", "0.1")
    told = Settings.model_validate(made.settings()).tracing
    assert (told.endpoint, told.sample_ratio) == (ENDPOINT, 0.1)


def test_nothing_is_traced_unless_it_is_asked_for(chart: Callable[[str], Rendered]) -> None:
    made = chart("the defaults")
    [container] = made.one("Deployment", "-gateway")["spec"]["template"]["spec"]["containers"]
    assert not [one for one in container["env"] if one["name"].startswith("OTEL_")]
    assert Settings.model_validate(made.settings()).tracing.endpoint == ""
