"""What the chart makes, put before a real API server: accepted, restricted, installed, upgraded, uninstalled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from chart.rendering import NAMESPACE, RELEASE, SETS, render
from integration.api import Api, Object
from integration.contract.releases import Release
from integration.contract.rig import Kubectl, Refused
from localcluster import controlplane

OURS = (NAMESPACE, "team-a", "team-b")


@pytest.fixture(scope="module")
def namespaces(api: Api) -> Iterator[None]:
    """The namespaces that the sets of values name, under Pod Security `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    for name in OURS:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield
    for name in OURS:
        api.delete("Namespace", None, name)


@pytest.mark.parametrize("name", SETS)
def test_every_object_is_accepted_and_every_pod_admitted(
    namespaces: None, kubectl: Kubectl, name: str
) -> None:
    rendered = render(name)
    # Monitors and rules are of another project, whose definitions are not here; a Pod's account comes with the release.
    objects = [
        item for item in rendered.objects if item["kind"] not in {"Pod", "PodMonitor", "PrometheusRule"}
    ]
    pods = [pod(spec, f"p{number}") for number, spec in enumerate(rendered.pods().values())]
    listed = {"apiVersion": "v1", "kind": "List", "items": [*objects, *pods]}
    words = (
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
    )
    assert len(kubectl(*words, stdin=listed).splitlines()) == len(objects) + len(pods)


def test_a_pod_that_is_not_restricted_is_not_admitted_there(namespaces: None, kubectl: Kubectl) -> None:
    with pytest.raises(Refused, match="restricted"):
        kubectl.submit(pod({"containers": [{"name": "main", "image": "x"}]}))


def pod(spec: Object, name: str = "p") -> Object:
    """Return a Pod of this spec, without what comes with the release, in the namespace of the release."""
    placed = {
        key: value for key, value in spec.items() if key not in {"serviceAccountName", "priorityClassName"}
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": placed,
    }


@pytest.fixture(scope="module")
def release() -> Iterator[Release]:
    """The release, installed as users install it."""
    with controlplane.start("chart") as plane:
        made = Release(plane.kubeconfig)
        made.upgrade()
        yield made


def test_a_second_upgrade_changes_nothing(release: Release) -> None:
    before = release.versions()
    assert "Deployment" in before
    release.upgrade()
    assert release.versions() == before


def test_a_changed_setting_changes_the_operator_and_not_the_gateway(release: Release) -> None:
    before = templates(release)
    release.upgrade("--set", "worker.drainSeconds=100")
    after = templates(release)
    assert after["tidegate-operator"] != before["tidegate-operator"]
    assert after["tidegate-gateway"] == before["tidegate-gateway"]


def templates(release: Release) -> dict[str, str]:
    """Return how often the Pod template of each Deployment was changed."""
    columns = "-o=custom-columns=NAME:.metadata.name,GENERATION:.metadata.generation"
    lines = release.kubectl("get", "deployment", "-n", NAMESPACE, "--no-headers", columns).splitlines()
    return dict(line.split() for line in lines)


@pytest.mark.parametrize(
    ("part", "what", "may"),
    [
        ("operator", ("watch", "llmservices", "-A"), True),
        ("operator", ("patch", "llmservices", "--subresource=status", "-A"), True),
        ("operator", ("patch", "deployments.apps", "-A"), True),
        ("operator", ("update", "leases/tidegate-operator", "-n", NAMESPACE), True),
        ("operator", ("update", "leases/another", "-n", NAMESPACE), False),
        ("operator", ("update", "leases/tidegate-operator", "-n", "default"), False),
        ("operator", ("patch", "llmservices", "-A"), False),
        ("operator", ("get", "secrets", "-A"), False),
        ("operator", ("create", "pods", "--subresource=exec", "-A"), False),
        ("operator", ("get", "customresourcedefinitions"), False),
        ("gateway", ("watch", "llmtenants", "-A"), True),
        ("gateway", ("watch", "pods", "-A"), True),
        ("gateway", ("patch", "llmtenants", "-A"), False),
        ("gateway", ("get", "secrets", "-n", NAMESPACE), False),
        ("gateway", ("create", "events", "-n", NAMESPACE), False),
    ],
    ids=str,
)
def test_a_part_may_do_what_it_needs_and_no_more(
    release: Release, part: str, what: tuple[str, ...], may: bool
) -> None:
    assert release.can(part, *what) is may


def test_the_test_may_do_what_it_does_while_it_runs(release: Release) -> None:
    hooks = [item for item in yaml.safe_load_all(release.helm("get", "hooks", RELEASE)) if item]
    release.kubectl.apply([item for item in hooks if item["kind"] != "Pod"])
    for what in (
        ("list", "llmservices", "-A"),
        ("create", "llmtenants", "-A"),
        ("delete", "llmtenants", "-A"),
    ):
        assert release.can("test", *what)
    for what in (("list", "llmtenants", "-A"), ("patch", "llmservices", "-A"), ("get", "secrets", "-A")):
        assert not release.can("test", *what)
    kinds = "clusterrole,clusterrolebinding,serviceaccount"
    release.kubectl("delete", kinds, "-n", NAMESPACE, "-l", "app.kubernetes.io/component=test")


def test_an_editor_of_a_namespace_may_edit_and_scale_models(release: Release) -> None:
    """The controllers that aggregate roles do not run here, so the role is bound as it is."""
    role = f"{NAMESPACE}-tidegate-editor"
    release.kubectl("create", "rolebinding", "eve", "-n", "default", f"--clusterrole={role}", "--user=eve")
    for what in (
        ("create", "llmservices"),
        ("patch", "llmservices", "--subresource=scale"),
        ("delete", "llmtenants"),
    ):
        assert release.kubectl.succeeds("auth", "can-i", *what, "-n", "default", "--as", "eve")
    assert not release.kubectl.succeeds(
        "auth", "can-i", "patch", "llmservices", "--subresource=status", "--as", "eve"
    )


def test_uninstalling_keeps_the_definitions_and_what_users_made(release: Release) -> None:
    """The last test of this release."""
    made = {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": {"name": "chat", "namespace": "default"},
        "spec": {"model": {"uri": "pvc://models/x"}},
    }
    release.kubectl.apply([made])
    release.helm("uninstall", RELEASE)
    assert "chat" in release.kubectl("get", "llmservice", "-n", "default")
    assert "tidegate" not in release.kubectl("get", "deployment,clusterrole", "-A")
    # And the definitions that stayed are taken over by the next release.
    release.upgrade()
    assert "chat" in release.kubectl("get", "llmservice", "-n", "default")
