"""Images in parts: only what is lacking travels, and what arrives is what the digests promise."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from localcluster.errors import ClusterError
from localcluster.oci import IMAGE_NAME, Image, archive, blob, lacking, program_image
from localcluster.storage import Storage, entry_name, joined

BASE, DEPENDENCIES, CODE = (blob(name) for name in (b"base", b"dependencies", b"code"))
IMAGE = Image(blob(b"{}"), [BASE, DEPENDENCIES, CODE])


def test_a_code_change_sends_one_layer() -> None:
    travel = lacking(IMAGE, {BASE.digest, DEPENDENCIES.digest})
    assert [b.digest for b in travel] == [IMAGE.manifest.digest, IMAGE.config.digest, CODE.digest]


def test_the_first_time_everything_travels() -> None:
    assert len(lacking(IMAGE, set())) == 5


def test_a_layer_that_occurs_twice_travels_once() -> None:
    assert len(lacking(Image(blob(b"{}"), [BASE, BASE]), set())) == 3


def test_the_archive_is_a_tar_that_names_the_image() -> None:
    stream = io.BytesIO(b"".join(archive(IMAGE, "localhost/x:1", lacking(IMAGE, {BASE.digest}))))
    with tarfile.open(fileobj=stream) as tar:
        names = set(tar.getnames())
        index = json.loads(tar.extractfile("index.json").read())  # type: ignore[union-attr]
        code = tar.extractfile(f"blobs/{CODE.digest.replace(':', '/')}").read()  # type: ignore[union-attr]
    assert index["manifests"][0]["annotations"][IMAGE_NAME] == "localhost/x:1"
    assert code == b"code"
    assert f"blobs/{BASE.digest.replace(':', '/')}" not in names


def test_a_program_becomes_an_image_of_one_layer(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    image = program_image(program)
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.layers[0].read()))) as layer:
        assert layer.getmember("pause").mode == 0o755


def test_names_that_are_no_utf8_are_found() -> None:
    raw = base64.b64encode(b"./caf\xe9").decode()
    assert entry_name({"name_raw": raw}).encode(errors="surrogateescape") == b"./caf\xe9"


def test_an_empty_file_is_not_opened(tmp_path: Path) -> None:
    assert list(joined([{"type": 1, "name": "gone", "size": 0}], tmp_path)) == []


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one image of two layers, as buildah keeps it."""
    for number, content in enumerate((b"below", b"above")):
        folder = tmp_path / "overlay" / str(number) / "diff"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(content)
    layers = [_layer(tmp_path, 0, b"below"), {**_layer(tmp_path, 1, b"above"), "parent": "0"}]
    (tmp_path / "overlay-layers" / "layers.json").write_text(json.dumps(layers))
    config = b'{"os":"linux"}'
    image_id = hashlib.sha256(config).hexdigest()
    home = tmp_path / "overlay-images" / image_id
    home.mkdir(parents=True)
    key = base64.b64encode(f"sha256:{image_id}".encode()).decode()
    (home / f"={key}").write_bytes(config)
    (tmp_path / "overlay-images" / "images.json").write_text(json.dumps([{"id": image_id, "layer": "1"}]))
    return tmp_path


def _layer(root: Path, number: int, content: bytes) -> dict[str, object]:
    stream = b"header" + content + b"padding"
    tape = [
        {"type": 2, "payload": base64.b64encode(b"header").decode()},
        {"type": 1, "name": "./file", "size": len(content)},
        {"type": 2, "payload": base64.b64encode(b"padding").decode()},
    ]
    folder = root / "overlay-layers"
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / f"{number}.tar-split.gz", "wt") as out:
        out.write("\n".join(json.dumps(entry) for entry in tape))
    digest = f"sha256:{hashlib.sha256(stream).hexdigest()}"
    return {"id": str(number), "diff-digest": digest, "diff-size": len(stream)}


def test_layers_are_read_where_they_were_built(store: Path) -> None:
    name = json.loads((store / "overlay-images" / "images.json").read_text())[0]["id"]
    image = Storage(store).image(name[:12])
    assert [b"".join(layer.read()) for layer in image.layers] == [
        b"headerbelowpadding",
        b"headerabovepadding",
    ]


def test_a_damaged_layer_is_noticed(store: Path) -> None:
    name = json.loads((store / "overlay-images" / "images.json").read_text())[0]["id"]
    (store / "overlay" / "1" / "diff" / "file").write_bytes(b"abuse")
    with pytest.raises(ClusterError, match="damaged"):
        b"".join(Storage(store).image(name).layers[1].read())


def test_an_image_that_was_never_built_is_named(store: Path) -> None:
    with pytest.raises(ClusterError, match="ffff"):
        Storage(store).image("ffff")
