"""Every source, every reason: the exit code, a page to go to, and no token anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.repos import Repo
from integration.loader.loading import BAD, CONFIG, GOOD, OTHER, SMALL, Place, publish
from models import safetensors, tensor

CUT = safetensors({"a": tensor(0, 4000, "BF16", (2000,))}, bytes(3000))
INDEX = {"weight_map": {"a": "model.safetensors", "b": "gone.safetensors"}}


@dataclass(frozen=True)
class Case:
    """What is on the hub and how it is asked for; then the reason, and what the message must show."""

    title: str
    reason: str
    code: int
    shows: tuple[str, ...] = ()
    name: str = "Org/Name"
    files: dict[str, object] | None = None
    settings: dict[str, Any] | None = None
    faults: tuple[dict[str, Any], ...] = ()
    words: tuple[str, ...] = ()
    token: str | None = None
    published: bool = True

    def __str__(self) -> str:
        return self.title


GATED = {"gated": "manual"}
CASES = [
    Case("gated, without a token", "TokenMissing", 78, ("PAGE", "tokenSecretRef"), settings=GATED),
    Case(
        "gated, with a token that was not granted", "AccessDenied", 78, ("PAGE",), settings=GATED, token=OTHER
    ),
    Case("a token that is none", "TokenInvalid", 78, ("TOKENS",), token=BAD),
    Case("missing", "ModelNotFound", 78, ("PAGE", "is public"), published=False),
    Case("missing, with a token", "ModelNotFound", 78, ("PAGE",), published=False, token=GOOD),
    Case(
        "private, without a token",
        "ModelNotFound",
        78,
        ("PAGE", "tokenSecretRef"),
        settings={"private": True},
    ),
    Case("no weights", "ModelNotFound", 78, ("PAGE", "no *.safetensors"), files={"config.json": CONFIG}),
    Case("no such revision", "RevisionNotFound", 78, ("PAGE", "'v9'"), words=("--revision=v9",)),
    Case("a revision that is no name", "RevisionNotFound", 78, ("'../x'",), words=("--revision=../x",)),
    Case(
        "the hub is broken", "HubUnreachable", 75, ("HUB", "503"), faults=({"kind": "status", "status": 503},)
    ),
    Case(
        "the hub breaks while files come",
        "HubUnreachable",
        75,
        ("HUB", "500"),
        faults=({"kind": "status", "status": 500, "path": "safetensors"},),
    ),
    Case(
        "the connection ends at once, each time",
        "HubUnreachable",
        75,
        ("HUB", "broke off"),
        faults=({"kind": "cut", "after": 0, "path": "safetensors"},),
    ),
    Case(
        "too many requests",
        "HubRateLimited",
        75,
        ("HUB", "tokenSecretRef", "next 1 s"),
        faults=({"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},),
    ),
    Case("offline and not in the cache", "HubOffline", 78, ("Name",), words=("--offline",)),
    Case(
        "more than the limit",
        "InsufficientStorage",
        75,
        ("2.0 KiB", "takes 4."),
        words=("--limit-bytes=2000",),
    ),
    Case("pickles only", "UnsafeFormat", 78, ("PAGE", "x.bin"), files={"config.json": CONFIG, "x.bin": b"1"}),
    Case(
        "code beside the weights",
        "UnsafeFormat",
        78,
        ("PAGE", "modeling.py"),
        files={"config.json": CONFIG, "model.safetensors": SMALL, "modeling.py": b""},
    ),
    Case(
        "a configuration that names code",
        "UnsafeFormat",
        78,
        ("PAGE", "auto_map"),
        files={"config.json": {**CONFIG, "auto_map": {"AutoModel": "x.Y"}}, "model.safetensors": SMALL},
    ),
    Case(
        "a name that leads elsewhere",
        "UnsafeFormat",
        78,
        ("PAGE",),
        settings={"names": {"../../../evil.json": "{}"}},
    ),
    Case(
        "other bytes each time",
        "CorruptWeights",
        78,
        ("HUB", "model.safetensors", "twice"),
        faults=({"kind": "corrupt", "path": "safetensors"},),
    ),
    Case(
        "a small file with other bytes",
        "CorruptWeights",
        78,
        ("HUB", "tokenizer.json"),
        faults=({"kind": "corrupt", "path": "tokenizer.json"},),
    ),
    Case(
        "weights that end early",
        "CorruptWeights",
        78,
        ("model.safetensors", "ends 1000 bytes early"),
        files={"config.json": CONFIG, "model.safetensors": CUT},
    ),
    Case(
        "an index that names more than there is",
        "CorruptWeights",
        78,
        ("PAGE", "gone.safetensors"),
        files={"config.json": CONFIG, "model.safetensors": SMALL, "model.safetensors.index.json": INDEX},
    ),
    Case(
        "an adapter",
        "InvalidModelConfig",
        78,
        ("PAGE", "LoRA"),
        files={"adapter_config.json": {}, "adapter_model.safetensors": SMALL},
    ),
    Case(
        "a configuration without sense",
        "InvalidModelConfig",
        78,
        ("PAGE", "config.json"),
        files={"config.json": b"[1", "model.safetensors": SMALL},
    ),
    Case(
        "an answer that nobody expects",
        "LoaderFailed",
        75,
        ("HUB", "418"),
        faults=({"kind": "status", "status": 418},),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_a_load_that_fails_says_why_where_and_what_to_do(
    place: Place, shelf: Path, scheme: str, case: Case
) -> None:
    if case.published:
        publish(shelf, case.name, case.files, **(case.settings or {}))
    place.hub.switch(*case.faults)
    ended = place.load(f"{scheme}://{case.name}", *case.words, token=case.token)
    assert (ended.code, ended.reason) == (case.code, case.reason), ended.said
    url = place.hub.url
    places = {
        "HUB": url,
        "PAGE": f"{url}/{case.name}" if scheme == "hf" else f"{url}/models/{case.name}",
        "TOKENS": f"{url}/settings/tokens" if scheme == "hf" else f"{url}/my/myaccesstoken",
    }
    for part in case.shows:
        assert places.get(part, part) in ended.said["message"]
    assert not any(token in ended.log for token in (GOOD, OTHER, BAD))
    assert "Traceback" not in ended.log
    assert place.whole() == []


def test_a_hub_that_answers_with_another_commit_than_the_pinned_one_is_not_believed(
    place: Place, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shelf, "Org/Name")
    default = Repo.default
    monkeypatch.setattr(Repo, "at", lambda self, _name: default.fget(self))  # type: ignore[attr-defined]
    ended = place.load("hf://Org/Name", f"--revision={'0' * 40}")
    assert ended.reason == "LoaderFailed"
    assert f"when asked for {'0' * 40}" in ended.said["message"]
    assert place.whole() == []


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_what_may_not_be_had_leaves_nothing_behind(place: Place, shelf: Path, scheme: str) -> None:
    publish(shelf, "Org/Name", gated="manual")
    assert place.load(f"{scheme}://Org/Name").reason == "TokenMissing"
    assert list((place.cache / scheme).rglob("*")) == []


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_a_hub_that_is_not_there_is_named(place: Place, scheme: str) -> None:
    place.hub.url = "http://127.0.0.1:9"
    ended = place.load(f"{scheme}://Org/Name")
    assert (ended.code, ended.reason) == (75, "HubUnreachable")
    assert "http://127.0.0.1:9 cannot be reached" in ended.said["message"]


@pytest.mark.parametrize("scheme", ["hf", "ms"])
def test_a_cache_that_is_none_is_named(place: Place, scheme: str) -> None:
    place.cache = Path("/proc/nowhere")
    ended = place.load(f"{scheme}://Org/Name")
    assert (ended.code, ended.reason) == (75, "CacheUnavailable")
    assert "/proc/nowhere cannot be used" in ended.said["message"]


LAW = {"kind": "status", "status": 451}


@pytest.mark.parametrize(
    ("case", "shows"),
    [
        (
            Case(
                "gated, its list too", "TokenMissing", 78, settings={"gated": "auto", "listing_gated": True}
            ),
            "/Org/Name",
        ),
        (Case("disabled", "AccessDenied", 78, settings={"disabled": True}), "is disabled"),
        (Case("forbidden by law", "AccessDenied", 78, faults=(LAW,)), "/Org/Name"),
    ],
    ids=str,
)
def test_what_only_huggingface_says(place: Place, shelf: Path, case: Case, shows: str) -> None:
    publish(shelf, "Org/Name", **(case.settings or {}))
    place.hub.switch(*case.faults)
    ended = place.load("hf://Org/Name")
    assert ended.reason == case.reason
    assert shows in ended.said["message"]


@pytest.mark.parametrize("scheme", ["hf", "ms"])
@pytest.mark.parametrize(
    "files",
    [
        {"config.json": {**CONFIG, "auto_map": {"AutoModel": "x.Y"}}, "model.safetensors": SMALL},
        {"config.json": CONFIG, "model.safetensors": SMALL, "x.py": b""},
        {"config.json": CONFIG, "x.bin": b"1"},
    ],
    ids=["auto_map", "code", "pickles"],
)
def test_what_is_refused_costs_no_weights_and_leaves_nothing(
    place: Place, shelf: Path, scheme: str, files: dict[str, object]
) -> None:
    publish(shelf, "Org/Name", files)
    assert place.load(f"{scheme}://Org/Name").reason == "UnsafeFormat"
    assert not any("model.safetensors" in entry["path"] for entry in place.hub.requests())
    assert [path for path in place.cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
