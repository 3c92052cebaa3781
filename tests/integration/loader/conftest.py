"""A hub on this machine and an empty cache for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.server import Hub, running
from integration.loader.loading import GOOD, OTHER, Place


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """The folder that the hub serves."""
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


@pytest.fixture
def hub(shelf: Path) -> Iterator[Hub]:
    """A hub with one token that was granted what is closed, and one that was not."""
    with running(shelf, tokens={GOOD: ["Org/Closed"], OTHER: []}) as hub:
        yield hub


@pytest.fixture
def place(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Place:
    (tmp_path / "cache").mkdir()
    return Place(hub, tmp_path / "cache", monkeypatch, capsys, tmp_path / "last")
