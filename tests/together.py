"""Which files of tests one process runs, when there are several: those that share something, in their order.

Owns the groups. They are told to pytest-xdist by a scheduler of ours, by the path of a file: with pytest 9.2 the marks
that xdist 3.8 has for this do nothing, and every test is a group of its own (pytest-xdist's issue 1386).
"""

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

from e2e.turns import group_of as group_of_stories

# A real loader listens on port 8000 of every address, where the stand-ins for loaders and engines of others listen.
PORT_8000 = frozenset({"test_adapters.py", "test_models.py", "test_real_loader.py"})


def group_of(path: str) -> str:
    """Return the name of the group of a file, given by its path from the checkout."""
    file = PurePosixPath(path)
    parts = file.parts[1:]
    if parts[:1] == ("e2e",):
        return group_of_stories(file.stem)
    if parts[:2] == ("integration", "worker"):
        return "one real engine at a time"
    if parts[:2] == ("integration", "operator") and file.name in PORT_8000:
        return "port 8000"
    if parts[:2] == ("integration", "streams"):
        return "port 8000"
    return path


class Together(LoadScopeScheduling):
    """Gives a process a whole group, and another one when that is done."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0])
