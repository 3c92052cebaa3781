"""How a Prometheus finds operator and gateway: by annotations of their Pods, or by PodMonitors, never by both."""

from collections.abc import Callable, Iterator

import pytest
import yaml

from chart.rendering import CHART, RELEASE, Rendered, helm
from tidegate_api.names import ADMIN_PORT

ASKED_FOR = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(ADMIN_PORT),
    "prometheus.io/path": "/metrics",
}


def annotations(rendered: Rendered) -> Iterator[dict[str, str]]:
    """Yield the annotations of the Pods of operator and gateway."""
    for part in ("-operator", "-gateway"):
        yield rendered.one("Deployment", part)["spec"]["template"]["metadata"].get("annotations", {})


def test_pods_ask_to_be_scraped_unless_a_monitor_does(rendered: Rendered) -> None:
    monitored = bool(rendered.all("PodMonitor"))
    for found in annotations(rendered):
        assert (found.items() >= ASKED_FOR.items()) is not monitored
        assert any(name.startswith("prometheus.io/") for name in found) is not monitored


def test_annotations_of_ones_own_stand_beside_it(chart: Callable[[str], Rendered]) -> None:
    for found in annotations(chart("everything that places Pods")):
        assert found.items() >= {**ASKED_FOR, "example.com/note": "yes"}.items()


def test_numbers_about_a_namespace_keep_its_name(chart: Callable[[str], Rendered]) -> None:
    """Else `namespace` is that of the Pod that tells them, and a query for a service finds nothing."""
    [endpoint] = chart("watched by Prometheus").one("PodMonitor", "-parts")["spec"]["podMetricsEndpoints"]
    assert endpoint["honorLabels"] is True


@pytest.mark.parametrize("part", ["operator", "gateway"])
def test_an_annotation_of_ones_own_wins(part: str) -> None:
    """A name that stands twice would be no YAML at all."""
    values = {part: {"podAnnotations": {"prometheus.io/scrape": "false"}}}
    path = f"templates/{part}/deployment.yaml"
    [made] = yaml.safe_load_all(helm("template", RELEASE, str(CHART), "-s", path, values=values))
    assert made["spec"]["template"]["metadata"]["annotations"]["prometheus.io/scrape"] == "false"


def test_monitors_asked_for_in_a_cluster_without_the_kind_leave_the_annotations() -> None:
    values = {"podMonitors": {"enabled": True}}
    path = "templates/gateway/deployment.yaml"
    [made] = yaml.safe_load_all(helm("template", RELEASE, str(CHART), "-s", path, values=values))
    assert made["spec"]["template"]["metadata"]["annotations"] == ASKED_FOR
