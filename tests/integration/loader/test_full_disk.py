"""A disk that is full: known before where that can be known, and gone on from where it filled up otherwise."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from integration.loader.loading import Place, hashes, publish_large

Disk = Callable[[int], None]


@pytest.fixture
def disk(place: Place) -> Iterator[Disk]:
    """Put a file system of so many megabytes under the cache."""
    mounted = []

    def mount(megabytes: int) -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tidegate-test", str(place.cache)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a file system of its own cannot be mounted here: {done.stderr.strip()}")
        mounted.append(place.cache)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(file: Path) -> None:
    """Write until nothing more can be written."""
    with file.open("ab", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(1 << 16))


def test_a_model_that_cannot_fit_is_refused_before_it_costs_anything(
    place: Place, shelf: Path, disk: Disk
) -> None:
    publish_large(shelf, "Org/Name", 40)
    disk(24)
    ended = place.load("hf://Org/Name")
    assert (ended.code, ended.reason) == (75, "InsufficientStorage")
    assert "takes 38." in ended.said["message"]
    assert "free" in ended.said["message"]
    assert place.hub.bytes_sent() < 5_000


def test_a_disk_without_a_byte_left_is_no_surprise(place: Place, shelf: Path, disk: Disk) -> None:
    publish_large(shelf, "Org/Name", 3)
    disk(16)
    fill(place.cache / "filler")
    ended = place.load("hf://Org/Name")
    assert ended.reason in ("InsufficientStorage",)
    (place.cache / "filler").unlink()
    assert place.load("hf://Org/Name").code == 0


def test_a_disk_that_fills_up_ends_the_load_cleanly_and_the_next_one_goes_on(
    place: Place, shelf: Path, disk: Disk
) -> None:
    source = publish_large(shelf, "Org/Name", 30)
    size = sum(path.stat().st_size for path in source.glob("*.*"))
    disk(48)
    place.hub.switch({"kind": "slow", "rate": 5_000_000, "path": "/-content/"})
    loader = place.start("hf://Org/Name")
    while place.hub.bytes_sent() < 8_000_000:
        time.sleep(0.01)
    fill(place.cache / "filler")
    assert loader.wait(30) == 75
    said = place.last.read_text()
    assert "InsufficientStorage" in said
    assert "are there and stay" in said
    assert place.whole() == []
    (place.cache / "filler").unlink()
    place.hub.switch()
    ended = place.load("hf://Org/Name")
    assert ended.code == 0, ended.said
    assert place.content(ended.said["path"]) == hashes(source)
    assert place.hub.bytes_sent() < 1.2 * size


def test_a_full_disk_is_emptied_of_what_nobody_uses(place: Place, shelf: Path, disk: Disk) -> None:
    for name in ("A", "B"):
        publish_large(shelf, f"Org/{name}", 20)
    disk(36)
    old = place.load("hf://Org/A").said["path"]
    refused = place.load("hf://Org/B", f"--in-use={old}")
    assert refused.reason == "InsufficientStorage"
    assert old in refused.said["message"]
    ended = place.load("hf://Org/B")
    assert ended.said["evicted"] == [old]
    assert place.whole() == [ended.said["path"]]


def test_removing_works_on_a_full_disk(place: Place, shelf: Path, disk: Disk) -> None:
    publish_large(shelf, "Org/Name", 3)
    disk(16)
    path = place.load("hf://Org/Name").said["path"]
    fill(place.cache / "filler")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        (place.cache / "more").write_bytes(bytes(100_000))
    assert place.run("remove", f"--cache={place.cache}", f"--path={path}").code == 0
    assert place.whole() == []
