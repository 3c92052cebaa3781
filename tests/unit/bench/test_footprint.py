"""What is said of components at rest follows from what was measured."""

from __future__ import annotations

from pathlib import Path

from tidegate_bench.footprint import publish
from tidegate_bench.footprint.bench import Measured, judged, size_of
from tidegate_bench.footprint.components import COMPONENTS

OPERATOR = Measured("operator", environment_mib=70, import_seconds=[1.0, 1.2, 1.6], idle_mib=79.0)
CONSOLE = Measured("console", environment_mib=60, import_seconds=[1.0, 1.1, 1.2], idle_mib=200.0)


def test_an_import_is_quick_enough_only_if_the_slowest_was() -> None:
    met = {goal.name: goal.is_met for goal in judged([OPERATOR, CONSOLE])}
    assert met == {
        "footprint-operator-import": False,
        "footprint-operator-idle": True,
        "footprint-console-import": True,
    }


def test_the_page_has_a_line_for_each_component() -> None:
    found = {
        "machine": {"cores": 2, "python": "3.11.2"},
        "rounds": 3,
        "components": [
            {"name": "operator", "environment_mib": 70.4, "import_seconds": [1.0, 1.2, 1.6], "idle_mib": 79.4}
        ],
        "goals": [],
    }
    assert "| operator | 70 MiB | 1.2 s | 79 MiB |" in list(publish.measured(found, "1 May 2026"))


def test_files_are_counted_once_though_links_lead_to_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "file")
    assert size_of(tmp_path) == 10


def test_every_component_has_an_extra_of_its_own() -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert all(f"\n{one.name} = [" in text for one in COMPONENTS)
