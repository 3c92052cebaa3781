"""The dashboards as files of the chart.

Owns which there are, and that each asks only for what gateway, operator, console or the pinned vLLM really expose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from generators.boards.latency import LATENCY
from generators.boards.memory import MEMORY
from generators.boards.overview import OVERVIEW
from generators.boards.qos import QOS
from generators.boards.traffic import TRAFFIC
from generators.grafana import dashboard_json
from generators.queries import unknown

DASHBOARDS: Final = (OVERVIEW, LATENCY, MEMORY, TRAFFIC, QOS)


def queries() -> list[str]:
    """Return all that they ask for."""
    return [query for board in DASHBOARDS for panel in board.panels for query, _ in panel.queries]


def files(exposed: set[str]) -> Mapping[str, str]:
    """Return each dashboard by its file's name; raises ValueError for a metric that nobody exposes."""
    missing = unknown(queries(), exposed)
    if missing:
        raise ValueError(f"dashboards ask for what nobody exposes: {', '.join(sorted(missing))}")
    return {f"{board.name}.json": dashboard_json(board) for board in DASHBOARDS}
