"""Follows an LLMService until it answers, has failed for good, or the time is over.

Owns the pace. Must not know how a state is shown.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from tidegate_cli.deploy.words import has_failed, is_ready
from tidegate_cli.shell.kube import Kube
from tidegate_cli.status.gather import path
from tidegate_models.errors import ClusterDown

Json = dict[str, Any]
_SECONDS: Final = 1.0
# In a row: an API server that is being upgraded comes back.
_MOST_FAILURES: Final = 30


def follow(
    kube: Kube,
    name: str,
    seconds: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Json]:
    """Yield a service as it is, once a second, until it answers, has failed, or so many seconds have passed.

    Raises Missing when it is deleted meanwhile, ClusterDown when the API server stays away.
    """
    end, failures = now() + seconds, 0
    while True:
        try:
            found = kube.read(path(kube, name))
            failures = 0
            yield found
            if is_ready(found) or has_failed(found):
                return
        except ClusterDown:
            failures += 1
            if failures > _MOST_FAILURES:
                raise
        if now() >= end:
            return
        sleep(_SECONDS)
