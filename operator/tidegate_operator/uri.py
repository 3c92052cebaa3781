"""What a model's URI means: which volume is mounted, and where in it the model is.

Owns the grammar of `pvc://` and `file://`. Must not look whether anything is there.
"""

import posixpath
import re
from collections.abc import Sequence

from tidegate_api.names import MODELS_MOUNT
from tidegate_operator.desired import ModelVolume
from tidegate_operator.errors import Stalled

_CLAIM = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def model_volume(uri: str, allowed_file_paths: Sequence[str]) -> ModelVolume:
    """Return the volume of a model; raises Stalled for a URI that names none, or one that is not allowed."""
    scheme, _, rest = uri.partition("://")
    if ".." in uri or _UNPRINTABLE.search(uri):
        raise _invalid(uri, "must not contain '..' or control characters: name the model's directory itself")
    if scheme == "pvc":
        return _claim(uri, rest)
    if scheme == "file" and rest.startswith("/"):
        return _directory(rest, allowed_file_paths)
    raise _invalid(uri, "is of no known kind: use pvc://CLAIM/PATH or file:///PATH")


def _claim(uri: str, rest: str) -> ModelVolume:
    name, _, path = rest.partition("/")
    if not _CLAIM.match(name):
        raise _invalid(uri, f"names no PersistentVolumeClaim: {name!r} cannot be the name of one")
    return ModelVolume(
        source={"persistentVolumeClaim": {"claimName": name, "readOnly": True}},
        path=posixpath.normpath(f"{MODELS_MOUNT}/{path}"),
        claim=name,
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
    return ModelVolume(source={"hostPath": {"path": path}}, path=MODELS_MOUNT, claim=None)


def _is_below(path: str, root: str) -> bool:
    root = posixpath.normpath(root).rstrip("/")
    return path == root or path.startswith(f"{root}/")


def _invalid(uri: str, why: str) -> Stalled:
    return Stalled("InvalidValue", f"spec.model.uri: {uri[:200]!r} {why}")
