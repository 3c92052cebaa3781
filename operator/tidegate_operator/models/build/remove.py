"""The Job that takes the files of a deleted LLMModel out of the cache, and then goes by itself."""

from typing import Any, Final

from tidegate_api.names import CACHE_MOUNT
from tidegate_api.settings import Settings
from tidegate_operator.facts import Key
from tidegate_operator.models.build import names
from tidegate_operator.models.build.pod import pod_template
from tidegate_operator.models.naming import CacheVolume
from tidegate_operator.models.request import Placement

_KEPT_SECONDS: Final = 60
# A new LLMModel of the same files waits for it, but not for ever.
_MOST_SECONDS: Final = 900


def remove(
    key: Key, uid: str, path: str, *, volume: CacheVolume, placement: Placement, settings: Settings
) -> dict[str, Any]:
    """Return the Job; `uid` is that of the LLMModel that was deleted, `path` its directory in the cache."""
    metadata = names.of_key(key, names.remove_job_name(key.name, uid))
    words = ["remove", "--cache", CACHE_MOUNT, "--path", path]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata, "annotations": {names.PATH_ANNOTATION: path}},
        "spec": {
            "backoffLimit": 2,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": _MOST_SECONDS,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": pod_template(
                metadata["labels"], words, [], volume=volume, placement=placement, settings=settings
            ),
        },
    }
