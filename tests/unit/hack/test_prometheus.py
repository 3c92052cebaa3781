"""The local cluster's Prometheus: whom it scrapes, what it may read, and who is told where it is."""

from typing import Any

import pytest
import yaml

from demo import clusters, prometheus

IMAGE = "localhost/tidegate-prometheus:abc"


def made(kind: str) -> dict[str, Any]:
    """Return the first object of a kind that is applied."""
    return all_made(kind)[0]


def all_made(kind: str) -> list[dict[str, Any]]:
    """Return all objects of a kind that are applied, in their order."""
    return [one for one in yaml.safe_load_all(prometheus.manifest(IMAGE)) if one["kind"] == kind]


def rules() -> list[dict[str, Any]]:
    """Return what turns a Pod into a target, or leaves it out."""
    [job] = yaml.safe_load(made("ConfigMap")["data"]["prometheus.yml"])["scrape_configs"]
    assert job["kubernetes_sd_configs"] == [{"role": "pod"}]
    return list(job["relabel_configs"])


def test_it_runs_the_program_that_was_built() -> None:
    [container] = made("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE


def test_what_is_mounted_lies_beside_the_program_which_is_at_the_top_of_its_image() -> None:
    [container] = made("Deployment")["spec"]["template"]["spec"]["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert "/prometheus" not in mounts
    assert f"--storage.tsdb.path={mounts[1]}" in container["args"]


def test_its_address_is_that_of_its_service() -> None:
    service = made("Service")
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    assert f"http://{name}.{namespace}.svc:{service['spec']['ports'][0]['port']}" == prometheus.URL


def test_only_pods_that_ask_for_it_are_scraped() -> None:
    kept = {rule["source_labels"][0]: rule["regex"] for rule in rules() if rule.get("action") == "keep"}
    assert kept["__meta_kubernetes_pod_annotation_prometheus_io_scrape"] == "true"


@pytest.mark.parametrize(
    ("label", "source"),
    [
        ("namespace", ["__meta_kubernetes_namespace"]),
        ("pod", ["__meta_kubernetes_pod_name"]),
        ("__address__", ["__meta_kubernetes_pod_ip", "__meta_kubernetes_pod_annotation_prometheus_io_port"]),
        ("service", ["__meta_kubernetes_pod_label_serving_tidegate_dev_service"]),
        ("pool", ["__meta_kubernetes_pod_label_serving_tidegate_dev_pool"]),
        ("__metrics_path__", ["__meta_kubernetes_pod_annotation_prometheus_io_path"]),
    ],
)
def test_a_target_is_what_the_annotations_say_and_keeps_whose_it_is(label: str, source: list[str]) -> None:
    [found] = [rule["source_labels"] for rule in rules() if rule.get("target_label") == label]
    assert found == source


def test_numbers_about_a_namespace_keep_its_name() -> None:
    [job] = yaml.safe_load(made("ConfigMap")["data"]["prometheus.yml"])["scrape_configs"]
    assert job["honor_labels"] is True


def test_it_may_see_pods_and_nothing_else() -> None:
    assert made("ClusterRole")["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]


@pytest.mark.parametrize(
    ("cluster", "values"),
    [
        pytest.param(clusters.Local(), {"prometheus.url": prometheus.URL}, id="ours"),
        pytest.param(clusters.Kind(), {}, id="kind"),
        pytest.param(clusters.Current(), {}, id="the user's own"),
    ],
)
def test_the_operator_is_told_its_address_only_where_it_comes_along(
    cluster: clusters.Cluster, values: dict[str, str]
) -> None:
    assert prometheus.values(cluster) == values


def test_it_has_the_charts_alerts_where_it_looks_for_rules() -> None:
    config, rules = all_made("ConfigMap")
    template = made("Deployment")["spec"]["template"]
    [volume] = [one for one in template["spec"]["volumes"] if one["name"] == "rules"]
    assert volume["configMap"]["name"] == rules["metadata"]["name"]
    [mount] = [
        one["mountPath"]
        for one in template["spec"]["containers"][0]["volumeMounts"]
        if one["name"] == "rules"
    ]
    assert yaml.safe_load(config["data"]["prometheus.yml"])["rule_files"] == [f"{mount}/*.yaml"]
    assert yaml.safe_load(rules["data"]["alerts.yaml"])["groups"][0]["rules"]


def test_it_starts_anew_when_it_is_told_something_else() -> None:
    [told] = made("Deployment")["spec"]["template"]["metadata"]["annotations"].values()
    assert told != prometheus.HASH
    other = prometheus.manifest("localhost/tidegate-prometheus:def")
    assert f": {told}\n" not in other
