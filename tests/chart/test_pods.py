"""How the Pods of the chart run: closed, bounded, told apart, and given time to end."""

from collections.abc import Callable

import pytest

from chart.rendering import HELD_BY_OPERATOR, PARTS, Object, Rendered
from tidegate_api.names import ANONYMOUS_TENANT_VARIABLE

# Those whose admin port is not that of their clients.
CLOSED = ("operator", "gateway")


def test_every_pod_is_restricted_and_more(rendered: Rendered) -> None:
    for name, spec in rendered.pods().items():
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] == 65532, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name


def test_every_container_asks_for_what_it_needs_and_has_a_memory_limit(rendered: Rendered) -> None:
    for name, spec in rendered.pods().items():
        for container in spec["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


def test_every_scratch_volume_is_bounded(rendered: Rendered) -> None:
    for name, spec in rendered.pods().items():
        assert [
            volume
            for volume in spec["volumes"]
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]
        ] == [], name


def test_a_mount_names_a_volume(rendered: Rendered) -> None:
    for name, spec in rendered.pods().items():
        volumes = {volume["name"] for volume in spec["volumes"]}
        assert {mount["name"] for mount in spec["containers"][0]["volumeMounts"]} <= volumes, name


def test_probes_ask_on_the_port_that_clients_cannot_reach(rendered: Rendered) -> None:
    service = rendered.one("Service", "-gateway")
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
    for part in CLOSED:
        container = rendered.one("Deployment", f"-{part}")["spec"]["template"]["spec"]["containers"][0]
        for probe, path in (
            ("startupProbe", "/healthz"),
            ("readinessProbe", "/readyz"),
            ("livenessProbe", "/healthz"),
        ):
            assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["admin"] == 9090


def test_the_gateway_is_given_longer_to_end_than_it_takes(rendered: Rendered) -> None:
    spec = rendered.one("Deployment", "-gateway")["spec"]["template"]["spec"]
    container = spec["containers"][0]
    drain = next(int(one["value"]) for one in container["env"] if one["name"] == "TIDEGATE_DRAIN_SECONDS")
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= drain + pause + 10


def test_selectors_select_the_pods_and_nothing_of_each_other(rendered: Rendered) -> None:
    deployments = rendered.all("Deployment")
    for deployment in deployments:
        selector = deployment["spec"]["selector"]["matchLabels"]
        chosen = [
            other["metadata"]["name"]
            for other in deployments
            if selector.items() <= other["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert chosen == [deployment["metadata"]["name"]]


def test_a_service_selects_the_pods_of_one_deployment(rendered: Rendered) -> None:
    templates = [item["spec"]["template"]["metadata"]["labels"] for item in rendered.all("Deployment")]
    for service in rendered.all("Service"):
        selector = service["spec"]["selector"]
        assert len([labels for labels in templates if selector.items() <= labels.items()]) == 1


def test_the_labels_of_ones_own_are_on_pods_as_well(chart: Callable[[str], Rendered]) -> None:
    for item in chart("another name and more labels").all("Deployment"):
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert {"team": "ml", "cost": "42"}.items() <= labels.items(), item["metadata"]["name"]


def test_what_is_turned_on_is_there(chart: Callable[[str], Rendered]) -> None:
    made = {item["metadata"]["name"] for item in chart("each part turned on").all("Deployment")}
    assert made == {f"tidegate-{part}" for part in PARTS}


def test_the_gateway_carries_the_labels_by_which_workers_let_it_in(rendered: Rendered) -> None:
    labels = rendered.one("Deployment", "-gateway")["spec"]["template"]["metadata"]["labels"]
    assert (labels["app.kubernetes.io/name"], labels["app.kubernetes.io/component"]) == (
        "tidegate",
        "gateway",
    )


def test_tokens_are_mounted_where_they_are_used_only(rendered: Rendered) -> None:
    assert all(item["automountServiceAccountToken"] is False for item in rendered.all("ServiceAccount"))
    assert all(spec["automountServiceAccountToken"] is True for spec in rendered.pods().values())


def test_a_gateway_knows_itself_and_what_it_was_told(chart: Callable[[str], Rendered]) -> None:
    told = environment(chart("open to all, traced and closed"))
    assert told[ANONYMOUS_TENANT_VARIABLE]["value"] == "team-a/public"
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"] == "https://collector.example.com:4318/otlp"
    usual = environment(chart("the defaults"))
    assert not {ANONYMOUS_TENANT_VARIABLE, "OTEL_EXPORTER_OTLP_ENDPOINT"} & set(usual)
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_UID": "metadata.uid"}
    for name, path in fields.items():
        assert usual[name]["valueFrom"] == {"fieldRef": {"fieldPath": path}}


def environment(rendered: Rendered) -> dict[str, Object]:
    """Return the gateway's environment variables by name."""
    container = rendered.one("Deployment", "-gateway")["spec"]["template"]["spec"]["containers"][0]
    assert len({one["name"] for one in container["env"]}) == len(container["env"])
    return {one["name"]: one for one in container["env"]}


@pytest.mark.parametrize("part", PARTS)
def test_pods_are_placed_as_told(part: str, chart: Callable[[str], Rendered]) -> None:
    rendered = chart("everything that places Pods")
    template = rendered.one("Deployment", f"-{part}")["spec"]["template"]
    spec, container = template["spec"], template["spec"]["containers"][0]
    for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert spec[key] == HELD_BY_OPERATOR[key]
    assert container["env"][-1:] == HELD_BY_OPERATOR["extraEnv"]
    assert spec["volumes"][-1:] == HELD_BY_OPERATOR["extraVolumes"]
    assert container["volumeMounts"][-1:] == HELD_BY_OPERATOR["extraVolumeMounts"]
    assert template["metadata"]["annotations"]["example.com/note"] == "yes"
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == part


def test_images_come_from_the_mirror(chart: Callable[[str], Rendered]) -> None:
    rendered = chart("images from a mirror, by digest")
    pods = rendered.pods()
    used = {container["image"] for spec in pods.values() for container in spec["containers"]}
    used |= set(rendered.settings()["workerImages"].values())
    assert all(image.startswith("registry.example.com/mirror/tidegate/") for image in used)
    assert rendered.pods()["Deployment/tidegate-operator"]["containers"][0]["image"].endswith(
        "@sha256:" + "0" * 64
    )
    assert all(spec["imagePullSecrets"] == [{"name": "mirror"}] for spec in pods.values())
    assert rendered.settings()["imagePullSecrets"] == ["mirror"]


def test_new_settings_roll_the_operator_and_the_same_settings_do_not(
    chart: Callable[[str], Rendered],
) -> None:
    hashes = {
        name: chart(name).one("Deployment", "-operator")["spec"]["template"]["metadata"]["annotations"][
            "tidegate.dev/settings-hash"
        ]
        for name in ("the defaults", "several replicas", "profiles of one's own")
    }
    assert hashes["the defaults"] == hashes["several replicas"] != hashes["profiles of one's own"]


def test_several_replicas_have_a_disruption_budget_and_one_has_none(chart: Callable[[str], Rendered]) -> None:
    assert chart("the defaults").all("PodDisruptionBudget") == []
    budgets = chart("several replicas").all("PodDisruptionBudget")
    assert {item["metadata"]["name"] for item in budgets} == {f"tidegate-{part}" for part in PARTS}
    assert all(item["spec"]["maxUnavailable"] == 1 for item in budgets)
