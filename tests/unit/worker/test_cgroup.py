"""Limits as both generations of cgroups write them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tidegate_worker.cgroup import Limits, read_limits

MACHINE = "MemTotal:       1000 kB\nMemFree: 1 kB\n"


@pytest.mark.parametrize(
    ("files", "meminfo", "want"),
    [
        pytest.param(
            {"memory.max": "4096\n", "cpu.max": "150000 100000\n"}, MACHINE, Limits(4096, 1.5), id="v2"
        ),
        pytest.param(
            {"memory.max": "max\n", "cpu.max": "max 100000\n"}, MACHINE, Limits(1024000, None), id="v2 open"
        ),
        pytest.param(
            {"memory/memory.limit_in_bytes": "4096", "cpu/cpu.cfs_quota_us": "50000"}
            | {"cpu/cpu.cfs_period_us": "100000"},
            MACHINE,
            Limits(4096, 0.5),
            id="v1",
        ),
        pytest.param(
            {"memory/memory.limit_in_bytes": "9223372036854771712", "cpu/cpu.cfs_quota_us": "-1"}
            | {"cpu/cpu.cfs_period_us": "100000"},
            MACHINE,
            Limits(1024000, None),
            id="v1 open",
        ),
        pytest.param(
            {"memory.max": "99999999"}, MACHINE, Limits(1024000, None), id="more than the machine has"
        ),
        pytest.param({"memory.max": "9223372036854771712"}, "", Limits(None, None), id="nothing known"),
        pytest.param({"cpu.max": "1 0"}, MACHINE, Limits(1024000, None), id="a period of zero"),
        pytest.param({}, MACHINE, Limits(1024000, None), id="no cgroup"),
    ],
)
def test_limits(files: Mapping[str, str], meminfo: str, want: Limits, tmp_path: Path) -> None:
    for name, text in {**files, "meminfo": meminfo}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert read_limits(tmp_path, tmp_path / "meminfo") == want
