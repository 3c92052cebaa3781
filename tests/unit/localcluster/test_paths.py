"""Names and places: two checkouts share the cache and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster.paths import Layout, cache_dir, checkout_id


def test_every_checkout_has_its_own_id(tmp_path: Path) -> None:
    first, second = checkout_id(tmp_path / "a"), checkout_id(tmp_path / "b")
    assert first != second
    assert first == checkout_id(tmp_path / "a")


def test_names_and_places_differ_between_checkouts() -> None:
    first, second = Layout(Path("/cache"), "00000001"), Layout(Path("/cache"), "00000002")
    for name in ("state", "cluster", "planes", "volumes", "kubeconfig", "link", "table", "cgroup"):
        assert getattr(first, name) != getattr(second, name)


def test_the_interface_name_fits_the_kernel(tmp_path: Path) -> None:
    assert len(Layout(tmp_path, checkout_id(tmp_path)).link) <= 15


def test_the_cache_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path


def test_the_cache_follows_the_desktop_convention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TIDEGATE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "tidegate"
