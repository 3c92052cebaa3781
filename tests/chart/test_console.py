"""The console's objects: what it may do, where it is found, and what is left where it is turned off."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, NAMESPACE, RELEASE, helm

READ = ["get", "list", "watch"]


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    text = helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, values=values)
    return [one for one in yaml.safe_load_all(text) if one]


def of_console(**values: Any) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = render(values)
    labelled = "app.kubernetes.io/component"
    return [
        one for one in objects if one["metadata"].get("labels", {}).get(labelled) in {"console", "gateways"}
    ]


def kinds(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(one["kind"] for one in objects)


def environment(objects: list[dict[str, Any]]) -> dict[str, str]:
    pod = next(one for one in objects if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    return {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}


def test_by_itself_it_may_only_read_what_it_shows() -> None:
    roles = [one for one in of_console() if one["kind"] == "ClusterRole"]
    assert [one["verbs"] for role in roles for one in role["rules"]] == [READ, READ]
    resources = itertools.chain.from_iterable(one["resources"] for one in roles[0]["rules"])
    assert sorted(resources) == ["events", "llmmodels", "llmservices", "llmtenants"]


def test_without_read_only_access_it_has_no_right_at_all() -> None:
    objects = of_console(console={"readOnlyWithoutSignIn": False})
    assert kinds(objects) == ["Deployment", "Service", "Service", "ServiceAccount"]
    assert environment(objects)["TIDEGATE_READ_ONLY_WITHOUT_SIGN_IN"] == "false"


def test_in_single_namespaces_it_has_a_role_in_each_and_none_for_all() -> None:
    objects = of_console(watchNamespaces=["a", "b"])
    assert [one["metadata"]["namespace"] for one in objects if one["kind"] == "Role"] == ["a", "b"]
    assert "ClusterRole" not in kinds(objects)
    assert environment(objects)["TIDEGATE_NAMESPACES"] == "a,b"


def test_turned_off_nothing_of_it_is_there() -> None:
    assert of_console(console={"enabled": False}, networkPolicies={"enabled": True}) == []


def test_it_finds_every_gateway_by_a_service_that_has_their_addresses() -> None:
    objects = of_console(gateway={"service": {"port": 8000}})
    known = environment(objects)
    assert known["TIDEGATE_GATEWAY_URL"] == "http://tidegate-gateway.tidegate-system.svc:8000"
    found = {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "Service"}
    host, _, port = known["TIDEGATE_GATEWAYS"].partition(":")
    service = found[host.removesuffix(".tidegate-system.svc")]
    assert (service["clusterIP"], service["ports"][0]["port"]) == ("None", int(port))
    assert service["selector"]["app.kubernetes.io/component"] == "gateway"


def test_it_searches_the_hubs_that_models_come_from() -> None:
    models = {
        "hubEndpoint": "http://hub.corp:8081",
        "offline": True,
        "env": [{"name": "HTTPS_PROXY", "value": "p"}],
    }
    known = environment(of_console(models=models))
    assert (known["HF_ENDPOINT"], known["HF_HUB_OFFLINE"], known["HTTPS_PROXY"]) == (
        "http://hub.corp:8081",
        "1",
        "p",
    )
    assert "MODELSCOPE_ENDPOINT" not in known


@pytest.mark.parametrize("offline", [True, False])
def test_with_policies_it_reaches_gateways_the_api_server_and_hubs_and_nothing_else(*, offline: bool) -> None:
    models = {"offline": offline, "hubEndpoint": "http://hub.corp:8081"}
    objects = of_console(networkPolicies={"enabled": True, "apiServerPorts": [6443]}, models=models)
    policy = next(one for one in objects if one["kind"] == "NetworkPolicy")["spec"]
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 6443, 8080, 9090, *([] if offline else [443, 8081])]
    assert policy["ingress"] == [{"ports": [{"port": "http"}]}]


def test_gateways_let_it_read_their_figures() -> None:
    objects = render({"networkPolicies": {"enabled": True}})
    policy = next(
        one
        for one in objects
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "tidegate-gateway"
    )
    admitted = [
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in policy["spec"]["ingress"]
        for peer in rule.get("from", ())
    ]
    assert "console" in admitted
