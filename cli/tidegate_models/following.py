"""Follows one LLMModel until it is Ready, or has failed for something that does not pass by itself.

Owns the watch's resuming: a cut, a restarted API server and a version too old all mean to read once more. Must not
know how progress is shown.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from tidegate_api.names import MODEL_KIND
from tidegate_models.cluster import Cluster, WatchCut
from tidegate_models.errors import ClusterDown, Missing
from tidegate_models.reading import progress
from tidegate_models.values import Progress

# In a row, with ever longer pauses between: two minutes without an API server.
_MOST_FAILURES: Final = 16
_LONGEST_PAUSE_SECONDS: Final = 10.0


def follow(cluster: Cluster, name: str, sleep: Callable[[float], object] = time.sleep) -> Iterator[Progress]:
    """Yield how far an LLMModel is, each time that changes; the last value is Ready, or Failed for good.

    The download does not depend on anybody following it. Raises Missing when the LLMModel is not there or is removed
    meanwhile, ClusterDown when the API server stays away for two minutes, Denied when it refuses.
    """
    last: Progress | None = None
    failures = 0
    while True:
        try:
            for seen in _until_cut(cluster, name):
                failures = 0
                if seen != last:
                    yield seen
                    last = seen
                if seen.is_over:
                    return
        except (WatchCut, ClusterDown) as cut:
            failures += 1
            if failures > _MOST_FAILURES:
                raise ClusterDown(
                    f"the API server stays away: {cut}",
                    f"namespace {cluster.namespace}",
                    "the download goes on without you; follow it again later",
                ) from cut
            sleep(min(0.25 * 2**failures, _LONGEST_PAUSE_SECONDS))


def _until_cut(cluster: Cluster, name: str) -> Iterator[Progress]:
    """Yield the object as it is, then each change of it; ends when the watch does."""
    found = cluster.read(MODEL_KIND, name)
    yield progress(found)
    for changed in cluster.changes(MODEL_KIND, name, found["metadata"]["resourceVersion"]):
        if changed is None:
            raise Missing(
                f"LLMModel {name!r} was removed while it was followed", f"namespace {cluster.namespace}"
            )
        yield progress(changed)
