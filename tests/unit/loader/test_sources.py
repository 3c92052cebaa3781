"""What hubs say, read into the one form that the loader works with."""

from typing import Any

import pytest

from tidegate_loader.failure import LoadFailed
from tidegate_loader.fetching import Patience
from tidegate_loader.listing import HashKind, RemoteFile
from tidegate_loader.names import parse
from tidegate_loader.sources import address, huggingface, modelscope, source_of

HF, MS = parse("hf://Org/Name"), parse("ms://Org/Name")
COMMIT = "83ee97c66e841048bedc5c02c15ce2f3ed259feb"
OLDER = "f194f50981eaaa6019bbec5049a4c7e1fd294110"


def test_huggingface_names_a_commit_sizes_and_both_kinds_of_hashes() -> None:
    answer = {
        "sha": COMMIT,
        "cardData": {"license": "apache-2.0"},
        "siblings": [
            {"rfilename": "config.json", "size": 5, "blobId": "b" * 40},
            {
                "rfilename": "m.safetensors",
                "size": 9,
                "blobId": "p" * 40,
                "lfs": {"sha256": "a" * 64, "size": 9},
            },
        ],
    }
    listing = huggingface.read_listing(answer, HF)
    assert (listing.commit, listing.license) == (COMMIT, "apache-2.0")
    assert listing.files == (
        RemoteFile("config.json", 5, "git-sha1", "b" * 40),
        RemoteFile("m.safetensors", 9, "sha256", "a" * 64),
    )


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        "text",
        {"sha": COMMIT, "siblings": None},
        {"sha": COMMIT, "siblings": [{"rfilename": "a"}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "a", "size": "9", "blobId": "b"}]},
        {"sha": COMMIT, "siblings": [{"rfilename": "a", "size": 9, "blobId": None}]},
    ],
)
def test_what_could_not_be_checked_is_not_loaded_from_huggingface(answer: Any) -> None:
    with pytest.raises(LoadFailed) as caught:
        huggingface.read_listing(answer, HF)
    assert caught.value.reason == "LoaderFailed"
    assert HF.uri in caught.value.message


@pytest.mark.parametrize(
    ("card", "license_"),
    [
        ({"license": "mit"}, "mit"),
        ({"license": ["mit", "x"]}, "mit, x"),
        ({}, None),
        (None, None),
        ({"license": ""}, None),
    ],
)
def test_a_licence_is_what_the_card_says(card: Any, license_: str | None) -> None:
    assert huggingface.license_of({"cardData": card}) == license_


def blob(name: str, revision: str = OLDER) -> dict[str, Any]:
    return {"Path": name, "Type": "blob", "Size": 5, "Sha256": "A" * 64, "Revision": revision}


@pytest.mark.parametrize(
    ("latest", "asked", "commit"),
    [
        pytest.param({"Id": COMMIT, "ShortId": COMMIT[:8]}, "master", COMMIT, id="its whole id"),
        pytest.param(
            {"Id": "", "ShortId": COMMIT[:8]}, "master", COMMIT, id="its beginning, and a file it changed"
        ),
        pytest.param({"Id": "", "ShortId": "0123abcd"}, "master", "0123abcd", id="its beginning alone"),
        pytest.param(None, COMMIT, COMMIT, id="asked for by its id"),
    ],
)
def test_modelscope_says_in_several_ways_which_commit_a_list_is_of(
    latest: Any, asked: str, commit: str
) -> None:
    data = {"Files": [blob("a"), blob("b", COMMIT), {"Path": "c", "Type": "tree"}], "LatestCommitter": latest}
    found, files = modelscope.read_listing(data, MS, asked)
    assert found == commit
    assert files == (RemoteFile("a", 5, "sha256", "a" * 64), RemoteFile("b", 5, "sha256", "a" * 64))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"Files": "x"},
        {"Files": [blob("a")], "LatestCommitter": None},
        {"Files": [blob("a")], "LatestCommitter": {"ShortId": "../../x"}},
        {"Files": [blob("a") | {"Sha256": ""}], "LatestCommitter": {"ShortId": COMMIT[:8]}},
        {"Files": [blob("a")] * modelscope.MAX_FILES, "LatestCommitter": {"Id": COMMIT}},
    ],
    ids=["nothing", "no list", "no commit", "no commit's name", "no hash", "a list that may be cut"],
)
def test_what_could_not_be_checked_is_not_loaded_from_modelscope(data: Any) -> None:
    with pytest.raises(LoadFailed) as caught:
        modelscope.read_listing(data, MS, "master")
    assert caught.value.reason == "LoaderFailed"


def test_names_are_quoted_in_addresses() -> None:
    assert huggingface.file_url("https://h", HF, COMMIT, "a b/ü?.txt").endswith(
        f"/resolve/{COMMIT}/a%20b/%C3%BC%3F.txt"
    )
    assert modelscope.file_url("https://m", MS, COMMIT, "a b&c").endswith(
        f"Revision={COMMIT}&FilePath=a%20b%26c"
    )


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (None, "https://usual"),
        ("", "https://usual"),
        ("https://mirror/", "https://mirror"),
        ("http://mirror:8000/hub/", "http://mirror:8000/hub"),
        ("mirror.example", "https://mirror.example"),
    ],
)
def test_an_endpoint_is_taken_from_the_environment(given: str | None, used: str) -> None:
    assert address(given, "https://usual") == used


def test_each_hub_has_its_own_endpoint_token_and_pages() -> None:
    env = {"HF_ENDPOINT": "http://h", "HF_TOKEN": " t\n", "MODELSCOPE_ENDPOINT": "http://m"}
    hub, scope = source_of(HF, env), source_of(MS, env)
    assert (hub.endpoint, hub.web.auth.token, hub.page(HF)) == ("http://h", "t", "http://h/Org/Name")
    assert (scope.endpoint, scope.web.auth.token, scope.page(MS)) == (
        "http://m",
        None,
        "http://m/models/Org/Name",
    )
    assert (hub.default_revision, scope.default_revision) == ("main", "master")


@pytest.mark.parametrize("token", ["hf_a\nX-Evil: 1", "hf_a b", "hf_ü", "hf_\0"])
def test_a_token_that_would_break_a_header_is_invalid(token: str) -> None:
    with pytest.raises(LoadFailed) as caught:
        source_of(HF, {"HF_TOKEN": token})
    assert caught.value.reason == "TokenInvalid"
    assert token not in caught.value.message


@pytest.mark.parametrize(
    ("size", "kind", "digest", "fine"),
    [
        (0, "sha256", "a" * 64, True),
        (5, "git-sha1", "a" * 40, True),
        (-1, "sha256", "a" * 64, False),
        (5, "sha256", "a" * 40, False),
        (5, "git-sha1", "../../../etc/passwd", False),
        (5, "sha256", "A" * 64, False),
        (5, "sha256", "", False),
    ],
)
def test_a_hash_is_one_before_it_names_a_file(size: int, kind: HashKind, digest: str, fine: bool) -> None:
    assert RemoteFile("a", size, kind, digest).can_be_checked is fine


@pytest.mark.parametrize(
    ("failures", "asked_for", "seconds"),
    [(1, None, 1.0), (2, None, 2.0), (9, None, 30.0), (1, 7.0, 7.0), (1, 600.0, 30.0)],
)
def test_patience_doubles_and_follows_the_hub_within_limits(
    failures: int, asked_for: float | None, seconds: float
) -> None:
    assert Patience().wait(failures, asked_for) == seconds
