"""What a sampling profiler and strace wrote, as tables.

Pure: text in, rows out. Must not run either.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

SYSTEM_LIBRARY: Final = "libc.so"
WAITING: Final = ("epoll_pwait", "epoll_wait")
# The thin functions of libc that enter the kernel, as opposed to those that work, such as malloc.
SYSTEM_CALLS: Final = frozenset(
    {
        "epoll_pwait",
        "epoll_wait",
        "epoll_ctl",
        "read",
        "recv",
        "recvmsg",
        "write",
        "writev",
        "send",
        "sendmsg",
    }
    | {"accept4", "connect", "close", "__close", "socket", "setsockopt", "shutdown", "syscall"}
)
OURS: Final = "Python of ours"
# Frames, the outermost first, and how often, or how heavily, they were seen.
Stack = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Share:
    """A function, and the shares of all samples in which it ran itself, or was somewhere on the stack."""

    function: str
    own: float
    inclusive: float


@dataclass(frozen=True, slots=True)
class Syscall:
    """How often a system call was made."""

    name: str
    calls: int


def read_stacks(raw: str) -> list[Stack]:
    """Return stacks, outermost frame first, with their counts, from lines `frame;frame;frame count`."""
    found = []
    for line in raw.splitlines():
        frames, _, count = line.rpartition(" ")
        if frames:
            found.append((tuple(frames.split(";")), float(count)))
    return found


def weighted(stacks: list[Stack], busy: float, system: float) -> list[Stack]:
    """Return stacks whose weights agree with the system's account of the same process.

    `busy` is the share of the time that it ran, `system` the share of its CPU that the kernel used. A sampler that
    stops its subject catches it mostly as it enters the kernel, and cannot tell sleep there from work: sleep is
    dropped, and both sides are scaled to what they used.
    """
    awake = _without_sleep(stacks, busy)
    kernel = sum(weight for frames, weight in awake if _is_system(frames[-1])) or 1.0
    user = sum(weight for frames, weight in awake if not _is_system(frames[-1])) or 1.0
    return [
        (frames, weight * (system / kernel if _is_system(frames[-1]) else (1 - system) / user))
        for frames, weight in awake
    ]


def _without_sleep(stacks: list[Stack], busy: float) -> list[Stack]:
    asleep = [(frames, weight) for frames, weight in stacks if frames[-1].startswith(WAITING)]
    awake = [(frames, weight) for frames, weight in stacks if not frames[-1].startswith(WAITING)]
    left = sum(weight for _, weight in stacks) * busy - sum(weight for _, weight in awake)
    total = sum(weight for _, weight in asleep) or 1.0
    kept = max(0.0, left / total)
    return awake + [(frames, weight * kept) for frames, weight in asleep if kept]


def _is_system(function: str) -> bool:
    return SYSTEM_LIBRARY in function and function.split(" ", 1)[0] in SYSTEM_CALLS


def shares(stacks: list[Stack]) -> list[Share]:
    """Return all functions, the one with the most own time first."""
    own: defaultdict[str, float] = defaultdict(float)
    inclusive: defaultdict[str, float] = defaultdict(float)
    for frames, count in stacks:
        own[frames[-1]] += count
        for frame in set(frames):
            inclusive[frame] += count
    total = sum(count for _, count in stacks) or 1
    rows = [Share(name, own[name] / total, inclusive[name] / total) for name in inclusive]
    return sorted(rows, key=lambda row: (-row.own, -row.inclusive, row.function))


def by_origin(rows: list[Share]) -> dict[str, float]:
    """Return the share of own time by where a function lives: the system, a C library, Python of ours or others'."""
    found: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        found[_origin(row.function)] += row.own
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def by_module(rows: list[Share]) -> dict[str, float]:
    """Return the share of own time by Python module of ours, the most first."""
    found: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        if _origin(row.function) == OURS:
            found[_place(row.function).partition(".py")[0]] += row.own
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _place(function: str) -> str:
    return function.rpartition("(")[2].rstrip(")")


def _origin(function: str) -> str:
    place = _place(function)
    if _is_system(function):
        return "system calls"
    if place.startswith(("tidegate_gateway/", "tidegate_api/")):
        return OURS
    if ".py" in place:
        return "Python of others"
    for library in ("uvloop", "httptools", "msgspec"):
        if library in function:
            return library
    return "interpreter and other C"


def read_syscalls(table: str) -> list[Syscall]:
    """Return the rows of `strace -c`, the most frequent call first."""
    found = []
    for line in table.splitlines():
        # Share of time, seconds, µs per call, calls, errors (may be absent), name.
        words = line.split()
        if len(words) >= 5 and words[3].isdecimal() and words[-1] != "total":
            found.append(Syscall(words[-1], int(words[3])))
    return sorted(found, key=lambda row: -row.calls)
