"""What an LLMModel's status means, and who uses which model."""

from typing import Any

import pytest

from tidegate_models import Model, Place, Progress, as_json
from tidegate_models.reading import inventory, progress, users
from unit.cli.modelcluster import URI, model, service

CONDITION = {"type": "Ready", "status": "False", "reason": "ModelDownloading", "message": "on its way"}
HALF = {
    "phase": "Downloading",
    "percent": 50,
    "bytesDone": 5,
    "bytesTotal": 10,
    "bytesPerSecond": 2,
    "remainingSeconds": 3,
    "filesDone": 1,
    "filesTotal": 4,
    "conditions": [CONDITION],
}
STALE = {**HALF, "phase": "Failed", "observedGeneration": 0}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param({}, Progress("m", "Pending"), id="nothing written yet"),
        pytest.param(
            HALF,
            Progress("m", "Downloading", "ModelDownloading", "on its way", 50, 5, 10, 2, 3, 1, 4),
            id="on its way",
        ),
        pytest.param(
            STALE,
            Progress("m", "Pending", "", "", 50, 5, 10, 2, 3, 1, 4),
            id="a failure of an older spec is over, and what has come is still there",
        ),
    ],
)
def test_progress_is_what_the_status_says_of_this_spec(status: dict[str, Any], expected: Progress) -> None:
    assert progress(model(status=status)) == expected


@pytest.mark.parametrize(
    ("phase", "over", "ready"),
    [
        ("Pending", False, False),
        ("Downloading", False, False),
        ("Verifying", False, False),
        ("Suspended", False, False),
        ("Failed", True, False),
        ("Ready", True, True),
    ],
)
def test_a_course_is_over_where_nothing_more_happens(phase: str, over: bool, ready: bool) -> None:
    seen = Progress("m", phase)
    assert (seen.is_over, seen.is_ready) == (over, ready)


@pytest.mark.parametrize(
    ("reason", "over"),
    [
        ("AccessDenied", True),
        ("InsufficientStorage", True),
        ("HubUnreachable", False),
        ("LoaderFailed", False),
    ],
)
def test_a_failure_that_passes_by_itself_is_not_the_end(reason: str, over: bool) -> None:
    assert Progress("m", "Failed", reason).is_over is over


OLD, NEW = model("old", age=9), model("new", age=1)


@pytest.mark.parametrize(
    ("used", "services", "expected"),
    [
        pytest.param(OLD, [service("b"), service("a")], ("a", "b"), id="by all that name its source"),
        pytest.param(NEW, [service()], (), id="never the newer of two: services use the oldest"),
        pytest.param(OLD, [service(revision="main")], ("chat",), id="the default branch may be named"),
        pytest.param(OLD, [service(revision="v2")], (), id="not by those of another revision"),
        pytest.param(OLD, [service(uri="hf://Org/Other")], (), id="not by those of another model"),
        pytest.param(OLD, [service(uri="pvc://c/m")], (), id="not by those of a volume"),
        pytest.param(OLD, [service(suspend=True)], ("chat",), id="by those that are unloaded too"),
    ],
)
def test_a_model_is_used_by_the_services_that_mean_it(
    used: Any, services: list[Any], expected: tuple[str, ...]
) -> None:
    assert users(used, [NEW, OLD], services) == expected


def test_the_inventory_has_the_cache_first_and_then_what_is_elsewhere() -> None:
    ready = {
        "phase": "Ready",
        "revision": "c0ffee",
        "path": "hf/Org--Name/c0ffee",
        "sizeBytes": 10,
        "lastUsedAt": "2026-11-01T00:00:00Z",
    }
    estimate = {"estimate": {"weightsBytes": 7}}
    services = [
        service("s", uri="s3://bucket/m"),
        service("v2", uri="pvc://claim/m", status=estimate),
        service("v1", uri="pvc://claim/m"),
        service("i", uri="oci://registry/m:1"),
        service("f", uri="file:///m"),
    ]
    found = inventory([model(status=ready)], services)
    place = {one.uri: (one.place, one.path, one.size_bytes, one.used_by) for one in found}
    assert place == {
        URI: (Place.CACHE, "hf/Org--Name/c0ffee", 10, ()),
        "file:///m": (Place.VOLUME, "/m", None, ("f",)),
        "oci://registry/m:1": (Place.IMAGE, "registry/m:1", None, ("i",)),
        "pvc://claim/m": (Place.VOLUME, "claim/m", 7, ("v1", "v2")),
        "s3://bucket/m": (Place.STREAM, "bucket/m", None, ("s",)),
    }
    assert (found[0].commit, found[0].last_used_at) == ("c0ffee", "2026-11-01T00:00:00Z")


def test_who_uses_a_model_now_has_not_used_it_last() -> None:
    [found] = inventory([model(status={"phase": "Ready", "lastUsedAt": "2026-11-01T00:00:00Z"})], [service()])
    assert (found.used_by, found.last_used_at) == (("chat",), None)


def test_json_has_the_names_of_kubernetes_and_nothing_unknown() -> None:
    told = as_json(
        [Model("u", Place.CACHE, "m", None, None, Progress("m", "Ready", percent=0), 0, "", ("a",), None)]
    )
    assert told == [
        {
            "uri": "u",
            "place": "cache",
            "name": "m",
            "progress": {"name": "m", "phase": "Ready", "reason": "", "message": "", "percent": 0},
            "sizeBytes": 0,
            "path": "",
            "usedBy": ["a"],
        }
    ]
