"""Images in parts: what is unpacked already is linked, and only the rest travels."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from localcluster.errors import ClusterError
from localcluster.oci import IMAGE_NAME, Blob, Image, archive, blob, chain, program_image
from localcluster.runtime import writable_folder
from localcluster.storage import Storage

UNPACKED = Blob("sha256:" + "a" * 64, 10, folder=Path("/store/a"))
HELD = blob(b"held")
IMAGE = Image(blob(b"{}"), [UNPACKED, HELD])


def unpack(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file}


def test_the_archive_names_the_image() -> None:
    index = json.loads(unpack(archive(IMAGE, "localhost/x:1"))["index.json"])
    assert index["manifests"][0]["annotations"][IMAGE_NAME] == "localhost/x:1"
    assert index["manifests"][0]["digest"] == IMAGE.manifest.digest


def test_unpacked_layers_do_not_travel() -> None:
    names = unpack(archive(IMAGE, "localhost/x:1"))
    assert f"blobs/{UNPACKED.digest.replace(':', '/')}" not in names


def test_every_blob_lies_under_its_own_digest() -> None:
    blobs = {n: c for n, c in unpack(archive(IMAGE, "x:1")).items() if n.startswith("blobs/")}
    assert len(blobs) == 3
    assert all(
        name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}" for name, content in blobs.items()
    )


def test_the_manifest_lists_all_layers_in_order() -> None:
    body = json.loads(IMAGE.manifest.content or b"")
    assert [layer["digest"] for layer in body["layers"]] == [UNPACKED.digest, HELD.digest]


def test_the_lowest_layer_is_called_by_its_own_digest() -> None:
    assert chain(IMAGE)[0] == (UNPACKED.digest, UNPACKED)


def test_a_layer_is_called_by_all_layers_below_it() -> None:
    expected = hashlib.sha256(f"{UNPACKED.digest} {HELD.digest}".encode()).hexdigest()
    assert chain(IMAGE)[1] == (f"sha256:{expected}", HELD)


def test_a_program_becomes_an_image_of_one_layer(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    (layer,) = program_image(program).layers
    with tarfile.open(fileobj=io.BytesIO(layer.content or b"")) as tar:
        assert tar.getmember("pause").mode == 0o755


@pytest.mark.parametrize(
    ("mount", "folder"),
    [
        ({"Type": "bind", "Source": "/var/lib/s/1/fs", "Options": ["rw", "rbind"]}, "/var/lib/s/1/fs"),
        (
            {
                "type": "overlay",
                "source": "overlay",
                "options": ["workdir=/s/2/work", "upperdir=/s/2/fs", "lowerdir=/s/1/fs"],
            },
            "/s/2/fs",
        ),
    ],
    ids=["the lowest layer is a plain folder", "a higher layer is what lies on top"],
)
def test_files_go_where_the_snapshot_is_written(mount: dict[str, object], folder: str) -> None:
    assert writable_folder([mount]) == Path(folder)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one image of two layers, as buildah keeps it."""
    for kind in ("layers", "images"):
        (tmp_path / f"overlay-{kind}").mkdir()
    layers = [
        {"id": "one", "diff-digest": "sha256:" + "1" * 64, "diff-size": 1},
        {"id": "two", "diff-digest": "sha256:" + "2" * 64, "diff-size": 2, "parent": "one"},
    ]
    (tmp_path / "overlay-layers" / "layers.json").write_text(json.dumps(layers))
    config = b'{"os":"linux"}'
    image_id = hashlib.sha256(config).hexdigest()
    home = tmp_path / "overlay-images" / image_id
    home.mkdir()
    key = base64.b64encode(f"sha256:{image_id}".encode()).decode()
    (home / f"={key}").write_bytes(config)
    (tmp_path / "overlay-images" / "images.json").write_text(json.dumps([{"id": image_id, "layer": "two"}]))
    return tmp_path


def test_a_built_image_is_found_by_the_beginning_of_its_id(store: Path) -> None:
    image = Storage(store).image(hashlib.sha256(b'{"os":"linux"}').hexdigest()[:12])
    assert image.config.content == b'{"os":"linux"}'
    assert [layer.folder for layer in image.layers] == [
        store / "overlay" / n / "diff" for n in ("one", "two")
    ]


def test_an_image_that_was_never_built_is_named(store: Path) -> None:
    with pytest.raises(ClusterError, match="ffff"):
        Storage(store).image("ffff")
