"""The connections between the members of a group, by which each knows at once when another has ended.

Owns sockets and what is said on them: a follower says its rank, the leader says when all are there, a follower says
when it is told to stop. A process that ends, however it ends, closes its connections: that is the whole detection.
Must not start or end anything.
"""

import re
import selectors
import signal
import socket
from types import FrameType
from typing import Final

from tidegate_worker.membership import Membership

GO: Final = b"go\n"
LEAVING: Final = b"leaving\n"
_RANK: Final = re.compile(rb"rank ([0-9]{1,4})\n")
_RETRY_SECONDS: Final = 1.0
_CONNECT_SECONDS: Final = 5.0
# A node that vanishes closes nothing: the kernel asks after 5 s of silence, and gives up 15 s later.
_KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
_UNSENT_MILLISECONDS: Final = 20_000


class Stop:
    """SIGTERM as something that can be waited for beside sockets."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        signal.signal(signal.SIGTERM, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        self.was_told = False

    def fileno(self) -> int:
        """Return what is readable once SIGTERM has come."""
        return self._read.fileno()

    def clear(self) -> None:
        """Wait for the next one."""
        self._read.recv(64)

    def _note(self, _signum: int, _frame: FrameType | None) -> None:
        self.was_told = True
        self._write.send(b"\0")


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that waits for connections to this member."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family)


def gather(listener: socket.socket, size: int, stop: Stop) -> dict[int, socket.socket]:
    """Return the connections of all followers by rank once they are there; fewer when told to stop."""
    linked: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(stop, selectors.EVENT_READ)
        while len(linked) < size - 1 and not stop.was_told:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    selector.register(_kept_alive(listener.accept()[0]), selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    linked = _heard(key.fileobj, linked, size, selector)
    return linked


def join(member: Membership, port: int, stop: Stop) -> socket.socket | None:
    """Return a connection to the leader once it says that all are there; None when told to stop."""
    while not stop.was_told:
        try:
            link = socket.create_connection((member.leader, port), _CONNECT_SECONDS)
        except OSError:
            _wait([stop], _RETRY_SECONDS)
            continue
        link.settimeout(None)
        _kept_alive(link)
        send(link, b"rank %d\n" % member.rank)
        _wait([stop, link])
        if not stop.was_told and receive(link) == GO:
            return link
        link.close()
        # The leader ended, or has another of this rank.
        _wait([stop], _RETRY_SECONDS)
    return None


def receive(link: socket.socket) -> bytes:
    """Return what a member says, nothing once it has ended."""
    try:
        return link.recv(64)
    except OSError:
        return b""


def send(link: socket.socket, what: bytes) -> None:
    """Tell a member; that it has ended, reading tells."""
    try:
        link.sendall(what)
    except OSError:
        return


def _heard(
    link: socket.socket,
    linked: dict[int, socket.socket],
    size: int,
    selector: selectors.BaseSelector,
) -> dict[int, socket.socket]:
    """Return who is there after one connection said something, or nothing, which is its end."""
    found = _RANK.fullmatch(receive(link))
    rank = int(found[1]) if found else 0
    others = {one: other for one, other in linked.items() if other is not link and one != rank}
    if not 0 < rank < size:
        selector.unregister(link)
        link.close()
        return others
    return {**others, rank: link}


def _kept_alive(link: socket.socket) -> socket.socket:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MILLISECONDS)
    for option, value in _KEEPALIVE:
        link.setsockopt(socket.IPPROTO_TCP, option, value)
    return link


def _wait(sources: list[Stop | socket.socket], seconds: float | None = None) -> None:
    with selectors.DefaultSelector() as selector:
        for source in sources:
            selector.register(source, selectors.EVENT_READ)
        selector.select(seconds)
