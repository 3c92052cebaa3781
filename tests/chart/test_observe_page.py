"""What the page about observing hands out: snippets that are what they are said to be."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "observe.md").read_text(encoding="utf-8")
CRD = ROOT / "crds" / "llmservices.serving.tidegate.dev.yaml"


def field(schema: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """Return the schema of a field; raises KeyError where there is none."""
    for name in path:
        schema = schema["properties"][name]
    return schema


def test_kube_state_metrics_is_pointed_at_fields_that_are_there() -> None:
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    [found] = [block for block in blocks if block.get("kind") == "CustomResourceStateMetrics"]
    definition = yaml.safe_load(CRD.read_text(encoding="utf-8"))["spec"]
    version = definition["versions"][0]
    [resource] = found["spec"]["resources"]
    assert resource["groupVersionKind"] == {
        "group": definition["group"],
        "version": version["name"],
        "kind": definition["names"]["kind"],
    }
    schema = version["schema"]["openAPIV3Schema"]
    for metric in resource["metrics"]:
        gauge = metric["each"]["gauge"]
        leaf = field(schema, gauge["path"])
        for path in (*gauge.get("labelsFromPath", {}).values(), gauge.get("valueFrom", [])):
            field(leaf.get("items", leaf), path)


def test_every_value_that_it_sets_is_one_of_the_chart() -> None:
    values = (ROOT / "docs" / "reference" / "values.md").read_text(encoding="utf-8")
    for name in re.findall(r"--set (\w+\.\w+)", PAGE):
        assert f"`{name}`" in values, name
