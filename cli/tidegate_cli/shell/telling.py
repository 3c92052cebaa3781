"""What goes wrong with a cluster, told as the end of a command. Must not know any command."""

import contextlib
from collections.abc import Iterator

from tidegate_cli.shell.failing import Failed
from tidegate_models.errors import ModelsError


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what went wrong into one sentence and exit code 1."""
    try:
        yield
    except ModelsError as error:
        raise Failed(str(error)) from error
