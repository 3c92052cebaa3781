"""From an older chart to this one on a real API server, by whom it may be installed, and what stays when it goes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chart.rendering import CHART, NAMESPACE, RELEASE
from integration.api import Object, eventually
from integration.contract.releases import Downloaded, Release
from integration.contract.rig import llm_model, service, tenant
from localcluster import controlplane

ROOT = CHART.parents[1]
PROMETHEUS_OPERATOR = Downloaded(
    "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    "example/prometheus-operator-crd",
)
RECORD_BYTES = 1_048_576
# Nothing was released yet, so an older chart is that of an older commit: the first one there was, the last but one.
OLDER: dict[str, Callable[[list[str]], str]] = {
    "first": lambda all_: all_[-1],
    "last but one": lambda all_: all_[1],
}


def git(*words: str) -> bytes:
    """Return what git printed; nothing where there is no git or no history."""
    try:
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


@pytest.fixture(scope="module", params=OLDER)
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as an older commit has it."""
    commits = git("log", "--format=%H", "--", str(CHART.relative_to(ROOT))).decode().split()
    if len(commits) < 2:
        pytest.skip("needs the history of the chart: this is no git checkout, or a shallow one")
    target = tmp_path_factory.mktemp("older")
    archive = git("archive", OLDER[request.param](commits), str(CHART.relative_to(ROOT)))
    subprocess.run(["tar", "-x", "-C", str(target)], input=archive, check=True)
    return target / CHART.relative_to(ROOT)


@pytest.fixture(scope="module")
def plane() -> Iterator[controlplane.Handle]:
    """An API server of this module's own."""
    with controlplane.start("upgrades") as plane:
        yield plane


@pytest.fixture
def release(plane: controlplane.Handle) -> Iterator[Release]:
    """A release of the chart; nothing of it is there before, and nothing afterwards."""
    made = Release(plane.kubeconfig)
    yield made
    made.helm("uninstall", RELEASE, "--ignore-not-found")
    made.kubectl("delete", "crd", "--all", "--wait=true")


def test_an_older_release_becomes_this_one_and_a_second_upgrade_changes_nothing(
    plane: controlplane.Handle, release: Release, older: Path
) -> None:
    Release(plane.kubeconfig, older).upgrade()
    release.kubectl.apply([service()])
    before = found(release, "llmservice", "chat")
    # Without --force-conflicts: what somebody else owns would be refused here.
    release.upgrade()
    versions = release.versions()
    assert "Deployment" in versions
    release.upgrade()
    assert release.versions() == versions
    after = found(release, "llmservice", "chat")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def found(release: Release, kind: str, name: str, namespace: str = "default") -> Object:
    """Return one object."""
    made: Object = json.loads(release.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
    return made


def test_helms_record_leaves_three_quarters_of_its_secret_free(release: Release) -> None:
    release.upgrade()
    record = found(release, "secret", f"sh.helm.release.v1.{RELEASE}.v1", NAMESPACE)
    assert len(record["data"]["release"]) * 3 // 4 < RECORD_BYTES // 4


def test_a_gateway_that_an_autoscaler_scales_is_left_to_it(release: Release) -> None:
    release.upgrade("--set", "gateway.replicas=null")
    release.kubectl("scale", "deployment", "tidegate-gateway", "-n", NAMESPACE, "--replicas=3")
    release.upgrade("--set", "gateway.replicas=null", "--set", "gateway.drainSeconds=60")
    assert found(release, "deployment", "tidegate-gateway", NAMESPACE)["spec"]["replicas"] == 3


def test_monitors_rules_and_dashboards_are_what_the_prometheus_operator_takes(release: Release) -> None:
    """With that project's own definitions in the cluster, which the chart finds by itself."""
    for kind in ("podmonitors", "prometheusrules"):
        definition = PROMETHEUS_OPERATOR.source() / f"monitoring.coreos.com_{kind}.yaml"
        release.kubectl("apply", "--server-side", "-f", str(definition))
        release.kubectl("wait", "--for=condition=Established", "-f", str(definition), "--timeout=30s")
    release.upgrade("--set=podMonitors.enabled=true,alerts.enabled=true,dashboards.enabled=true")
    made = release.kubectl("get", "podmonitors,prometheusrules", "-n", NAMESPACE, "-o", "name").split()
    assert {name.partition(".")[0] for name in made} == {"podmonitor", "prometheusrule"}
    assert len(made) >= 4
    before = release.versions()
    release.upgrade("--set=podMonitors.enabled=true,alerts.enabled=true,dashboards.enabled=true")
    assert release.versions() == before


def users_things(release: Release) -> None:
    """Make what users have: a model, what serves it, who calls it, the claim and the workers that Tidegate made."""
    release.kubectl.apply([service(), llm_model(), tenant()])
    uid = found(release, "llmservice", "chat")["metadata"]["uid"]
    labels = {"app.kubernetes.io/managed-by": "tidegate"}
    owner = {"apiVersion": "serving.tidegate.dev/v1alpha1", "kind": "LLMService", "name": "chat", "uid": uid}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    claim_spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    release.kubectl.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "tidegate-models", "namespace": "default", "labels": labels},
                "spec": claim_spec,
            },
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "chat-shared", "namespace": "default", "ownerReferences": [owner]},
                "spec": {"selector": {"matchLabels": labels}, "template": pod},
            },
        ]
    )


def test_uninstalling_leaves_models_what_serves_them_and_their_files(release: Release) -> None:
    release.upgrade()
    users_things(release)
    release.helm("uninstall", RELEASE, "--wait")
    for kind, name in (
        ("llmservice", "chat"),
        ("llmmodel", "tiny"),
        ("llmtenant", "web"),
        ("deployment", "chat-shared"),
        ("persistentvolumeclaim", "tidegate-models"),
    ):
        assert "deletionTimestamp" not in found(release, kind, name)["metadata"], kind


def test_asked_to_it_takes_the_definitions_along_and_leaves_the_files(release: Release) -> None:
    release.upgrade("--set", "crds.keep=false")
    users_things(release)
    release.helm("uninstall", RELEASE, "--wait")
    eventually(lambda: "tidegate" not in release.kubectl("get", "crd"))
    assert "deletionTimestamp" not in found(release, "pvc", "tidegate-models")["metadata"]


class TestByTheAdminOfOneNamespace:
    """Who may do anything in a namespace and nothing outside of it installs the chart there."""

    NAMESPACE = "team-n"
    NINA = ("--kube-as-user=nina", "--kube-as-group=system:authenticated")
    OWN = ("--set=watchNamespaces={team-n}", "--set=crds.enabled=false", "--set=priorityClasses.create=false")

    @pytest.fixture
    def install(self, release: Release) -> Iterator[Callable[..., str]]:
        """Install as she does; an administrator has made the namespace, and applied the definitions in one file."""
        release.kubectl("apply", "--server-side", "-f", str(ROOT / "charts" / "tidegate-crds.yaml"))
        release.kubectl("create", "namespace", self.NAMESPACE)
        role = ("--clusterrole=cluster-admin", "--user=nina", "-n", self.NAMESPACE)
        release.kubectl("create", "rolebinding", "nina", *role)
        yield lambda *flags: release.helm(
            "upgrade", "--install", RELEASE, str(CHART), *self.NINA, *flags, namespace=self.NAMESPACE
        )
        release.helm("uninstall", RELEASE, "--ignore-not-found", namespace=self.NAMESPACE)

    def test_it_can_be_installed_without_a_right_on_the_cluster(
        self, release: Release, install: Callable[..., str]
    ) -> None:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            install()
        assert "at the cluster scope" in refused.value.stderr
        install(*self.OWN)
        assert "tidegate-operator" in release.kubectl("get", "deployment", "-n", self.NAMESPACE)
        account = f"system:serviceaccount:{self.NAMESPACE}:tidegate-operator"
        may = ("auth", "can-i", "list", "llmservices", "--as", account)
        assert release.kubectl.succeeds(*may, "-n", self.NAMESPACE)
        assert not release.kubectl.succeeds(*may, "-n", "default")
        release.kubectl("delete", "namespace", self.NAMESPACE, "--wait=false")
