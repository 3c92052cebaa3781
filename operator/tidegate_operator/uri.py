"""What a model's URI means: which volume is mounted, and where in it the model is.

Owns the reading of every scheme; their grammar is in `tidegate_api.source`. Must not look whether anything is there.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Any

from tidegate_api.names import MODELS_MOUNT
from tidegate_api.source import (
    HUB_SCHEMES,
    HUB_URI_PATTERN,
    IMAGE_URI_PATTERN,
    STREAMED_SCHEMES,
    STREAMED_URI_PATTERN,
)
from tidegate_operator.desired import ModelVolume
from tidegate_operator.errors import Stalled
from tidegate_operator.models.naming import CacheVolume

_CLAIM = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_KNOWN = (
    "hf://ORG/NAME, ms://ORG/NAME, pvc://CLAIM/PATH, file:///PATH, oci://IMAGE#PATH, s3://BUCKET/PREFIX, "
    "gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
)


def scheme_of(uri: str) -> str:
    """Return the part of a URI that says what kind of source it is."""
    return uri.partition("://")[0]


def model_volume(
    uri: str, allowed_file_paths: Sequence[str], pull_policy: str = "IfNotPresent"
) -> ModelVolume:
    """Return the volume of a model that needs no download.

    Raises Stalled for a URI that names none, or one that is not allowed. `pull_policy` is for images.
    """
    scheme, _, rest = uri.partition("://")
    if ".." in uri or _UNPRINTABLE.search(uri):
        raise _invalid(uri, "must not contain '..' or control characters: name the model's directory itself")
    if scheme == "pvc":
        return _claim(uri, rest)
    if scheme == "file" and rest.startswith("/"):
        return _directory(rest, allowed_file_paths)
    if scheme == "oci":
        return _image(uri, rest, pull_policy)
    if scheme in STREAMED_SCHEMES:
        if not re.match(STREAMED_URI_PATTERN, uri):
            raise _invalid(uri, f"must be {scheme}://BUCKET/PREFIX")
        return ModelVolume(source=None, path=uri, claim=None)
    raise _invalid(uri, f"is of no known kind: use {_KNOWN}")


def cached_volume(uri: str, cache: CacheVolume | None, path: str) -> ModelVolume:
    """Return the volume of a model of a hub: the cache of its namespace, with `path` in it.

    Without a cache there is nothing to mount, and no worker will be made. Raises Stalled for a URI that names no model.
    """
    if not re.match(HUB_URI_PATTERN, uri) or ".." in uri or "--" in uri:
        raise _invalid(uri, f"must be {scheme_of(uri)}://ORG/NAME, as the hub spells them")
    source: dict[str, Any] = dict(cache.source) if cache is not None else {"emptyDir": {}}
    return ModelVolume(source=source, path=posixpath.normpath(f"{MODELS_MOUNT}/{path}"), claim=None)


def is_of_hub(uri: str) -> bool:
    """Return whether a model is downloaded from a hub into the cache."""
    return scheme_of(uri) in HUB_SCHEMES


def _claim(uri: str, rest: str) -> ModelVolume:
    name, _, path = rest.partition("/")
    if not _CLAIM.match(name):
        raise _invalid(uri, f"names no PersistentVolumeClaim: {name!r} cannot be the name of one")
    return ModelVolume(
        source={"persistentVolumeClaim": {"claimName": name, "readOnly": True}},
        path=posixpath.normpath(f"{MODELS_MOUNT}/{path}"),
        claim=name,
        is_inspected=True,
    )


def _directory(path: str, allowed: Sequence[str]) -> ModelVolume:
    path = "/" + posixpath.normpath(path).lstrip("/")
    if not any(_is_below(path, root) for root in allowed):
        raise Stalled(
            "FilePathNotAllowed",
            f"spec.model.uri: {path} is not below a directory that the operator allows "
            f"({', '.join(allowed) or 'none'}): use pvc://CLAIM/PATH, or have an administrator add it to "
            "allowedFilePaths in the chart's values",
        )
    # No `type`: with one, a missing directory leaves the Pod waiting without a word in its status, and so the
    # worker could never say ModelNotFound.
    return ModelVolume(source={"hostPath": {"path": path}}, path=MODELS_MOUNT, claim=None, is_inspected=True)


def _image(uri: str, rest: str, pull_policy: str) -> ModelVolume:
    if not re.match(IMAGE_URI_PATTERN, uri):
        raise _invalid(uri, "must be oci://IMAGE or oci://IMAGE#PATH, with IMAGE as a registry knows it")
    reference, _, path = rest.partition("#")
    return ModelVolume(
        source={"image": {"reference": reference, "pullPolicy": pull_policy}},
        path=posixpath.normpath(f"{MODELS_MOUNT}/{path}"),
        claim=None,
        is_inspected=True,
    )


def _is_below(path: str, root: str) -> bool:
    root = posixpath.normpath(root).rstrip("/")
    return path == root or path.startswith(f"{root}/")


def _invalid(uri: str, why: str) -> Stalled:
    return Stalled("InvalidValue", f"spec.model.uri: {uri[:200]!r} {why}")
