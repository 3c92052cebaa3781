"""What the running parts really tell is what dashboards, alerts and docs say of them."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

import vllm_metrics
from e2e.cluster import Json, Namespace, Refused, eventually, kubectl, port_forward
from e2e.conftest import SERVICE, SYSTEM, Caller
from generators import metrics
from generators.alerts import ALERTS
from generators.dashboards import queries

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MONITORING = "monitoring"
VARIABLES = {"$__rate_interval": "5m", "$namespace": ".*", "$service": ".*"}
# What a page of the older format adds to counters.
ADDED = "_created"


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """The address of the cluster's Prometheus."""
    try:
        kubectl("get", "service", "prometheus", "-n", MONITORING)
    except Refused:
        pytest.skip("this cluster has no Prometheus of ours")
    kubectl("rollout", "status", "deployment/prometheus", "-n", MONITORING, "--timeout=60s")
    with port_forward(MONITORING, "service/prometheus", 9090) as url:
        yield url


def get(url: str) -> str:
    """Return what an address answers."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def families(page: str) -> dict[str, str]:
    """Return the type of each metric of ours on a page, by its name as Prometheus keeps it."""
    types = (line.split()[2:4] for line in page.splitlines() if line.startswith("# TYPE "))
    return {
        name: kind for name, kind in types if not name.startswith("process_") and not name.endswith(ADDED)
    }


@pytest.mark.parametrize(
    ("part", "known"),
    [("gateway", metrics.gateway()), ("operator", metrics.operator())],
    ids=["gateway", "operator"],
)
def test_a_part_tells_what_its_reference_says_and_nothing_else(
    caller: Caller, part: str, known: list[metrics.Known]
) -> None:
    with port_forward(SYSTEM, f"deployment/tidegate-{part}", 9090) as url:
        told = families(get(f"{url}/metrics"))
    assert {name.removesuffix("_total") for name in told} == {
        one.name.removesuffix("_total") for one in known
    }


def test_the_demos_worker_tells_what_was_recorded(demo: Namespace, caller: Caller) -> None:
    caller.client().completions.create(model=SERVICE, prompt="Once", max_tokens=2)
    [pod] = demo.ready_pods_of(SERVICE)
    with port_forward(demo.name, f"pod/{pod}", 8000) as url:
        told = vllm_metrics.families(get(f"{url}/metrics"))
    assert told.items() >= vllm_metrics.read_list().items()


def test_prometheus_evaluates_every_alert_without_an_error(prometheus: str) -> None:
    def evaluated() -> list[Json] | None:
        groups: list[Json] = json.loads(get(f"{prometheus}/api/v1/rules"))["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if rules and all(rule["health"] != "unknown" for rule in rules) else None

    found = eventually(evaluated, "every rule was evaluated", 120)
    assert {rule["name"] for rule in found} == {alert.name for alert in ALERTS}
    assert [(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"] == []


def test_no_alert_is_raised_about_a_demo_that_is_well(demo: Namespace, prometheus: str) -> None:
    raised = json.loads(get(f"{prometheus}/api/v1/alerts"))["data"]["alerts"]
    firing = [one["labels"] for one in raised if one["state"] == "firing"]
    assert [labels for labels in firing if labels.get("service") == SERVICE] == []


def test_every_panel_asks_what_prometheus_can_answer(prometheus: str) -> None:
    for query in queries():
        for name, value in VARIABLES.items():
            query = query.replace(name, value)  # noqa: PLW2901 - each variable in turn
        words = urllib.parse.urlencode({"query": query})
        assert json.loads(get(f"{prometheus}/api/v1/query?{words}"))["status"] == "success", query


@pytest.mark.parametrize(
    "name",
    [
        "llm_inference_latency_seconds_count",
        "llm_throughput_tokens_per_second",
        "llm_batch_size",
        "llm_active_requests",
    ],
)
def test_the_usual_names_are_there_under_the_services_own(caller: Caller, prometheus: str, name: str) -> None:
    caller.client().completions.create(model=SERVICE, prompt="Once", max_tokens=2)
    words = urllib.parse.urlencode({"query": f'{name}{{namespace="tidegate-demo",service="{SERVICE}"}}'})
    eventually(
        lambda: json.loads(get(f"{prometheus}/api/v1/query?{words}"))["data"]["result"],
        f"{name} is scraped",
        60,
    )


def test_a_workers_numbers_carry_the_service_that_it_is_of(demo: Namespace, prometheus: str) -> None:
    """Else no alert could name it."""
    query = f'vllm:generation_tokens_total{{namespace="{demo.name}",service="{SERVICE}",pool="shared"}}'
    words = urllib.parse.urlencode({"query": query})
    eventually(
        lambda: json.loads(get(f"{prometheus}/api/v1/query?{words}"))["data"]["result"], "it is scraped", 60
    )
