"""A model comes whole: from both hubs, past bad moments, over what was there, and past nobody's room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.repos import Shelf
from integration.loader.loading import CONFIG, GOOD, SMALL, Place, environment, hashes, publish, publish_large


def commit_of(shelf: Path, name: str) -> str:
    repo = Shelf(shelf).repo(name)
    assert repo is not None
    return repo.default.commit


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_a_model_comes_with_what_is_known_of_it(place: Place, shelf: Path, scheme: str) -> None:
    publish(shelf, "Org/Name")
    ended = place.load(f"{scheme}://Org/Name")
    commit = commit_of(shelf, "Org/Name")
    path = f"{scheme}/Org--Name/{commit}"
    said = dict(ended.said)
    assert ended.code == 0
    assert said.pop("shape")["layers"] == 2
    assert said.pop("bytes") == sum(f.stat().st_size for f in (place.cache / path).iterdir() if f.is_file())
    assert said == {"revision": commit, "path": path, "license": "apache-2.0", "evicted": []}
    there = hashes(shelf / "Org/Name")
    del there["README.md"]
    assert place.content(path) == there


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_a_model_that_is_there_costs_one_look_at_most(place: Place, shelf: Path, scheme: str) -> None:
    publish(shelf, "Org/Name")
    first = place.load(f"{scheme}://Org/Name").said
    place.hub.faults.forget()
    assert place.load(f"{scheme}://Org/Name").said == first
    assert place.hub.bytes_sent() == 0
    place.hub.faults.forget()
    pinned = place.load(f"{scheme}://Org/Name", f"--revision={first['revision']}")
    assert (pinned.said, place.hub.requests()) == (first, [])


def test_a_branch_is_pinned_and_a_pin_stays_when_the_branch_moves(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    publish(shelf, "Org/Name@v1", {"config.json": CONFIG, "model.safetensors": SMALL, "a.json": {}})
    old = place.load("hf://Org/Name", "--revision=v1").said
    assert (place.cache / old["path"] / "a.json").exists()
    publish(shelf, "Org/Name", {"b.json": {}})
    new = place.load("hf://Org/Name").said
    assert new["revision"] != old["revision"]
    assert (place.cache / new["path"] / "b.json").exists()
    assert place.load("hf://Org/Name", f"--revision={old['revision']}").said == old


def test_a_closed_model_comes_with_a_token_that_leaves_the_hub_for_nowhere(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Closed", gated="manual", private=True)
    for scheme in ("hf", "ms"):
        ended = place.load(f"{scheme}://Org/Closed", token=GOOD)
        assert ended.code == 0, ended.said
        assert GOOD not in ended.log
    # The other host answers 400 to whoever brings credentials along.
    contents = [entry for entry in place.hub.requests() if entry["path"].startswith("/-content/")]
    assert contents
    assert not any(entry["token"] for entry in contents)
    assert not any(GOOD in file.read_text("latin-1") for file in place.cache.rglob("*") if file.is_file())


@pytest.mark.parametrize("scheme", ["hf", "ms"])
@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "cut", "after": 1000, "times": 3, "path": "safetensors"}],
        [{"kind": "cut", "after": 0, "times": 2, "path": "safetensors"}],
        [{"kind": "status", "status": 503, "times": 2}],
        [{"kind": "status", "status": 500, "times": 1, "path": "safetensors"}],
        [{"kind": "status", "status": 429, "headers": {"Retry-After": "0"}, "times": 2}],
        [{"kind": "status", "status": 416, "times": 1, "path": "/-content/"}],
        [{"kind": "chunked"}],
        [{"kind": "chunked"}, {"kind": "cut", "after": 1000, "times": 1, "path": "safetensors"}],
        [{"kind": "corrupt", "times": 1, "path": "safetensors"}],
        [{"kind": "corrupt", "times": 1, "path": "tokenizer.json"}],
        [
            {"kind": "cut", "after": 1000, "times": 1, "path": "safetensors"},
            {"kind": "whole", "path": "safetensors"},
        ],
    ],
    ids=[
        "cut, and gone on",
        "cut before the first byte",
        "away for a moment",
        "broken for a moment",
        "too many requests for a moment",
        "no such range once",
        "without a length",
        "without a length, and cut",
        "other bytes once",
        "a small file with other bytes once",
        "cut by a hub without ranges",
    ],
)
def test_a_bad_moment_is_survived(
    place: Place, shelf: Path, scheme: str, faults: list[dict[str, Any]]
) -> None:
    publish(shelf, "Org/Name")
    place.hub.switch(*faults)
    ended = place.load(f"{scheme}://Org/Name")
    assert ended.code == 0, ended.said
    assert place.content(ended.said["path"]).items() <= hashes(shelf / "Org/Name").items()


def test_a_hub_that_falls_silent_is_asked_again(
    place: Place, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shelf, "Org/Name")
    monkeypatch.setattr("tidegate_loader.web.READ_SECONDS", 0.2)
    place.hub.switch({"kind": "stall", "after": 1000, "seconds": 1, "times": 1, "path": "/-content/"})
    assert place.load("hf://Org/Name").code == 0
    place.hub.switch({"kind": "stall", "after": 0, "seconds": 1, "path": "/-content/"})
    publish(shelf, "Org/Other")
    ended = place.load("hf://Org/Other")
    assert ended.reason == "HubUnreachable"
    assert "was silent" in ended.said["message"]


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    place: Place, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shelf, "Org/Name")
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://user:password-of-proxy@127.0.0.1:9")
    ended = place.load("hf://Org/Name")
    assert ended.reason == "HubUnreachable"
    assert "through the proxy" in ended.said["message"]
    assert "password-of-proxy" not in ended.log


def test_what_was_cut_goes_on_where_it_stood(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    place.hub.switch({"kind": "cut", "after": 1000, "times": 1, "path": "/-content/"})
    assert place.load("hf://Org/Name").code == 0
    ranges = [entry["range"] for entry in place.hub.requests() if "/-content/" in entry["path"]]
    assert ranges == [f"bytes=0-{len(SMALL) - 1}", f"bytes=1000-{len(SMALL) - 1}"]


def test_a_part_that_is_longer_than_its_file_begins_anew(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    place.hub.switch({"kind": "status", "status": 404, "path": "safetensors"})
    assert place.load("hf://Org/Name").code == 78
    place.hub.switch()
    (parts,) = place.cache.rglob("parts")
    (file,) = [f for f in Shelf(shelf).repo("Org/Name").default.files.values() if f.lfs]  # type: ignore[union-attr]
    (parts / file.sha256).write_bytes(bytes(file.size + 1))
    assert place.load("hf://Org/Name").code == 0


def test_a_part_that_is_wrong_is_fetched_again(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    place.hub.switch({"kind": "status", "status": 404, "path": "safetensors"})
    assert place.load("hf://Org/Name").code == 78
    place.hub.switch()
    (parts,) = place.cache.rglob("parts")
    (file,) = [f for f in Shelf(shelf).repo("Org/Name").default.files.values() if f.lfs]  # type: ignore[union-attr]
    (parts / file.sha256).write_bytes(b"x" * (file.size - 5))
    ended = place.load("hf://Org/Name")
    assert ended.code == 0
    assert place.content(ended.said["path"])["model.safetensors"] == file.sha256


def test_offline_takes_what_is_there_and_asks_nobody(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    first = place.load("hf://Org/Name").said
    place.hub.faults.forget()
    assert place.load("hf://Org/Name", "--offline").said == first
    assert place.load("hf://Org/Name", "--offline", f"--revision={first['revision']}").said == first
    assert place.load("hf://Org/Name", "--offline", "--revision=v2").reason == "HubOffline"
    assert place.load("ms://Org/Name", "--offline").reason == "HubOffline"
    assert place.hub.requests() == []


def test_a_complete_model_whose_file_has_another_size_is_completed(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    said = place.load("hf://Org/Name").said
    file = place.cache / said["path"] / "model.safetensors"
    file.write_bytes(b"short")
    assert place.load("hf://Org/Name", f"--revision={said['revision']}").said == said
    assert file.read_bytes() == SMALL


def test_verify_finds_what_a_size_does_not(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    said = place.load("hf://Org/Name").said
    file = place.cache / said["path"] / "model.safetensors"
    file.write_bytes(bytes(len(SMALL)))
    assert place.load("hf://Org/Name").code == 0
    assert file.read_bytes() != SMALL
    assert place.load("hf://Org/Name", "--verify").said == said
    assert file.read_bytes() == SMALL


def test_a_link_in_the_cache_leads_nothing_out_of_it(place: Place, shelf: Path, tmp_path: Path) -> None:
    publish(
        shelf, "Org/Name", {"config.json": CONFIG, "model.safetensors": SMALL, "1_Pooling/config.json": {}}
    )
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = place.cache / "hf" / "Org--Name" / commit_of(shelf, "Org/Name")
    folder.mkdir(parents=True)
    (folder / "1_Pooling").symlink_to(outside)
    ended = place.load("hf://Org/Name")
    assert ended.reason == "UnsafeFormat"
    folder.rename(tmp_path / "away")
    folder.symlink_to(outside)
    assert place.load("hf://Org/Name").code != 0
    assert list(outside.iterdir()) == []


def test_the_least_recently_used_leave_for_a_new_one(place: Place, shelf: Path) -> None:
    paths = {}
    for number, name in enumerate(("A", "B", "C")):
        publish_large(shelf, f"Org/{name}", 3)
        paths[name] = place.load(f"hf://Org/{name}").said["path"]
        used = place.cache / paths[name] / ".tidegate" / "used"
        os.utime(used, (1000.0 + number, 1000.0 + number))
    publish_large(shelf, "Org/D", 3)
    # Used now, A is no longer the oldest; C is in use.
    place.load("hf://Org/A")
    ended = place.load("hf://Org/D", "--limit-bytes=9200000", f"--in-use={paths['C']}")
    assert ended.code == 0, ended.said
    assert ended.said["evicted"] == [paths["B"]]
    assert not (place.cache / paths["B"]).exists()
    assert place.whole() == sorted([paths["A"], paths["C"], ended.said["path"]])


def test_in_use_stays_whatever_happens(place: Place, shelf: Path) -> None:
    for name in ("A", "B"):
        publish_large(shelf, f"Org/{name}", 3)
    kept = place.load("hf://Org/A").said["path"]
    ended = place.load("hf://Org/B", "--limit-bytes=4000000", f"--in-use={kept}")
    assert ended.reason == "InsufficientStorage"
    assert kept in ended.said["message"]
    assert place.whole() == [kept]
    assert not any(
        "safetensors" in e["path"] for e in place.hub.requests() if "Org/B" in e["path"] and e["bytes"] > 1000
    )


def test_an_older_revision_leaves_for_a_newer_one_of_the_same_model(place: Place, shelf: Path) -> None:
    publish_large(shelf, "Org/Name", 3)
    old = place.load("hf://Org/Name").said["path"]
    publish(shelf, "Org/Name", {"more.json": {}})
    ended = place.load("hf://Org/Name", "--limit-bytes=4000000")
    assert ended.said["evicted"] == [old]


def test_who_left_is_told_also_when_the_load_took_two_tries(place: Place, shelf: Path) -> None:
    for name in ("A", "B"):
        publish_large(shelf, f"Org/{name}", 3)
    gone = place.load("hf://Org/A").said["path"]
    place.hub.switch({"kind": "status", "status": 503, "path": r"Org/B.*00002-of"})
    failed = place.load("hf://Org/B", "--limit-bytes=4000000")
    assert (failed.reason, failed.said["evicted"]) == ("HubUnreachable", [gone])
    place.hub.switch()
    assert place.load("hf://Org/B", "--limit-bytes=4000000").said["evicted"] == [gone]


def test_removing_takes_one_model_and_its_empty_folder(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    publish(shelf, "Org/Other")
    path = place.load("hf://Org/Name").said["path"]
    other = place.load("hf://Org/Other").said["path"]
    ended = place.run("remove", f"--cache={place.cache}", f"--path={path}")
    assert (ended.code, ended.said["path"]) == (0, path)
    assert ended.said["bytes"] > len(SMALL)
    assert not (place.cache / path).parent.exists()
    assert place.whole() == [other]
    assert place.run("remove", f"--cache={place.cache}", f"--path={path}").said == {"path": path, "bytes": 0}


@pytest.mark.parametrize("path", ["../x", "hf/Org--Name", "/etc", "hf/Org--Name/../../..", ".tidegate"])
def test_only_a_model_is_removed(place: Place, shelf: Path, path: str) -> None:
    publish(shelf, "Org/Name")
    place.load("hf://Org/Name")
    ended = place.run("remove", f"--cache={place.cache}", f"--path={path}")
    assert (ended.code, ended.reason) == (78, "ModelNotFound")
    assert len(place.whole()) == 1


def test_a_removal_that_was_cut_short_is_finished_by_the_next_command(place: Place, shelf: Path) -> None:
    publish(shelf, "Org/Name")
    left = place.cache / ".tidegate" / "leaving" / "x" / "model"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"1")
    place.load("hf://Org/Name")
    assert list((place.cache / ".tidegate" / "leaving").iterdir()) == []


def test_inspecting_tells_bytes_and_shape(place: Place, shelf: Path) -> None:
    folder = publish(shelf, "Org/Name")
    ended = place.run("inspect", f"--path={folder}")
    assert (ended.code, ended.said["bytes"]) == (0, len(SMALL))
    assert ended.said["shape"]["attentionHeads"] == 4
    assert ended.said["shape"]["dtype"] == "bfloat16"


def test_inspecting_takes_the_type_from_the_weights_where_the_config_has_none(
    place: Place, shelf: Path
) -> None:
    config = {name: value for name, value in CONFIG.items() if name != "torch_dtype"}
    folder = publish(shelf, "Org/Name", {"config.json": config, "model.safetensors": SMALL})
    assert place.run("inspect", f"--path={folder}").said["shape"]["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (None, "ModelNotFound"),
        ({"config.json": CONFIG}, "ModelNotFound"),
        ({"config.json": b"[", "model.safetensors": SMALL}, "InvalidModelConfig"),
    ],
    ids=["no folder", "no weights", "no sense"],
)
def test_inspecting_what_is_no_model_says_so(place: Place, shelf: Path, files: Any, reason: str) -> None:
    folder = publish(shelf, "Org/Name", files) if files else shelf / "nowhere"
    ended = place.run("inspect", f"--path={folder}")
    assert (ended.code, ended.reason) == (78, reason)
    assert str(folder) in ended.said["message"]


def test_what_nobody_expects_is_told_in_a_sentence(
    place: Place, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shelf, "Org/Name")
    env = {**os.environ, **environment(place.hub, None)}
    code = "import sys, tidegate_loader.cache as c; c.Cache.free_bytes = lambda s: 1 / 0; "
    run = "from tidegate_loader.__main__ import main; sys.exit(main())"
    words = [
        "load",
        "--uri=hf://Org/Name",
        f"--cache={place.cache}",
        "--port=0",
        f"--termination-message={place.last}",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code + run, *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 75
    assert json.loads(place.last.read_text())["reason"] == "LoaderFailed"
    assert "ZeroDivisionError" in place.last.read_text()
    assert "Traceback" not in done.stderr


def test_the_hub_is_one_that_its_own_client_takes_for_real(place: Place, shelf: Path, tmp_path: Path) -> None:
    """What the loader speaks to here is what huggingface_hub speaks to, so it is the protocol and no invention."""
    publish(shelf, "Org/Closed", gated="auto")
    script = (
        "import sys; from huggingface_hub import HfApi, snapshot_download; url, token, to = sys.argv[1:]\n"
        "info = HfApi(url, token=token).model_info('Org/Closed', files_metadata=True)\n"
        "snapshot_download('Org/Closed', endpoint=url, token=token, local_dir=to)\n"
        "print(info.sha, info.gated, info.card_data.license)"
    )
    env = {
        **os.environ,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-c", script, place.hub.url, GOOD, str(tmp_path / "theirs")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    ours = place.load("hf://Org/Closed", token=GOOD).said
    assert done.stdout.split() == [ours["revision"], "auto", "apache-2.0"]
    assert place.content(ours["path"]).items() <= hashes(tmp_path / "theirs").items()
