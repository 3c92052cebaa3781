"""The dashboards: each panel can be acted on and asks for what is exposed, and any Grafana takes them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, Rendered
from chart.test_alerts import promtool
from generators import metrics, queries
from generators.alerts import ALERTS
from generators.dashboards import files
from generators.dashboards import queries as asked

FILES = sorted((CHART / "dashboards").glob("*.json"))
# A ConfigMap of it must fit into the release, as all of them must together.
MOST_BYTES = 64 * 1024
UNITS = {"s", "bytes", "short", "none", "ops", "reqps", "percent", "percentunit"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all panels but the headings."""
    yield from (panel for panel in board["panels"] if panel["type"] != "row")


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One of the dashboards."""
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


def test_there_are_those_five() -> None:
    assert {file.stem for file in FILES} == {
        "overview",
        "latency",
        "gpu-and-kv-cache",
        "errors-and-traffic",
        "qos-and-scaling",
    }
    assert sum(file.stat().st_size for file in FILES) < 5 * MOST_BYTES


def test_a_panel_says_what_to_do_and_in_which_unit(board: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert len(titles) == len(set(titles))
    for panel in panels(board):
        assert len(panel["description"]) > 40, panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


def test_nothing_is_of_one_grafana_alone(board: dict[str, Any]) -> None:
    assert "uid" not in board
    assert "id" not in board
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert list(variables) == ["datasource", "namespace", "service"]
    assert variables["datasource"]["type"] == "datasource"
    sources = [variables[name]["datasource"] for name in ("namespace", "service")]
    for panel in panels(board):
        sources += [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_panels_lie_beside_each_other_and_on_none(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_question_is_promql(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As rules, which promtool reads as Prometheus does; Grafana's range is one of its own choosing."""
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(asked())
    ]
    file = tmp_path_factory.mktemp("queries") / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = promtool("check", "rules", "--lint=none", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_nobody_exposes_is_found_before_a_file_is_made() -> None:
    with pytest.raises(ValueError, match="vllm:kv_cache_usage_perc"):
        files(metrics.exposed() - {"vllm:kv_cache_usage_perc"})


def test_every_metric_of_ours_is_asked_for_or_is_told_why_not() -> None:
    """A metric that nobody looks at is one that nobody needs."""
    told = {one.name for one in (*metrics.gateway(), *metrics.operator())}
    names = set().union(*(queries.names(query) for query in (*asked(), *(one.expression for one in ALERTS))))
    seen = {queries.family(name) for name in names}
    unseen = {name for name in told if queries.family(name) not in seen}
    assert unseen == {
        # What an HPA or KEDA follows, and the same as the wanted replicas.
        "tidegate_operator_desired_replicas",
        # The same as llm_inference_latency_seconds.
        "tidegate_gateway_request_duration_seconds",
    }


@pytest.mark.parametrize(
    ("query", "also"),
    [
        (
            "max(vllm:kv_cache_usage_perc)",
            "(max(vllm:kv_cache_usage_perc)) or (max(vllm:gpu_cache_usage_perc))",
        ),
        (
            "rate(vllm:prefix_cache_hits_total[5m])",
            "(rate(vllm:prefix_cache_hits_total[5m])) or (rate(vllm:gpu_prefix_cache_hits_total[5m]))",
        ),
        (
            "rate(vllm:external_prefix_cache_hits_total[5m])",
            "rate(vllm:external_prefix_cache_hits_total[5m])",
        ),
        ("sum(vllm:num_requests_running)", "sum(vllm:num_requests_running)"),
    ],
)
def test_what_was_called_otherwise_is_asked_for_by_both_names(query: str, also: str) -> None:
    assert queries.either(query) == also


def test_grafanas_sidecar_finds_each_in_a_config_map_of_its_own(chart: Callable[[str], Rendered]) -> None:
    made = [
        item
        for item in chart("watched by people").all("ConfigMap")
        if "dashboard" in item["metadata"]["name"]
    ]
    assert len(made) == len(FILES)
    for item in made:
        assert item["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert item["metadata"]["annotations"] == {"grafana_folder": "LLM"}
        [(name, content)] = item["data"].items()
        assert json.loads(content) == json.loads(
            (CHART / "dashboards" / name.removeprefix("tidegate-")).read_text()
        )


def test_without_the_flag_there_are_none(chart: Callable[[str], Rendered]) -> None:
    assert not [
        item for item in chart("the defaults").all("ConfigMap") if "dashboard" in item["metadata"]["name"]
    ]
