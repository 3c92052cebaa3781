"""What a model's URI mounts, and which URIs are refused."""

import pytest

from tidegate_operator.errors import Stalled
from tidegate_operator.uri import model_volume

ALLOWED = ["/srv/models", "/data/"]


@pytest.mark.parametrize(
    ("uri", "claim", "path"),
    [
        pytest.param("pvc://weights/smollm2", "weights", "/models/smollm2", id="a directory of a claim"),
        pytest.param("pvc://weights", "weights", "/models", id="the whole claim"),
        pytest.param("pvc://weights/", "weights", "/models", id="the whole claim, with a slash"),
        pytest.param("pvc://weights/a//b/", "weights", "/models/a/b", id="slashes too many"),
        pytest.param("pvc://w.x-1/a b/ü", "w.x-1", "/models/a b/ü", id="blanks and umlauts in the path"),
    ],
)
def test_a_claim_is_mounted_whole_and_read_only(uri: str, claim: str, path: str) -> None:
    volume = model_volume(uri, [])
    assert volume.source == {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    assert (volume.claim, volume.path) == (claim, path)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        pytest.param("file:///srv/models/smollm2", "/srv/models/smollm2", id="below an allowed directory"),
        pytest.param("file:///srv/models", "/srv/models", id="the allowed directory itself"),
        pytest.param("file:////srv//models/x/", "/srv/models/x", id="slashes too many"),
        pytest.param("file:///data/x", "/data/x", id="the setting ends in a slash"),
    ],
)
def test_an_allowed_directory_of_the_node_is_mounted_itself(uri: str, path: str) -> None:
    volume = model_volume(uri, ALLOWED)
    assert volume.source == {"hostPath": {"path": path}}
    assert (volume.claim, volume.path) == (None, "/models")


@pytest.mark.parametrize(
    ("uri", "reason", "words"),
    [
        pytest.param("ftp://org/name", "InvalidValue", "pvc://CLAIM/PATH", id="a scheme that is not known"),
        pytest.param("pvc:/weights", "InvalidValue", "no known kind", id="a slash too few"),
        pytest.param("weights/x", "InvalidValue", "no known kind", id="no scheme"),
        pytest.param("file://host/x", "InvalidValue", "no known kind", id="a file on another host"),
        pytest.param("PVC://weights/x", "InvalidValue", "no known kind", id="a scheme in capitals"),
        pytest.param("pvc:///x", "InvalidValue", "names no PersistentVolumeClaim", id="no claim"),
        pytest.param("pvc://Weights/x", "InvalidValue", "'Weights'", id="no name of a claim"),
        pytest.param("pvc://weights/../x", "InvalidValue", "'..'", id="a way out of the claim"),
        pytest.param("file:///srv/models/../etc", "InvalidValue", "'..'", id="a way out of the directory"),
        pytest.param("pvc://weights/a\nb", "InvalidValue", "control", id="a line break"),
        pytest.param("pvc://weights/a\0b", "InvalidValue", "control", id="a NUL"),
        pytest.param(
            "file:///etc", "FilePathNotAllowed", "/srv/models, /data/", id="a path that is not allowed"
        ),
        pytest.param(
            "file:///srv/models2", "FilePathNotAllowed", "/srv/models2", id="an allowed path's prefix only"
        ),
        pytest.param(
            "file:///srv", "FilePathNotAllowed", "/srv is not below", id="the parent of an allowed path"
        ),
    ],
)
def test_anything_else_is_refused(uri: str, reason: str, words: str) -> None:
    with pytest.raises(Stalled) as refused:
        model_volume(uri, ALLOWED)
    assert refused.value.reason == reason
    assert words in refused.value.message


def test_without_the_setting_no_directory_of_a_node_is_allowed() -> None:
    with pytest.raises(Stalled, match="FilePathNotAllowed") as refused:
        model_volume("file:///srv/models/x", [])
    assert "(none)" in refused.value.message
    assert "allowedFilePaths" in refused.value.message
