"""Several gateways with a clock of their own and a network that is slow, loses answers and gateways."""

import random
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, cast

from tidegate_gateway.directory import Caller, TenantLimits
from tidegate_gateway.limits.account import WINDOW_SECONDS, Reservation
from tidegate_gateway.limits.ledger import Ledger
from tidegate_gateway.limits.shares import Shares
from tidegate_gateway.limits.tables import DECODER, ENCODER, Answer

T = TypeVar("T")

POLL_SECONDS = 0.5
WALL = 1795255200.0
# A client that was refused comes back at once: the worst there is.
STEP_SECONDS = 1 / 16


def caller(tenant: str = "team", **limits: Any) -> Caller:
    return Caller("a" * 64, "ns", tenant, "high", -100, None, limits=TenantLimits(**limits))


def at_once(steps: Generator[None, None, T]) -> T:
    """Do all steps without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(T, end.value)


class Node:
    """One gateway process."""

    def __init__(self, pod: str, start: int) -> None:
        self.pod = pod
        self.ledger = Ledger(f"{pod}-{start}")
        self.shares = Shares(self.ledger)


@dataclass
class Network:
    """The gateways, what is on its way between them, and the time."""

    seed: int = 0
    delay: tuple[float, float] = (0.001, 0.02)
    loss: float = 0.0
    # How late gateways learn which others there are.
    lag: tuple[float, float] = (0.0, 0.3)
    now: float = 1000.0
    nodes: dict[str, Node] = field(default_factory=dict)
    admitted: deque[tuple[float, int]] = field(default_factory=deque)
    most_requests: int = 0
    most_tokens: int = 0
    most_open: int = 0
    open: list[tuple[float, int, Node, Reservation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self._number = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._lists: dict[str, list[tuple[float, tuple[str, ...]]]] = {}

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heappush(self._events, (self.now + seconds, next(self._number), action))

    def start(self, *pods: str) -> None:
        """Start gateways, in Pods that may have run one before."""
        for pod in pods:
            self.nodes[pod] = Node(pod, next(self._number))
        self._list()
        for pod in pods:
            self.after(self.rng.uniform(0, POLL_SECONDS), lambda node=self.nodes[pod]: self._poll(node))  # type: ignore[misc]

    def kill(self, pod: str) -> None:
        """End a gateway without a word; what it held open breaks off."""
        node = self.nodes.pop(pod)
        self.open = [entry for entry in self.open if entry[2] is not node]
        self._list()

    def close(self, pod: str) -> None:
        """End a gateway in order: it says so, and is gone a second later."""
        self.nodes[pod].shares.closing = True
        self.after(1.0, lambda: self.kill(pod))

    def _list(self) -> None:
        pods = tuple(pod for pod, node in self.nodes.items() if not node.shares.closing)
        for pod in self.nodes:
            known = self._lists.setdefault(pod, [(0.0, pods)])
            known.append((self.now + self.rng.uniform(*self.lag), pods))

    def _listed(self, node: Node) -> tuple[str, ...]:
        return [pods for moment, pods in self._lists[node.pod] if moment <= self.now][-1]

    def _poll(self, node: Node) -> None:
        if self.nodes.get(node.pod) is not node:
            return
        listed = self._listed(node)
        node.shares.update(listed, self.now)
        for pod in listed:
            if pod != node.pod and self.rng.random() >= self.loss:
                self.after(self.rng.uniform(*self.delay), lambda pod=pod: self._ask(node, pod))  # type: ignore[misc]
        self.after(POLL_SECONDS / 2, lambda: self._divide(node))
        self.after(POLL_SECONDS * self.rng.uniform(0.9, 1.1), lambda: self._poll(node))

    def _ask(self, node: Node, pod: str) -> None:
        other = self.nodes.get(pod)
        if other is None:
            return
        data = ENCODER.encode(at_once(other.shares.answer(node.ledger.instance, self.now)))
        if self.rng.random() >= self.loss:
            self.after(self.rng.uniform(*self.delay), lambda: self._hear(node, DECODER.decode(data)))

    def _hear(self, node: Node, answer: Answer) -> None:
        node.shares.hear(answer, self.now)

    def _divide(self, node: Node) -> None:
        node.shares.update(self._listed(node), self.now)
        at_once(node.shares.round(self.now, WALL + self.now))
        node.ledger.tidy(self.now, WALL + self.now)

    def run(self, seconds: float) -> Iterator[float]:
        """Let time pass, and stop at each step for what clients do."""
        end = self.now + seconds
        while self.now < end:
            until = self.now + STEP_SECONDS
            while self._events and self._events[0][0] <= until:
                self.now, _, action = heappop(self._events)
                action()
            self.now = until
            self._end_requests()
            yield self.now

    def wait(self, seconds: float) -> None:
        """Let time pass without requests."""
        for _ in self.run(seconds):
            pass

    def send(self, pod: str, who: Caller, tokens: int = 1, holds: float = 0.0) -> bool:
        """Send a request; tell whether it was admitted. It uses what was estimated, and is open for so long."""
        node = self.nodes.get(pod)
        if node is None or node.shares.closing:
            return False
        found = node.ledger.reserve(who, tokens, self.now, WALL + self.now)
        if not isinstance(found, Reservation):
            return False
        heappush(self.open, (self.now + holds, next(self._number), node, found))
        self.most_open = max(self.most_open, len(self.open))
        if not holds:
            self._end_requests()
        self.admitted.append((self.now, tokens))
        while self.admitted[0][0] <= self.now - WINDOW_SECONDS:
            self.admitted.popleft()
        self.most_requests = max(self.most_requests, len(self.admitted))
        self.most_tokens = max(self.most_tokens, sum(entry[1] for entry in self.admitted))
        return True

    def _end_requests(self) -> None:
        while self.open and self.open[0][0] <= self.now:
            _, _, node, held = heappop(self.open)
            node.ledger.settle(held, held.tokens, 0, self.now)

    def caps(self, index: int, tenant: str = "team") -> dict[str, float]:
        """Return each gateway's part of a limit."""
        found = {}
        for pod, node in self.nodes.items():
            account = node.ledger.accounts.get(("ns", tenant))
            if account is not None:
                found[pod] = account.meters[index].cap
        return found
