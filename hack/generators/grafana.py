"""Dashboards as Grafana 11 reads them: panels in rows, variables, and nothing that belongs to one Grafana alone.

Owns the form. A panel's data source is the variable, a dashboard has no uid and finds the others by their tag, so that
the same file works anywhere. Must not know what is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
TAG: Final = "tidegate"
# Grafana's grid has 24 columns.
COLUMNS: Final = 24
HEIGHT: Final = {"stat": 4, "table": 8, "timeseries": 8}
# Of Grafana 11.0.
SCHEMA: Final = 39


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: its unit is Grafana's id of it, `queries` are PromQL with a legend; `description` says what to do."""

    title: str
    description: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: Literal["stat", "table", "timeseries"] = "timeseries"
    is_stacked: bool = False
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, as many in a line as fit `across`."""

    title: str
    panels: tuple[Panel, ...]
    across: int = 3


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard; `name` is that of its file."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> Iterator[Panel]:
        """Return all panels."""
        for row in self.rows:
            yield from row.panels


def dashboard_json(board: Dashboard) -> str:
    """Return the file of a dashboard."""
    content = {
        "title": board.title,
        "description": board.description,
        "tags": [TAG],
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [_links()],
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": _grid(board.rows),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _links() -> dict[str, Any]:
    shared = {"asDropdown": True, "includeVars": True, "keepTime": True, "targetBlank": False}
    return {"type": "dashboards", "title": "Tidegate", "tags": [TAG], **shared}


def _variables() -> list[dict[str, Any]]:
    services = "tidegate_operator_service_ready"
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        _choice("namespace", f"label_values({services}, namespace)"),
        _choice("service", f'label_values({services}{{namespace=~"$namespace"}}, service)'),
    ]


def _choice(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _grid(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return all panels with their places, each row below a heading of its own."""
    placed: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        heading = {"h": 1, "w": COLUMNS, "x": 0, "y": top}
        placed.append(
            {
                "id": len(placed) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": heading,
                "panels": [],
            }
        )
        top += 1
        width = COLUMNS // row.across
        for start in range(0, len(row.panels), row.across):
            line = row.panels[start : start + row.across]
            height = max(HEIGHT[panel.kind] for panel in line)
            for column, panel in enumerate(line):
                place = {"h": height, "w": width, "x": column * width, "y": top}
                placed.append({"id": len(placed) + 1, "gridPos": place, **_panel(panel)})
            top += height
    return placed


def _panel(panel: Panel) -> dict[str, Any]:
    looks = {"stat": _stat, "table": _table, "timeseries": _timeseries}[panel.kind](panel)
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": [_target(panel, number) for number in range(len(panel.queries))],
        **looks,
    }


def _target(panel: Panel, number: int) -> dict[str, Any]:
    query, legend = panel.queries[number]
    now = (
        {"instant": True, "range": False} if panel.kind != "timeseries" else {"instant": False, "range": True}
    )
    form = {"format": "table"} if panel.kind == "table" else {}
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": query,
        "legendFormat": legend,
        **now,
        **form,
    }


def _bounds(panel: Panel) -> dict[str, Any]:
    return {"min": 0, **({} if panel.highest is None else {"max": panel.highest})}


def _timeseries(panel: Panel) -> dict[str, Any]:
    custom: dict[str, Any] = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
    if panel.is_stacked:
        custom = {**custom, "fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    return {
        "fieldConfig": {
            "defaults": {"unit": panel.unit, **_bounds(panel), "custom": custom},
            "overrides": [],
        },
        "options": {
            "legend": {
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": True,
                "calcs": ["lastNotNull"],
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _stat(panel: Panel) -> dict[str, Any]:
    return {
        "fieldConfig": {"defaults": {"unit": panel.unit, **_bounds(panel)}, "overrides": []},
        "options": {
            "colorMode": "none",
            "graphMode": "area",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "auto",
        },
    }


def _table(panel: Panel) -> dict[str, Any]:
    hidden = {"Time": True, "Value": True, "__name__": True}
    return {
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {"showHeader": True},
        "transformations": [{"id": "organize", "options": {"excludeByName": hidden}}],
    }
