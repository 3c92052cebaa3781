"""The cluster itself, and what the chart put into it: everything here works on any conformant Kubernetes."""

import json
import urllib.error
import urllib.request

import pytest

from e2e.cluster import Namespace, eventually, kubectl, port_forward
from e2e.conftest import SERVICE, SYSTEM, Caller
from e2e.test_model_sources import BYTES_PER_TOKEN


def test_the_logs_of_a_worker_can_be_read(demo: Namespace) -> None:
    pod = demo.ready_pods_of(SERVICE)[0]
    assert "vLLM" in kubectl("logs", "-n", demo.name, pod, "--tail=-1")


def test_a_command_can_be_run_in_a_worker_and_the_api_token_is_not_there(demo: Namespace) -> None:
    pod = demo.ready_pods_of(SERVICE)[0]
    script = "import os; print(os.path.exists('/var/run/secrets/kubernetes.io'), os.getuid())"
    assert kubectl("exec", "-n", demo.name, pod, "--", "python3", "-c", script).split() == ["False", "65532"]


@pytest.mark.parametrize("part", ["worker", "operator", "gateway", "console"])
def test_nothing_in_an_image_runs_whenever_python_starts_but_what_is_known(
    demo: Namespace, part: str
) -> None:
    """A `.pth` file of a package can hold code, and poisoned packages have brought some. setuptools' own is known."""
    pod = demo.ready_pods_of(SERVICE)[0] if part == "worker" else f"deployment/tidegate-{part}"
    script = (
        "import os, sys; print(sorted({name for folder in sys.path if os.path.isdir(folder) "
        "for name in os.listdir(folder) if name.endswith('.pth')} - {'distutils-precedence.pth'}))"
    )
    place = demo.name if part == "worker" else SYSTEM
    assert kubectl("exec", "-n", place, pod, "--", "python3", "-c", script).strip() == "[]"


def test_a_service_is_found_by_name_from_a_pod(demo: Namespace) -> None:
    pod = demo.ready_pods_of(SERVICE)[0]
    url = f"http://{SERVICE}.{demo.name}.svc.cluster.local/v1/models"
    script = f"import urllib.request; print(urllib.request.urlopen('{url}', timeout=20).read().decode())"
    found = json.loads(kubectl("exec", "-n", demo.name, pod, "--", "python3", "-c", script))
    assert found["data"][0]["id"] == SERVICE


def test_the_model_is_looked_into_though_it_was_copied_after_its_service_was_made(demo: Namespace) -> None:
    estimate = eventually(
        lambda: demo.get("llmservice", SERVICE)["status"].get("estimate"), "an estimate", 200
    )
    assert estimate["kvBytesPerToken"] == BYTES_PER_TOKEN


@pytest.mark.parametrize(
    ("part", "metric"),
    [("operator", "tidegate_operator_reconciles_total"), ("gateway", "tidegate_gateway_requests")],
)
def test_a_part_exports_its_metrics(part: str, metric: str) -> None:
    with (
        port_forward(SYSTEM, f"deployment/tidegate-{part}", 9090) as url,
        urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer,
    ):
        assert metric in answer.read().decode()


def test_the_gateway_serves_no_metrics_to_clients(caller: Caller) -> None:
    request = urllib.request.Request(
        f"{caller.url}/metrics", headers={"authorization": f"Bearer {caller.key}"}
    )
    try:
        status = urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        status = error.code
    assert status == 404


def test_a_deleted_child_comes_back(demo: Namespace) -> None:
    before = demo.get("service", SERVICE)["metadata"]["uid"]
    kubectl("delete", "service", "-n", demo.name, SERVICE)
    eventually(lambda: demo.get("service", SERVICE)["metadata"]["uid"] != before, "the Service is made again")
