"""What profilers write becomes tables."""

import pytest

from tidegate_bench.gateway.samples import (
    Syscall,
    by_module,
    by_origin,
    read_stacks,
    read_syscalls,
    shares,
    weighted,
)

RAW = """\
run (asyncio/runners.py:86);data_received (tidegate_gateway/upstream.py:124);write (libc.so.6) 6
run (asyncio/runners.py:86);data_received (tidegate_gateway/upstream.py:124) 3
run (asyncio/runners.py:86);decode (msgspec/_core.cpython-311.so) 1
"""

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 55.04    0.094923          23      4000           write
 40.30    0.069502          17      4100       100 read
------ ----------- ----------- --------- --------- ----------------
100.00    0.172462          20      8100       100 total
"""


def test_own_time_is_the_innermost_frames_and_a_caller_has_its_callees_too() -> None:
    rows = {row.function: row for row in shares(read_stacks(RAW))}
    assert rows["write (libc.so.6)"].own == pytest.approx(0.6)
    received = rows["data_received (tidegate_gateway/upstream.py:124)"]
    assert (received.own, received.inclusive) == (pytest.approx(0.3), pytest.approx(0.9))


def test_a_function_that_calls_itself_is_counted_once_in_each_stack() -> None:
    (row,) = shares(read_stacks("walk (a.py:1);walk (a.py:1) 4"))
    assert (row.own, row.inclusive) == (1.0, 1.0)


def test_own_time_adds_up_by_where_a_function_lives() -> None:
    found = by_origin(shares(read_stacks(RAW)))
    assert {origin: share for origin, share in found.items() if share} == pytest.approx(
        {"system calls": 0.6, "Python of ours": 0.3, "msgspec": 0.1}
    )


def test_modules_of_ours_are_those_with_own_time_there() -> None:
    raw = (
        RAW
        + "run (asyncio/runners.py:86);ask (tidegate_gateway/upstream.py:9) 2\nx (tidegate_api/keys.py:3) 1\n"
    )
    found = by_module(shares(read_stacks(raw)))
    told = {module: round(share * 13) for module, share in found.items() if share}
    assert told == {"tidegate_gateway/upstream": 5, "tidegate_api/keys": 1}


@pytest.mark.parametrize(
    ("busy", "waiting"),
    [(1.0, 90), (0.3, 20), (0.1, 0), (0.05, 0)],
    ids=["never slept", "slept most of the time", "slept whenever it waited", "less than what was seen"],
)
def test_as_many_waiting_samples_are_dropped_as_the_process_slept(busy: float, waiting: int) -> None:
    stacks = [(("run", "write (libc.so.6)"), 10.0), (("run", "epoll_pwait (libc.so.6)"), 90.0)]
    kept = {frames[-1]: weight for frames, weight in weighted(stacks, busy, 1.0)}
    assert kept.get("epoll_pwait (libc.so.6)", 0) == pytest.approx(waiting / (waiting + 10))


def test_the_kernels_share_is_what_the_system_accounted_for_it() -> None:
    rows = {row.function: row.own for row in shares(weighted(read_stacks(RAW), 1.0, 0.2))}
    assert rows["write (libc.so.6)"] == pytest.approx(0.2)
    assert rows["data_received (tidegate_gateway/upstream.py:124)"] == pytest.approx(0.6)
    assert rows["decode (msgspec/_core.cpython-311.so)"] == pytest.approx(0.2)


def test_system_calls_are_read_with_and_without_errors() -> None:
    assert read_syscalls(STRACE) == [Syscall("read", 4100), Syscall("write", 4000)]
