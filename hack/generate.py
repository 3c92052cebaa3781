"""Writes every generated file, or with --check says which ones are not what their sources say.

Owns the list of files; how each is made is in `generators/`. Reads no file that it writes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from generators import alerts, chart, commandline, consoleapi, dashboards, metrics, reference, techniques
from generators.text import COMMAND, yaml_documents, yaml_text
from tidegate_api.crd import RESOURCES, definition
from tidegate_operator.reasons import REASONS, render_markdown

ROOT = Path(__file__).resolve().parent.parent
CRD_HEADER = f"# Made by `{COMMAND}` from crds/tidegate_api; do not edit.\n"
VALUES_INTRO = """What `helm install` can be told, with `--set NAME=VALUE` or in a file with `--values`. A name
that is not here, or a value of the wrong type, is refused before anything is installed."""


def files() -> Mapping[str, str]:
    """Return the text of every generated file by its path."""
    exposed = metrics.exposed()
    made = {
        "charts/tidegate/values.yaml": chart.values_file(),
        "charts/tidegate/values.schema.json": chart.values_schema(),
        "docs/reference/values.md": values_page(),
        "docs/reference/console-api.md": consoleapi.page(),
        "docs/reference/cli.md": commandline.command_line_page(),
        "docs/reference/conditions.md": render_markdown(),
        "charts/tidegate/rules/alerts.yaml": alerts.rules_file(exposed),
        "docs/reference/alerts.md": alerts.alerts_page(),
        "docs/reference/metrics.md": metrics.metrics_page(),
        "console/ui/src/reasons.json": console_reasons(),
    }
    made["charts/tidegate-crds.yaml"] = CRD_HEADER + yaml_documents(
        definition(resource) for resource in RESOURCES
    )
    for resource in RESOURCES:
        manifest = definition(resource)
        made[f"crds/{resource.name}.yaml"] = CRD_HEADER + yaml_text(manifest)
        made[f"charts/tidegate/templates/crds/{resource.plural}.yaml"] = chart.crd_template(manifest)
        made[f"docs/reference/{resource.singular}.md"] = reference.resource_page(resource.kind, manifest)
    made |= {f"docs/techniques/{name}.svg": picture for name, picture in techniques.pictures().items()}
    boards = dashboards.files(exposed)
    made |= {f"charts/tidegate/dashboards/{name}": board for name, board in boards.items()}
    return made


def values_page() -> str:
    """Return the reference page of the chart's values."""
    rows = reference.fields(chart.values_tree(), "")
    body = reference.table(("Value", "Type", "Default", "Meaning"), rows)
    return reference.page("Values of the chart", chart.SOURCE, VALUES_INTRO, body)


def console_reasons() -> str:
    """Return what each reason means and what to do, for the console's page to say beside it."""
    advice = {name: {"means": reason.meaning, "fix": reason.fix} for name, reason in REASONS.items()}
    return json.dumps(advice, indent=1, ensure_ascii=False) + "\n"


def stale(root: Path, made: Mapping[str, str]) -> list[str]:
    """Return the paths whose file is missing or differs."""
    return [
        path
        for path, text in made.items()
        if not (root / path).is_file() or (root / path).read_text() != text
    ]


def write(root: Path, made: Mapping[str, str]) -> None:
    """Write every file."""
    for path, text in made.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def main(words: list[str]) -> int:
    """Write or check; 1 when a check finds stale files."""
    made = files()
    if words == ["--check"]:
        found = stale(ROOT, made)
        for path in found:
            print(f"{path} is not what its source says: run `{COMMAND}`", file=sys.stderr)
        return 1 if found else 0
    if words:
        print("usage: python hack/generate.py [--check]", file=sys.stderr)
        return 2
    write(ROOT, made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
