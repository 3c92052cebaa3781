"""Several loaders of one cache, and who looks on."""

from __future__ import annotations

import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from integration.loader.loading import Place, asked, hashes, publish_large
from ports import free_port

SLOW = {"kind": "slow", "rate": 2_000_000, "path": "/-content/"}


def until_sent(place: Place, count: int) -> None:
    while place.hub.bytes_sent() < count:
        time.sleep(0.01)


def test_two_loaders_of_one_model_fetch_it_once(place: Place, shelf: Path) -> None:
    source = publish_large(shelf, "Org/Name", 6)
    place.hub.switch(SLOW)
    loaders = [place.start("hf://Org/Name") for _ in range(2)]
    assert [loader.wait(30) for loader in loaders] == [0, 0]
    (path,) = place.whole()
    assert place.content(path) == hashes(source)
    size = sum(file.stat().st_size for file in source.glob("*.*"))
    assert place.hub.bytes_sent() <= size


def test_who_waits_goes_on_where_the_first_was_killed(place: Place, shelf: Path) -> None:
    source = publish_large(shelf, "Org/Name", 6)
    place.hub.switch(SLOW)
    first = place.start("hf://Org/Name")
    until_sent(place, 2_000_000)
    second = place.start("hf://Org/Name")
    until_sent(place, 3_000_000)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait(30) == 0
    (path,) = place.whole()
    assert place.content(path) == hashes(source)
    assert place.hub.bytes_sent() < 6_000_000 * 1.2


def test_room_that_another_loader_will_take_is_not_given_twice(place: Place, shelf: Path) -> None:
    for name in ("A", "B"):
        publish_large(shelf, f"Org/{name}", 6)
    place.hub.switch(SLOW)
    first = place.start("hf://Org/A", "--limit-bytes=9000000")
    until_sent(place, 1_000_000)
    ended = place.load("hf://Org/B", "--limit-bytes=9000000")
    assert ended.reason == "InsufficientStorage"
    assert "hf/Org--A" in ended.said["message"]
    assert first.wait(30) == 0


def test_what_is_being_loaded_is_not_removed(
    place: Place, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_large(shelf, "Org/Name", 6)
    place.hub.switch(SLOW)
    monkeypatch.setattr("tidegate_loader.__main__.REMOVAL_SECONDS", 0.0)
    loader = place.start("hf://Org/Name")
    until_sent(place, 1_000_000)
    path = next(str(p.parent.relative_to(place.cache)) for p in place.cache.glob("hf/*/*/.tidegate"))
    ended = place.run("remove", f"--cache={place.cache}", f"--path={path}")
    assert (ended.code, ended.reason) == (75, "LoaderFailed")
    assert loader.wait(30) == 0


def watched(port: int, loader: Any) -> list[dict[str, Any]]:
    """Return what a loader tells until it ends."""
    told: list[dict[str, Any]] = []
    while loader.poll() is None:
        try:
            told.append(asked(port))
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            continue
        finally:
            time.sleep(0.02)
    return told


def test_progress_never_falls_whatever_happens_to_the_files(place: Place, shelf: Path) -> None:
    source = publish_large(shelf, "Org/Name", 6)
    place.hub.switch(
        {"kind": "corrupt", "times": 1, "path": "00001-of"},
        {"kind": "cut", "after": 300_000, "times": 1, "path": "00002-of"},
        SLOW,
    )
    port = free_port()
    loader = place.start("hf://Org/Name", port=port)
    told = watched(port, loader)
    assert loader.wait() == 0
    done = [entry["bytesDone"] for entry in told]
    assert done == sorted(done)
    known = [entry for entry in told if entry["bytesTotal"]]
    total = sum(file.stat().st_size for file in source.iterdir() if not file.name.startswith("."))
    assert {entry["bytesTotal"] for entry in known} == {total}
    assert {entry["filesTotal"] for entry in known} == {5}
    assert all(entry["bytesDone"] <= total for entry in known)
    assert len(set(done)) > 3
    assert known[0]["bytesDone"] < total
    (path,) = place.whole()
    assert {entry["path"] for entry in known} == {path}
    assert any(entry["bytesPerSecond"] and entry["remainingSeconds"] for entry in known)


def test_a_load_that_goes_on_begins_with_what_is_there(place: Place, shelf: Path) -> None:
    publish_large(shelf, "Org/Name", 6)
    place.hub.switch(SLOW)
    first = place.start("hf://Org/Name")
    until_sent(place, 3_000_000)
    first.send_signal(signal.SIGKILL)
    first.wait()
    port = free_port()
    second = place.start("hf://Org/Name", port=port)
    told = watched(port, second)
    assert second.wait() == 0
    known = [entry for entry in told if entry["bytesTotal"]]
    # What was on its way when the first one was killed is lost with it.
    assert known[0]["bytesDone"] > 1_000_000


def test_there_is_only_progress(place: Place, shelf: Path) -> None:
    publish_large(shelf, "Org/Name", 3)
    place.hub.switch(SLOW)
    port = free_port()
    loader = place.start("hf://Org/Name", port=port)
    until_sent(place, 100_000)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/../etc/passwd", timeout=5)
    assert caught.value.code == 404
    caught.value.close()
    assert loader.wait(30) == 0


def test_a_port_that_is_taken_keeps_nothing_from_being_loaded(place: Place, shelf: Path) -> None:
    publish_large(shelf, "Org/Name", 3)
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        assert place.start("hf://Org/Name", port=taken.getsockname()[1]).wait(30) == 0
    assert len(place.whole()) == 1
