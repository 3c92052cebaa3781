"""One member of a group of Pods: its engine runs exactly while every member's does.

Owns the order: link, start the engine, end it when it is told to or when a member is lost. The container ends with it,
and the kubelet starts it again: nobody else has to be there. Must not know how members speak.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate_api.names import LINK_PORT
from tidegate_worker import lines, link
from tidegate_worker.finding import Finding
from tidegate_worker.launch import Launch
from tidegate_worker.membership import Membership, ray_words

_LOST: Final = 1

_Source = int | link.Stop | socket.socket


@dataclass(frozen=True, slots=True)
class End:
    """How a member ended: its exit code, and why where it was for another member's sake."""

    exit_code: int
    finding: Finding | None = None


def run(member: Membership, command: Launch, port: int = LINK_PORT) -> End:
    """Be a member until the engine ends, is told to end, or another member is lost."""
    stop = link.Stop()
    return _lead(member, command, port, stop) if member.is_leader else _follow(member, command, port, stop)


def _lead(member: Membership, command: Launch, port: int, stop: link.Stop) -> End:
    with link.listen(member.address, port) as listener:
        _say("waiting for the other members of the group", member)
        linked = link.gather(listener, member.size, stop)
        if stop.was_told:
            return End(0)
        if member.executor == "ray":
            subprocess.run(ray_words(member), env=dict(command.env), check=True)
        for follower in linked.values():
            link.send(follower, link.GO)
        _say("all members are linked, starting the engine", member)
        child = _start(command.argv, command.env)
        # Followers end when we do: a request that runs needs them until then.
        return _tend(child, {one: rank for rank, one in linked.items()}, child.terminate, stop, None)


def _follow(member: Membership, command: Launch, port: int, stop: link.Stop) -> End:
    _say("waiting for the leader of the group", member)
    leader = link.join(member, port, stop)
    if leader is None:
        return End(0)
    _say("all members are linked, starting the engine", member)
    words = ray_words(member) if member.executor == "ray" else command.argv
    with link.listen(member.address, port) as listener:
        # The leader has to finish what runs before we may end.
        return _tend(
            _start(words, command.env), {leader: 0}, lambda: link.send(leader, link.LEAVING), stop, listener
        )


def _tend(
    child: subprocess.Popen[bytes],
    links: Mapping[socket.socket, int],
    leave: Callable[[], None],
    stop: link.Stop,
    probed: socket.socket | None,
) -> End:
    """Return how it ended; `links` are the members that have to be there, by rank; `leave` is what SIGTERM asks for."""
    leaving: Finding | None = None
    engine = os.pidfd_open(child.pid)
    try:
        for source in _readable([engine, stop, *links, *([] if probed is None else [probed])]):
            if source == engine:
                return End(_code(child.wait(), told=stop.was_told), leaving)
            if source is stop:
                stop.clear()
                leave()
            elif source is probed and probed is not None:
                probed.accept()[0].close()
            elif isinstance(source, socket.socket):
                if link.receive(source) != link.LEAVING:
                    return End(0) if stop.was_told else End(_LOST, leaving or _lost(links[source]))
                leaving = _leaving(links[source])
                child.terminate()
        raise AssertionError  # there is always something to wait for
    finally:
        _end(child)
        os.close(engine)


def _readable(sources: Iterable[_Source]) -> Iterator[_Source]:
    """Yield what can be read, for ever."""
    with selectors.DefaultSelector() as selector:
        for source in sources:
            selector.register(source, selectors.EVENT_READ, source)
        while True:
            yield from (key.data for key, _ in selector.select())


def _code(code: int, *, told: bool) -> int:
    """Return what the container exits with: an engine that ends untold has failed, whatever it says."""
    if code < 0:
        return 128 - code
    return code if told else code or _LOST


def _start(words: tuple[str, ...], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # In a session of its own, so that all of the engine's processes can be ended at once.
    return subprocess.Popen(words, env=dict(env), start_new_session=True)


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _lost(rank: int) -> Finding:
    who = "its leader" if rank == 0 else f"member {rank}"
    return Finding(
        "GroupRestarting",
        f"the link to {who} broke: that one's container or node ended. All members of the group start again together.",
    )


def _leaving(rank: int) -> Finding:
    return Finding(
        "GroupRestarting",
        f"member {rank} was told to stop, so the group finished its requests and starts again once all are there.",
    )


def _say(event: str, member: Membership) -> None:
    lines.say(event, rank=member.rank, size=member.size)
