"""Models as words and columns: units, lines, tables."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_cli.modelwords import duration, hub_table, is_news, line, model_table, number, size
from tidegate_models import HubModel, Model, Place, Progress

MIB = 1 << 20
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (269060552, "257 MiB"),
        (16 * 1024**3, "16.0 GiB"),
        (1024**2 - 1, "1.00 MiB"),
        (99 * 1024**2 + 1024**2 - 1, "100.0 MiB"),
        (2**70, "1048576 PiB"),
    ],
)
def test_bytes_are_told_to_three_digits(count: int | None, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [(None, "-"), (0, "0"), (999, "999"), (134515008, "135M"), (7_615_616_512, "7.62B"), (12_300, "12.3k")],
)
def test_counts_are_told_as_hubs_tell_them(count: int | None, told: str) -> None:
    assert number(count) == told


@given(st.integers(0, 2**60))
def test_a_size_is_within_a_hundredth_of_what_it_tells(count: int) -> None:
    value, unit = size(count).split()
    factor = 1024 ** ("B", "KiB", "MiB", "GiB", "TiB", "PiB").index(unit)
    assert abs(float(value) * factor - count) <= count / 100


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")],
)
def test_time_is_told_in_its_two_greatest_units(seconds: int, told: str) -> None:
    assert duration(seconds) == told


def half(**more: Any) -> Progress:
    known = {"percent": 50, "bytes_done": 5 * MIB, "bytes_total": 10 * MIB}
    return Progress(**{"name": "m", "phase": "Downloading", **known, **more})


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        pytest.param(Progress("m", "Pending"), "Pending", id="nothing known"),
        pytest.param(
            Progress("m", "Pending", "SecretNotFound", "there is no Secret 'hub'"),
            "Pending: SecretNotFound: there is no Secret 'hub'",
            id="held up",
        ),
        pytest.param(
            half(bytes_per_second=MIB, remaining_seconds=65),
            "Downloading 50 %, 5.00 MiB of 10.0 MiB, 1.00 MiB/s, 1 min 5 s left",
            id="on its way",
        ),
        pytest.param(
            half(reason="ModelDownloading", message="long words"),
            "Downloading 50 %, 5.00 MiB of 10.0 MiB",
            id="what the numbers say is not said twice",
        ),
        pytest.param(
            Progress("m", "Downloading", bytes_done=3),
            "Downloading 3 B",
            id="nobody knows yet how much there is",
        ),
        pytest.param(
            half(
                phase="Failed",
                reason="AccessDenied",
                message="visit",
                bytes_per_second=3,
                remaining_seconds=1,
            ),
            "Failed 50 %, 5.00 MiB of 10.0 MiB: AccessDenied: visit",
            id="over: no speed, no time",
        ),
        pytest.param(
            half(phase="Suspended", reason="DownloadSuspended"),
            "Suspended 50 %, 5.00 MiB of 10.0 MiB: DownloadSuspended",
            id="paused",
        ),
    ],
)
def test_a_state_is_one_line(progress: Progress, told: str) -> None:
    assert line(progress) == told


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(None, half(), True, id="the first"),
        pytest.param(half(), half(percent=59, bytes_done=6), False, id="the same tenth"),
        pytest.param(half(), half(percent=60), True, id="the next tenth"),
        pytest.param(half(), half(phase="Verifying"), True, id="another phase"),
        pytest.param(half(), half(reason="HubUnreachable"), True, id="another reason"),
        pytest.param(half(message="1"), half(message="2"), False, id="other words for it"),
    ],
)
def test_a_log_gets_a_line_for_what_is_new(before: Progress | None, now: Progress, expected: bool) -> None:
    assert is_news(before, now) is expected


def cached(**more: Any) -> Model:
    known: dict[str, Any] = {
        "uri": "hf://Org/Name",
        "place": Place.CACHE,
        "name": "m",
        "revision": None,
        "commit": None,
        "progress": Progress("m", "Pending"),
        "size_bytes": None,
        "path": "",
        "used_by": (),
        "last_used_at": None,
    }
    return Model(**{**known, **more})


@pytest.mark.parametrize(
    ("model", "cells"),
    [
        pytest.param(cached(), ["m", "hf://Org/Name", "-", "cache", "Pending", "-", "nobody"], id="new"),
        pytest.param(
            cached(progress=half(), revision="main", used_by=("a", "b")),
            ["m", "hf://Org/Name", "main", "cache", "Downloading 50 %", "10.0 MiB", "a, b"],
            id="on its way",
        ),
        pytest.param(
            cached(
                progress=half(phase="Ready"),
                revision="main",
                commit="0123456789abcdef",
                size_bytes=11 * MIB,
                last_used_at="2026-11-19T00:00:00Z",
            ),
            ["m", "hf://Org/Name", "0123456789ab", "cache", "Ready", "11.0 MiB", "nobody for 2 d"],
            id="there, and nobody uses it",
        ),
        pytest.param(
            cached(progress=Progress("m", "Failed", "AccessDenied"), last_used_at="2026-11-20T23:00:00"),
            ["m", "hf://Org/Name", "-", "cache", "Failed: AccessDenied", "-", "nobody for 1 h 0 min"],
            id="failed",
        ),
        pytest.param(
            cached(last_used_at="?"),
            ["m", "hf://Org/Name", "-", "cache", "Pending", "-", "nobody"],
            id="no time",
        ),
        pytest.param(
            cached(name="", place=Place.VOLUME, uri="pvc://c/m", progress=None, used_by=("a",)),
            ["-", "pvc://c/m", "-", "volume", "-", "-", "a"],
            id="on a volume",
        ),
    ],
)
def test_a_model_is_a_row(model: Model, cells: list[str]) -> None:
    head, row = model_table([model], NOW)
    begins = [head.index(word) for word in ("NAME", "MODEL", "REVISION", "PLACE", "STATE", "SIZE", "USED BY")]
    assert [row[a:b].strip() for a, b in zip(begins, [*begins[1:], None], strict=True)] == cells


def test_what_a_hub_offers_is_a_table() -> None:
    full = HubModel("hf://Org/Name", 12, 3, True, "text-generation", "mit", 1010, 2040)
    assert hub_table([full, HubModel("hf://a/b", gated=False)]) == [
        "MODEL           PARAMETERS   WEIGHTS    DOWNLOADS   LIKES   GATED   LICENSE   TASK",
        "hf://Org/Name   1.01k        1.99 KiB   12          3       yes     mit       text-generation",
        "hf://a/b        -            -          -           -       no      -         -",
    ]
