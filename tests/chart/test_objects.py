"""What the chart makes: settings that the operator can read, labels, CRDs, monitors, policies, notes."""

from collections.abc import Callable

import pytest
import yaml

from chart.rendering import CHART, NAMESPACE, PARTS, RELEASE, SETS, HelmRefused, Object, Rendered, helm
from tidegate_api.crd import RESOURCES, definition
from tidegate_api.names import ADMIN_PORT, MANAGED_BY, MANAGED_BY_LABEL, WORKER_PORT
from tidegate_api.settings import Settings


def test_the_operator_can_read_its_settings(rendered: Rendered) -> None:
    settings = Settings.model_validate(rendered.settings())
    gateway = rendered.one("Service", "-gateway")
    assert settings.gateway_service.name == gateway["metadata"]["name"]
    assert settings.gateway_service.namespace == NAMESPACE


def test_default_values_give_default_settings(chart: Callable[[str], Rendered]) -> None:
    assert Settings.model_validate(chart("the defaults").settings()) == Settings()


def test_values_reach_the_settings(chart: Callable[[str], Rendered]) -> None:
    settings = Settings.model_validate(chart("profiles of one's own").settings())
    assert "nvidia" not in settings.resource_profiles
    assert settings.resource_profiles["big"].limits == {"nvidia.com/gpu": "8"}
    assert settings.resource_profiles["cpu"] == Settings().resource_profiles["cpu"]
    assert settings.allowed_file_paths == ["/srv/models"]
    assert (settings.drain_seconds, settings.priority_class_name) == (30, "tidegate-low")


def test_where_prometheus_is_and_how_much_there_is_reach_the_settings(
    chart: Callable[[str], Rendered],
) -> None:
    settings = Settings.model_validate(chart("scaled by what Prometheus says").settings())
    assert settings.prometheus.url == "http://prometheus.monitoring.svc:9091/prom"
    assert settings.prometheus.timeout_seconds == 3
    assert settings.scaling.max_accelerators == 1_000_000


def test_the_operator_may_ask_prometheus_and_every_worker(chart: Callable[[str], Rendered]) -> None:
    egress = chart("scaled by what Prometheus says").one("NetworkPolicy", "-operator")["spec"]["egress"]
    assert {"ports": [{"port": 9091}]} in egress
    workers = next(rule for rule in egress if rule["ports"] == [{"port": WORKER_PORT}])
    labels = workers["to"][0]["podSelector"]["matchLabels"]
    assert labels == {MANAGED_BY_LABEL: MANAGED_BY, "app.kubernetes.io/component": "worker"}


def test_the_url_of_a_gateway_for_the_world_is_the_one_that_was_given(
    chart: Callable[[str], Rendered],
) -> None:
    assert chart("a gateway for the world").settings()["gatewayURL"] == "https://llm.example.com"


def test_every_object_says_where_it_comes_from(rendered: Rendered) -> None:
    for item in rendered.objects:
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm", item["metadata"]["name"]
        assert labels["app.kubernetes.io/part-of"] == "tidegate"
        assert labels["helm.sh/chart"] == "tidegate-0.1.0"
        assert rendered.values.get("commonLabels", {}).items() <= labels.items()


def test_no_two_objects_have_one_name(rendered: Rendered) -> None:
    known = [
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for item in rendered.objects
    ]
    assert len(known) == len(set(known))


def test_nothing_lies_outside_the_release_and_the_watched_namespaces(rendered: Rendered) -> None:
    allowed = {NAMESPACE, None, *rendered.values.get("watchNamespaces", [])}
    allowed |= {rendered.values.get("test", {}).get("namespace")}
    assert {item["metadata"].get("namespace") for item in rendered.objects} <= allowed


def test_the_definitions_are_those_of_the_contract_and_stay_on_uninstall(
    chart: Callable[[str], Rendered],
) -> None:
    found = {item["metadata"]["name"]: item for item in chart("the defaults").all("CustomResourceDefinition")}
    assert {name: item["spec"] for name, item in found.items()} == {
        one.name: definition(one)["spec"] for one in RESOURCES
    }
    assert all(
        item["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} for item in found.values()
    )


def test_the_definitions_can_be_left_out(chart: Callable[[str], Rendered]) -> None:
    assert chart("next to nothing").all("CustomResourceDefinition") == []


def test_priority_classes_order_as_their_names_say(chart: Callable[[str], Rendered]) -> None:
    made = {item["metadata"]["name"]: item["value"] for item in chart("the defaults").all("PriorityClass")}
    assert made["tidegate-high"] > made["tidegate-medium"] > made["tidegate-low"] > 0
    assert chart("next to nothing").all("PriorityClass") == []


def test_priority_classes_are_used_whoever_made_them(chart: Callable[[str], Rendered]) -> None:
    rendered = chart("open to all, traced and closed")
    assert rendered.all("PriorityClass") == []
    names = Settings.model_validate(rendered.settings()).priority_class_names
    assert (names.high, names.medium, names.low) == ("first", "tidegate-medium", "")


def test_a_priority_class_without_a_name_is_not_made() -> None:
    printed = helm("template", RELEASE, str(CHART), values={"priorityClasses": {"low": {"name": ""}}})
    made = [
        item["metadata"]["name"] for item in yaml.safe_load_all(printed) if item["kind"] == "PriorityClass"
    ]
    assert sorted(made) == ["tidegate-high", "tidegate-medium"]


def test_the_operator_knows_the_gateways_pods_by_their_labels(rendered: Rendered) -> None:
    wanted = Settings.model_validate(rendered.settings()).gateway_service.pod_labels
    labels = rendered.one("Deployment", "-gateway")["spec"]["template"]["metadata"]["labels"]
    assert wanted.items() <= labels.items()
    others = rendered.one("Deployment", "-operator")["spec"]["template"]["metadata"]["labels"]
    assert not wanted.items() <= others.items()


def test_closed_parts_are_reached_by_clients_and_prometheus_only(chart: Callable[[str], Rendered]) -> None:
    policies = {
        item["metadata"]["name"]: item["spec"]
        for item in chart("closed by network policies").all("NetworkPolicy")
    }
    assert set(policies) == {f"tidegate-{part}" for part in PARTS}
    assert policies["tidegate-gateway"]["ingress"][0] == {"ports": [{"port": "http"}]}
    prometheus = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert admin_callers(policies["tidegate-operator"]) == [prometheus]
    assert admin_callers(policies["tidegate-gateway"]) == [*map(of, PARTS), prometheus]
    quiet = {
        item["metadata"]["name"]: item["spec"]
        for item in chart("closed, without Prometheus").all("NetworkPolicy")
    }
    assert not quiet["tidegate-operator"]["ingress"]


@pytest.mark.parametrize("name", [name for name, values in SETS.items() if "networkPolicies" in values])
def test_what_is_closed_is_closed_both_ways_and_every_pod_is(
    name: str, chart: Callable[[str], Rendered]
) -> None:
    rendered = chart(name)
    policies = [item["spec"] for item in rendered.all("NetworkPolicy")]
    assert policies
    for spec in policies:
        assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
        # No list of a direction is none of it; an empty rule is all of it.
        assert {} not in [*(spec["ingress"] or ()), *(spec["egress"] or ())]
    for item in rendered.all("Deployment"):
        labels = item["spec"]["template"]["metadata"]["labels"]
        selectors = [spec["podSelector"]["matchLabels"] for spec in policies]
        assert any(selector.items() <= labels.items() for selector in selectors), item["metadata"]["name"]


def admin_callers(policy: Object) -> list[Object]:
    """Return who may reach the admin port."""
    rules = [rule for rule in policy["ingress"] if rule["ports"] == [{"port": "admin"}]]
    return [caller for rule in rules for caller in rule["from"]]


def of(part: str) -> Object:
    """Return what selects the Pods of a part of this release."""
    labels = {"name": "tidegate", "instance": RELEASE, "component": part}
    return {
        "podSelector": {"matchLabels": {f"app.kubernetes.io/{key}": value for key, value in labels.items()}}
    }


def test_every_part_may_leave_for_the_gateways_admin_port(
    chart: Callable[[str], Rendered],
) -> None:
    for item in chart("closed, without Prometheus").all("NetworkPolicy"):
        ways = [rule["to"] for rule in item["spec"]["egress"] if {"port": ADMIN_PORT} in rule["ports"]]
        assert ways == [[of("gateway")]], item["metadata"]["name"]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("https://collector.example.com:4318/otlp", 4318),
        ("http://collector", 80),
        ("https://collector.example.com", 443),
        ("http://[fd00::1]:4318", 4318),
    ],
)
def test_a_closed_gateway_reaches_its_collector(endpoint: str, port: int) -> None:
    values = {"tracing": {"endpoint": endpoint}, "networkPolicies": {"enabled": True}}
    printed = helm("template", RELEASE, str(CHART), "-s", "templates/networkpolicies.yaml", values=values)
    policies = {item["metadata"]["name"]: item["spec"] for item in yaml.safe_load_all(printed)}
    assert {"ports": [{"port": port}]} in policies["tidegate-gateway"]["egress"]
    assert {"ports": [{"port": port}]} not in policies["tidegate-operator"]["egress"]


def test_a_closed_gateway_reaches_workers_and_the_api_server(chart: Callable[[str], Rendered]) -> None:
    spec = chart("closed, without Prometheus").one("NetworkPolicy", "-gateway")["spec"]
    ports = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
    assert ports == {53, 16443, ADMIN_PORT, WORKER_PORT}
    peer = spec["egress"][-1]["to"][0]
    assert peer["podSelector"]["matchLabels"][MANAGED_BY_LABEL] == MANAGED_BY


def test_closing_the_parts_closes_the_workers_too(chart: Callable[[str], Rendered]) -> None:
    settings = Settings.model_validate(chart("closed by network policies").settings())
    assert settings.network_policy.enabled
    assert settings.network_policy.prometheus_namespace == "monitoring"


def test_monitors_carry_the_labels_that_prometheus_selects(chart: Callable[[str], Rendered]) -> None:
    monitors = chart("watched by Prometheus").all("PodMonitor")
    assert {item["metadata"]["name"] for item in monitors} == {"tidegate-parts", "tidegate-workers"}
    assert all(item["metadata"]["labels"]["release"] == "prom" for item in monitors)
    workers = next(item for item in monitors if item["metadata"]["name"].endswith("-workers"))
    assert workers["spec"]["namespaceSelector"] == {"any": True}


def test_the_memory_of_gpus_is_recorded_under_its_usual_name(chart: Callable[[str], Rendered]) -> None:
    (rules,) = chart("watched by Prometheus").all("PrometheusRule")
    (rule,) = rules["spec"]["groups"][0]["rules"]
    assert rule["record"] == "llm_gpu_memory_usage_bytes"
    assert "DCGM_FI_DEV_FB_USED" in rule["expr"]
    assert rules["metadata"]["labels"]["release"] == "prom"
    assert not chart("the defaults").all("PrometheusRule")


def test_a_cluster_without_the_kind_gets_no_monitor_and_the_notes_say_so() -> None:
    printed = notes(SETS["watched by Prometheus"])
    assert "kind: PodMonitor" not in printed
    assert "no PodMonitor kind" in printed


@pytest.mark.parametrize("name", SETS)
def test_the_notes_name_what_to_do_next(name: str) -> None:
    printed = notes(SETS[name]).split("NOTES:")[1]
    namespace = (SETS[name].get("watchNamespaces") or ["tidegate-demo"])[0]
    for words in (
        f"kubectl apply -n {namespace} -f examples/01-quickstart/",
        f"kubectl get llmsvc -n {namespace}",
        f"tidegate keys create quickstart -n {namespace}",
        f"kubectl port-forward -n {NAMESPACE} service/",
        f"helm test {RELEASE} -n {NAMESPACE}",
    ):
        assert words in printed
    assert printed.index("on CPU") < printed.index("GPU")


def test_the_example_of_the_notes_is_in_the_checkout() -> None:
    assert (CHART.parents[1] / "examples/01-quickstart").is_dir()


def notes(values: dict[str, object]) -> str:
    """Return what `helm install` prints, without a cluster."""
    return helm("install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--dry-run=client", values=values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"replicas": 2}, ["replicas", "not allowed"], id="a name at the wrong place"),
        pytest.param(
            {"operator": {"replicas": 3}}, ["/operator/replicas", "got 3, want 2"], id="too many operators"
        ),
        pytest.param(
            {"gateway": {"replicas": "two"}},
            ["/gateway/replicas", "got string, want integer"],
            id="a word for a number",
        ),
        pytest.param(
            {"images": {"pullPolicy": "Sometimes"}},
            ["/images/pullPolicy", "IfNotPresent"],
            id="no such policy",
        ),
        pytest.param({"images": {"operator": ""}}, ["/images/operator"], id="an empty image"),
        pytest.param(
            {"watchNamespaces": ["Team_A"]}, ["/watchNamespaces/0", "pattern"], id="no name of a namespace"
        ),
        pytest.param(
            {"watchNamespaces": "team-a"},
            ["/watchNamespaces", "got string, want array"],
            id="a namespace that is no list",
        ),
        pytest.param({"allowedFilePaths": ["models"]}, ["/allowedFilePaths/0"], id="a relative path"),
        pytest.param(
            {"resourceProfiles": {"x": {}}},
            ["/resourceProfiles/x", "accelerator"],
            id="a profile without its accelerator",
        ),
        pytest.param(
            {"resourceProfiles": {"x": {"accelerator": "tpu"}}},
            ["/resourceProfiles/x/accelerator", "nvidia"],
            id="an accelerator that is not known",
        ),
        pytest.param(
            {"resourceProfiles": {"X!": {"accelerator": "cpu"}}},
            ["X!"],
            id="a profile that no LLMService could name",
        ),
        pytest.param(
            {"resourceProfiles": {"x": {"accelerator": "cpu", "limits": {"memory": "6 GB"}}}},
            ["/limits/memory"],
            id="no quantity",
        ),
        pytest.param(
            {"gateway": {"url": "llm.example.com/v1"}},
            ["/gateway/url"],
            id="a url with a path and without a scheme",
        ),
        pytest.param(
            {"gateway": {"anonymousTenant": "public"}}, ["/gateway/anonymousTenant"], id="a tenant of nowhere"
        ),
        pytest.param(
            {"gateway": {"anonymousTenant": "team-b/public"}, "watchNamespaces": ["team-a"]},
            ["gateway.anonymousTenant is of namespace team-b", "watchNamespaces"],
            id="a tenant that no gateway sees",
        ),
        pytest.param(
            {"tracing": {"endpoint": "collector:4318"}},
            ["/tracing/endpoint"],
            id="a collector without a scheme",
        ),
        pytest.param({"logLevel": "loud"}, ["/logLevel", "warning"], id="no such level"),
        pytest.param(
            {"networkPolicies": {"apiServerPorts": [0]}}, ["/networkPolicies/apiServerPorts/0"], id="no port"
        ),
    ],
)
def test_bad_values_are_refused_by_name(values: dict[str, object], words: list[str]) -> None:
    with pytest.raises(HelmRefused) as refused:
        helm("template", RELEASE, str(CHART), values=values)
    assert [word for word in words if word not in str(refused.value)] == []


def test_a_cluster_that_is_too_old_is_refused() -> None:
    with pytest.raises(HelmRefused, match=r"1\.30"):
        helm("template", RELEASE, str(CHART), "--kube-version", "1.29.0")


def test_helm_finds_nothing_to_complain_about() -> None:
    assert "0 chart(s) failed" in helm("lint", str(CHART), "--strict")
