"""A worker of several Pods starts together and ends together, whichever member ends, and however it ends.

Members are real processes on loopback addresses of their own; their engine is a program that sleeps.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tidegate_api.names import LINK_PORT

# Says that it runs, finishes what it has when it is told to end, and takes a child along.
ENGINE = """
import os, pathlib, signal, subprocess, sys, time
mark = pathlib.Path(sys.argv[1])
def end(*_):
    time.sleep(0.5)
    mark.with_suffix(".drained").touch()
    os._exit(0)
signal.signal(signal.SIGTERM, end)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
mark.write_text(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""
MEMBER = """
import json, os, sys
from tidegate_worker import group
from tidegate_worker.launch import Launch
from tidegate_worker.membership import Membership
size, rank, leader, address, mark, engine = sys.argv[1:]
command = Launch((sys.executable, "-c", engine, mark), os.environ)
end = group.run(Membership(int(size), int(rank), leader, address), command)
print(json.dumps([end.exit_code, end.finding.message if end.finding else ""]))
"""
PATIENCE = 10.0


class Group:
    """Members on 127.x.y.1 (the leader) and up, one network for each test."""

    def __init__(self, place: Path, network: str, size: int) -> None:
        self.place, self.network, self.size = place, network, size
        self.members: dict[int, subprocess.Popen[str]] = {}
        self.all: list[subprocess.Popen[str]] = []

    def start(self, *ranks: int) -> None:
        for rank in ranks:
            words = [
                str(self.size),
                str(rank),
                self.address(0),
                self.address(rank),
                str(self.mark(rank)),
                ENGINE,
            ]
            self.mark(rank).unlink(missing_ok=True)
            self.members[rank] = subprocess.Popen(
                [sys.executable, "-c", MEMBER, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self.all.append(self.members[rank])

    def address(self, rank: int) -> str:
        return f"{self.network}.{rank + 1}"

    def mark(self, rank: int) -> Path:
        return self.place / f"engine-{rank}"

    def runs(self, *ranks: int) -> bool:
        return all(self.mark(rank).exists() and self.mark(rank).read_text() for rank in ranks)

    def engine(self, rank: int) -> list[int]:
        return [int(word) for word in self.mark(rank).read_text().split()]

    def end_of(self, rank: int) -> list[object]:
        said, _ = self.members[rank].communicate(timeout=PATIENCE)
        found: list[object] = json.loads(said)
        return found

    def is_probed(self, rank: int) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex((self.address(rank), LINK_PORT)) == 0


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Group]:
    yield from made(tmp_path, 2)


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Group]:
    yield from made(tmp_path, 3)


def made(place: Path, size: int) -> Iterator[Group]:
    group = Group(place, f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}", size)
    with ExitStack() as stack:
        yield group
        for member in group.all:
            stack.enter_context(member)
            member.kill()
        for rank in range(size):
            if group.runs(rank):
                kill(*group.engine(rank))


def test_engines_start_when_all_members_are_there(trio: Group) -> None:
    trio.start(2, 0)
    assert not eventually(lambda: trio.runs(0) or trio.runs(2), seconds=1.0)
    assert not trio.is_probed(2)
    trio.start(1)
    assert eventually(lambda: trio.runs(0, 1, 2))
    assert trio.is_probed(1)
    assert trio.is_probed(2)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_member_killed_ends_all_engines_at_once(pair: Group, rank: int) -> None:
    pair.start(0, 1)
    assert eventually(lambda: pair.runs(0, 1))
    other = 1 - rank
    pair.members[rank].kill()
    code, said = pair.end_of(other)
    assert code == 1
    assert ("its leader" if rank == 0 else "member 1") in str(said)
    assert eventually(lambda: not any(is_alive(pid) for pid in pair.engine(other)))


@pytest.mark.parametrize("rank", [0, 1])
def test_an_engine_that_dies_ends_the_group(pair: Group, rank: int) -> None:
    pair.start(0, 1)
    assert eventually(lambda: pair.runs(0, 1))
    kill(pair.engine(rank)[0])
    assert pair.end_of(rank)[0] not in (0, None)
    assert pair.end_of(1 - rank)[0] == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_the_group_starts_again_when_its_members_do(pair: Group, rank: int) -> None:
    pair.start(0, 1)
    assert eventually(lambda: pair.runs(0, 1))
    before = pair.engine(0)
    pair.members[rank].kill()
    pair.end_of(1 - rank)
    kill(*pair.engine(rank))
    pair.start(1, 0)
    assert eventually(lambda: pair.runs(0, 1))
    assert pair.engine(0) != before


def test_a_leader_told_to_stop_drains_while_its_followers_stay(pair: Group) -> None:
    pair.start(0, 1)
    assert eventually(lambda: pair.runs(0, 1))
    pair.members[1].terminate()
    pair.members[0].terminate()
    assert pair.end_of(0)[0] == 0
    assert pair.mark(0).with_suffix(".drained").exists()
    assert pair.end_of(1) == [0, ""]
    assert not pair.mark(1).with_suffix(".drained").exists()


def test_a_follower_told_to_stop_has_its_leader_drain_first(pair: Group) -> None:
    pair.start(0, 1)
    assert eventually(lambda: pair.runs(0, 1))
    pair.members[1].terminate()
    code, said = pair.end_of(0)
    assert code != 0
    assert "member 1 was told to stop" in str(said)
    assert pair.mark(0).with_suffix(".drained").exists()
    assert pair.end_of(1) == [0, ""]


def test_members_that_wait_end_at_once_when_told(pair: Group) -> None:
    for rank in (0, 1):
        pair.start(rank)
        time.sleep(1.0)  # until it waits: nothing outside shows it
        pair.members[rank].terminate()
        assert pair.end_of(rank) == [0, ""]


def test_strangers_are_no_members(pair: Group) -> None:
    pair.start(0)
    assert eventually(lambda: pair.is_probed(0))
    for said in (b"rank 2\n", b"rank 0\n", b"GET / HTTP/1.1\r\n\r\n", b""):
        with closing(socket.create_connection((pair.address(0), LINK_PORT))) as stranger:
            stranger.sendall(said)
    assert not eventually(lambda: pair.runs(0), seconds=0.5)
    pair.start(1)
    assert eventually(lambda: pair.runs(0, 1))


def eventually(found: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found():
            return True
        time.sleep(0.02)
    return False


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(*pids: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
