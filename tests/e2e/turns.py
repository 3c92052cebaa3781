"""Which stories may be told side by side, in two processes, and who waits for whom.

Owns the groups of files that share something, their order, and the locks between processes. What all may use at any
time is read only: the demo's service, the gateway, the operator as the chart has it. Whoever changes the demo's service
belongs to the group `chat`; whoever changes the chart, or restarts its parts, does so under `changing_chart`; whoever
measures what the operator does, under `keeping_chart`. An engine asks for a tenth of a processor: those of two files
have to find place on two processors, beside up to three of the demo's.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

# Those that take longest come first, so that at the end no process waits long for the other.
ORDER = (
    "test_scaling",
    "test_answers",
    "test_cluster",
    "test_tenants",
    "test_workers",
    "test_rollouts",
    "test_groups",
    "test_models",
    "test_adapters",
    "test_other_engines",
    "test_model_sources",
    "test_broken_models",
    "test_helm",
)
# All other files have services in namespaces of their own, or of names of their own.
CHAT = frozenset({"test_answers", "test_cluster", "test_tenants", "test_workers"})
# The demo's service is scaled in the last of its group; files that are not named here find it as the demo left it.
LAST_OF_CHAT = "test_workers"


def group_of(file: str) -> str:
    """Return the name of the group of a file, by its stem; one process tells the stories of a group in their order."""
    return "chat" if file in CHAT or file not in ORDER else file


def turn_of(file: str) -> int:
    """Return the place of a file among all."""
    return ORDER.index(file if file in ORDER else LAST_OF_CHAT) * 2 - (file not in ORDER)


@contextlib.contextmanager
def changing_chart(locks: Path) -> Iterator[None]:
    """Be the only one who changes the chart, and wait until nobody measures what its parts do."""
    with _held(locks / "next", fcntl.LOCK_EX), _held(locks / "chart", fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def keeping_chart(locks: Path) -> Iterator[None]:
    """Let nobody change the chart meanwhile; whoever waits to do so goes first."""
    with contextlib.ExitStack() as kept:
        with _held(locks / "next", fcntl.LOCK_EX):
            kept.enter_context(_held(locks / "chart", fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def alone(locks: Path, what: str) -> Iterator[Path]:
    """Do something in one process at a time; yield the name of a file that says that it was done."""
    with _held(locks / what, fcntl.LOCK_EX):
        yield locks / f"{what}.done"


@contextlib.contextmanager
def _held(file: Path, how: int) -> Iterator[None]:
    """Hold a lock that ends with its process, however that ends."""
    with file.open("w") as lock:
        fcntl.flock(lock, how)
        yield
