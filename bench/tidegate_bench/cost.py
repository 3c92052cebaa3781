"""What processes cost: CPU time and memory, from /proc.

Owns the reading. CPU is time that a task ran (schedstat), so it holds on a busy machine.
"""

from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its threads and its children."""
    total = 0
    for process in _family(pid):
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    return sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) * 4096 for p in _family(pid))


def load_average() -> float:
    """Return the load of the last minute."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _family(int(child)))]
