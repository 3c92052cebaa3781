"""What the container may use: its memory limit and its share of the processors.

Owns reading both generations of cgroups. Must not decide what to do with the figures.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CGROUP_ROOT: Final = Path("/sys/fs/cgroup")
MEMINFO: Final = Path("/proc/meminfo")
# cgroup v1 says "no limit" with a number near 2**63, rounded down to pages.
NO_LIMIT: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of memory and number of processors; None where the container has no limit of its own."""

    memory_bytes: int | None
    cpus: float | None


def read_limits(root: Path = CGROUP_ROOT, meminfo: Path = MEMINFO) -> Limits:
    """Return what this container may use; without a limit of its own, memory is the machine's."""
    own = first_number(root / "memory.max", root / "memory" / "memory.limit_in_bytes")
    machine = total_memory(read_text(meminfo))
    bounds = [bound for bound in (own, machine) if bound is not None and bound < NO_LIMIT]
    return Limits(min(bounds, default=None), cpu_share(root))


def cpu_share(root: Path) -> float | None:
    """Return how many processors' worth of time the container gets, or None without a quota."""
    words = read_text(root / "cpu.max").split()
    quota, period = (words[0], words[1]) if len(words) == 2 else ("", "")
    if not quota:
        quota = read_text(root / "cpu" / "cpu.cfs_quota_us").strip()
        period = read_text(root / "cpu" / "cpu.cfs_period_us").strip()
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def first_number(*paths: Path) -> int | None:
    """Return the number in the first of these files that holds one."""
    numbers = (read_text(path).strip() for path in paths)
    return next((int(number) for number in numbers if number.isdigit()), None)


def total_memory(meminfo: str) -> int | None:
    """Return the machine's memory from the text of /proc/meminfo."""
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def read_text(path: Path) -> str:
    """Return a small file's text, or nothing where it is not there."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
