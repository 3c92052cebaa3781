"""The housekeeping of the store of images: what interrupted builds left goes, what a running one uses stays."""

import json
from pathlib import Path

import pytest

from localcluster.buildah import IN_USE, Builder
from localcluster.tools import locked


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """A store that an interrupted build has left: scratch of two kinds, a cache, and a container."""
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path))
    home = tmp_path / "images"
    for folder in ("tmp/buildah1234/layer", "tmp/buildah-cache-0/uv", "storage/overlay-containers"):
        (home / folder).mkdir(parents=True)
    (home / "tmp" / "storage9876").write_bytes(b"part of a layer")
    (home / "storage" / "overlay-containers" / "containers.json").write_text(
        json.dumps([{"id": "left-behind"}])
    )
    return Builder(home)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What buildah was asked to do."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(Builder, "_run", lambda _, *words: asked.append(words))
    return asked


def left(builder: Builder) -> set[str]:
    return {path.name for path in (builder.home / "tmp").iterdir()}


def test_scratch_and_containers_go_and_caches_stay(builder: Builder, ran: list[tuple[str, ...]]) -> None:
    builder.sweep()
    assert left(builder) == {"buildah-cache-0"}
    assert (builder.home / "tmp" / "buildah-cache-0" / "uv").is_dir()
    assert ran == [("rm", "--all")]


def test_beside_a_build_that_runs_nothing_is_touched(builder: Builder, ran: list[tuple[str, ...]]) -> None:
    with locked(IN_USE, shared=True):
        builder.sweep()
    assert left(builder) == {"buildah-cache-0", "buildah1234", "storage9876"}
    assert ran == []


def test_without_containers_buildah_is_not_asked(builder: Builder, ran: list[tuple[str, ...]]) -> None:
    (builder.home / "storage" / "overlay-containers" / "containers.json").write_text("[]")
    builder.sweep()
    assert ran == []
