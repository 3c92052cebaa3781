"""What processes cost: CPU time and memory, from /proc.

Owns the reading. CPU is time that a process ran, to the nanosecond, so it holds on a busy machine.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# What the scheduler counted, as opposed to what was sampled at the timer's ticks.
CPUCLOCK_SCHED: Final = 2


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds by the scheduler's account, how user and system share them, and how often tasks waited."""

    seconds: float
    user: float
    system: float
    waits: int

    def __sub__(self, before: "Usage") -> "Usage":
        """Return what was used since; the sampled shares are scaled to the exact sum."""
        seconds = self.seconds - before.seconds
        user, system = self.user - before.user, self.system - before.system
        scale = seconds / (user + system) if user + system else 0.0
        return Usage(seconds, user * scale, system * scale, self.waits - before.waits)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children."""
    # The process's own CPU clock counts threads that have ended too; its number is as clock_getcpuclockid(3) makes it.
    return sum(time.clock_gettime((~process << 3) | CPUCLOCK_SCHED) for process in _family(pid))


def usage(pid: int) -> Usage:
    """Return what a process, its threads and its children have used."""
    ticks = os.sysconf("SC_CLK_TCK")
    user = system = waits = 0
    for task in _tasks(pid):
        # The name, in brackets, may hold spaces; user and system time are the 14th and 15th field.
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        user, system = user + int(fields[11]), system + int(fields[12])
        told = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        waits += int(told["voluntary_ctxt_switches"])
    return Usage(cpu_seconds(pid), user / ticks, system / ticks, waits)


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    return sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) * 4096 for p in _family(pid))


def busy_seconds() -> float:
    """Return the CPU time that all processes have used, and that the hypervisor gave to others, on all cores."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    # user nice system idle iowait irq softirq steal; guests are counted in user.
    user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def load_average() -> float:
    """Return the load of the last minute."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def _tasks(pid: int) -> list[Path]:
    return [task for process in _family(pid) for task in Path(f"/proc/{process}/task").iterdir()]


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _family(int(child)))]
