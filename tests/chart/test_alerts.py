"""The alerts, by Prometheus' own promtool: each is raised, and is not by what is nearly the same."""

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.alertcases import CASES, Case
from chart.rendering import CHART, Rendered, helm
from generators.alerts import ALERTS, Alert, first_step
from localcluster import tools
from tidegate_operator.reasons import REASONS

RULES = CHART / "rules" / "alerts.yaml"
GPU_MEMORY = CHART / "rules" / "gpu-memory.promql"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "alerts.md"


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    argv = [str(tools.tool("promtool")), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def judged(folder: Path, rules: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Return what promtool says of tests of rules."""
    file = folder / "test.yaml"
    every = [{"interval": "1m", **test} for test in tests]
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": every}))
    return promtool("test", "rules", str(file))


def as_test(case: Case) -> dict[str, Any]:
    """Return a case as promtool reads it."""
    alert = next(one for one in ALERTS if one.name == case.alert)
    raised = {
        "exp_labels": {**(case.labels or {}), "severity": alert.severity},
        "exp_annotations": {
            "summary": alert.summary,
            "description": case.words,
            "first_step": told(alert, case.labels or {}),
            "page": f"docs/reference/alerts.md#{alert.anchor}",
        },
    }
    expected = {
        "eval_time": f"{case.minute}m",
        "alertname": case.alert,
        "exp_alerts": [] if case.labels is None else [raised],
    }
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    return {"input_series": series, "alert_rule_test": [expected]}


def told(alert: Alert, labels: Mapping[str, str]) -> str:
    """Return an alert's first step as whoever is woken reads it."""
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda one: labels.get(one[1], ""), first_step(alert))


@pytest.fixture(scope="module")
def is_all_as_expected(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether all cases hold, asked in one go: to start promtool takes longer than to judge a case."""
    return judged(tmp_path_factory.mktemp("all"), RULES, list(map(as_test, CASES))).returncode == 0


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_is_raised_by_what_it_is_for_alone(
    case: Case, is_all_as_expected: bool, tmp_path: Path
) -> None:
    if not is_all_as_expected:
        done = judged(tmp_path, RULES, [as_test(case)])
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_shown_to_be_raised_and_not_to_be() -> None:
    names = {alert.name for alert in ALERTS}
    assert {case.alert for case in CASES if case.labels is not None} == names
    assert {case.alert for case in CASES if case.labels is None} == names


def test_prometheus_finds_nothing_wrong_with_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_message_names_whom_it_is_about() -> None:
    """An LLMService or an LLMModel; for what is the operator's own, that."""
    for alert in ALERTS:
        told = re.findall(r"\$labels\.(\w+)", alert.description)
        assert "service" in told or "model" in told or "operator" in alert.description, alert.name


def test_each_runbook_is_a_chapter_with_steps() -> None:
    chapters = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_anchor = {chapter.partition("\n")[0].lower(): chapter for chapter in chapters}
    for alert in ALERTS:
        assert re.search(r"^1\. \S", by_anchor[alert.anchor], re.MULTILINE), alert.name


def test_the_first_step_is_of_the_service_and_has_no_link_that_leads_nowhere() -> None:
    alert = next(one for one in ALERTS if one.name == "TidegateNoReadyReplica")
    assert told(alert, {"namespace": "team-a", "service": "chat"}).startswith(
        "`tidegate status chat -n team-a`"
    )
    assert [one.name for one in ALERTS if "](" in first_step(one)] == []


def test_an_alert_leads_to_no_page_of_the_web_that_nobody_said(chart: Callable[[str], Rendered]) -> None:
    assert "http" not in RULES.read_text()
    made = chart("alerts as they come").one("PrometheusRule", "-alerts")
    for rule in made["spec"]["groups"][0]["rules"]:
        assert set(rule["annotations"]) == {"summary", "description", "first_step", "page"}
        path, _, anchor = rule["annotations"]["page"].partition("#")
        assert f"\n## {rule['alert']}\n" in (PAGE.parents[2] / path).read_text()
        assert anchor == rule["alert"].lower()


def test_reasons_in_the_steps_are_those_that_conditions_have() -> None:
    steps = " ".join(step for alert in ALERTS for step in alert.fix)
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", steps))
    assert named
    assert named <= REASONS.keys()


def test_one_that_is_disabled_is_left_out_and_the_others_lead_to_ones_own_page(
    chart: Callable[[str], Rendered],
) -> None:
    made = chart("watched by people").one("PrometheusRule", "-alerts")
    rules = made["spec"]["groups"][0]["rules"]
    assert {rule["alert"] for rule in rules} == {one.name for one in ALERTS} - {"TidegateAtMaxReplicas"}
    assert rules[0]["annotations"]["runbook_url"] == "https://wiki.example.com/alerts#tidegatenoreadyreplica"
    assert made["metadata"]["labels"]["release"] == "prom"


def test_alerts_asked_for_in_a_cluster_without_the_kind_are_not_made() -> None:
    assert "PrometheusRule" not in helm("template", str(CHART), values={"alerts": {"enabled": True}})


@pytest.mark.parametrize(
    ("labels", "title"),
    [
        ('namespace="team-a",pod="chat-1"', "whose labels were honoured"),
        ('namespace="gpu",pod="dcgm-1",exported_namespace="team-a",exported_pod="chat-1"', "as it comes"),
    ],
    ids=lambda value: value if " " in value else "",
)
def test_memory_of_a_gpu_is_that_of_the_worker_which_holds_it(
    labels: str, title: str, tmp_path: Path
) -> None:
    """And not that of the exporter's own Pod, nor of other Pods."""
    rules = tmp_path / "rules.yaml"
    record = {"record": "llm_gpu_memory_usage_bytes", "expr": GPU_MEMORY.read_text()}
    rules.write_text(yaml.safe_dump({"groups": [{"name": "gpu", "rules": [record]}]}))
    series = {
        f'DCGM_FI_DEV_FB_USED{{gpu="0",{labels}}}': "1024x5",
        'DCGM_FI_DEV_FB_USED{gpu="1",namespace="gpu",pod="dcgm-1"}': "5x5",
        'DCGM_FI_DEV_FB_USED{gpu="2",namespace="team-b",pod="training"}': "70000x5",
        'vllm:num_requests_running{namespace="team-a",service="chat",pool="shared",pod="chat-1",engine="0"}': "0x5",
    }
    place = 'namespace="team-a",service="chat",pool="shared",pod="chat-1",gpu="0"'
    expected = {"labels": f"llm_gpu_memory_usage_bytes{{{place}}}", "value": 2**30}
    asked = {"expr": "llm_gpu_memory_usage_bytes", "eval_time": "3m", "exp_samples": [expected]}
    given = [{"series": name, "values": values} for name, values in series.items()]
    done = judged(tmp_path, rules, [{"input_series": given, "promql_expr_test": [asked]}])
    assert done.returncode == 0, done.stdout + done.stderr
