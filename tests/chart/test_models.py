"""Where models of hubs are kept, as the chart's values say it: what reaches the operator, and what it may do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from chart.rendering import CHART, NAMESPACE, RELEASE, HelmRefused, Object, Rendered, helm
from tidegate_api.settings import Settings

MODELS = {
    "strategy": "HostPath",
    "hostPath": "/srv/models",
    "limit": "500Gi",
    "hubEndpoint": "https://hub.example.com",
    "offline": True,
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "storageClassName": "fast",
}


def settings(values: Object) -> Settings:
    """Return what the operator is told."""
    objects = yaml.safe_load_all(
        helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, values=values)
    )
    told = next(
        one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("-operator")
    )
    return Settings.model_validate(yaml.safe_load(told["data"]["settings.yaml"]))


def test_values_reach_the_settings() -> None:
    models = settings({"models": MODELS}).models
    said = models.model_dump(by_alias=True, exclude_unset=True)
    assert MODELS.items() <= said.items()
    assert models.claim_name == "tidegate-models"


def test_the_loader_comes_from_the_mirror(chart: Callable[[str], Rendered]) -> None:
    told = Settings.model_validate(chart("images from a mirror, by digest").settings())
    assert told.models.loader_image == "registry.example.com/mirror/tidegate/loader:0.1.0"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        pytest.param({"strategy": "HostPath"}, ["models.hostPath must name a directory"], id="nowhere"),
        pytest.param({"strategy": "Disk"}, ["/models/strategy"], id="no such strategy"),
        pytest.param(
            {"accessMode": "ReadOnlyMany"}, ["/models/accessMode"], id="a cache that nobody can fill"
        ),
        pytest.param({"size": "100 GB"}, ["/models/size"], id="no quantity"),
        pytest.param({"hostPath": "srv"}, ["/models/hostPath"], id="a relative path"),
        pytest.param(
            {"hubEndpoint": "hub.example.com"}, ["/models/hubEndpoint"], id="a mirror without a scheme"
        ),
        pytest.param(
            {"hubEndpoint": "https://me:pw@hub"}, ["/models/hubEndpoint"], id="a password in an address"
        ),
        pytest.param({"token": "hf_x"}, ["/models", "token"], id="a token"),
    ],
)
def test_bad_values_are_refused_by_name(models: Object, words: list[str]) -> None:
    with pytest.raises(HelmRefused) as refused:
        helm("template", RELEASE, str(CHART), values={"models": models})
    assert [word for word in words if word not in str(refused.value)] == []


def test_the_operator_may_ask_loaders(chart: Callable[[str], Rendered]) -> None:
    egress = chart("closed, without Prometheus").one("NetworkPolicy", "-operator")["spec"]["egress"]
    components = [
        peer["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
        for rule in egress
        if rule["ports"] == [{"port": 8000}]
        for peer in rule["to"]
    ]
    assert components == ["worker", "loader"]
    gateway = chart("closed, without Prometheus").one("NetworkPolicy", "-gateway")
    assert "loader" not in str(gateway["spec"])


def test_people_may_handle_models_as_they_may_services(chart: Callable[[str], Rendered]) -> None:
    rendered = chart("the defaults")
    viewer, editor = rendered.one("ClusterRole", "-viewer"), rendered.one("ClusterRole", "-editor")
    assert {"llmmodels", "llmmodels/status"} <= set(viewer["rules"][0]["resources"])
    assert "llmmodels" in editor["rules"][0]["resources"]


@pytest.mark.parametrize(
    ("models", "says"),
    [
        pytest.param({}, "PersistentVolumeClaim tidegate-models", id="a claim"),
        pytest.param({"strategy": "HostPath", "hostPath": "/srv/m"}, "/srv/m/NAMESPACE", id="a directory"),
    ],
)
def test_the_notes_say_where_models_go(models: Object, says: str) -> None:
    notes = helm("install", RELEASE, str(CHART), "--dry-run=client", values={"models": models}).split(
        "NOTES:"
    )[1]
    assert says in notes
    none = helm("install", RELEASE, str(CHART), "--dry-run=client", values={"models": {"strategy": "None"}})
    assert "hf://" not in none.split("NOTES:")[1]
