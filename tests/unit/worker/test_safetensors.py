"""The header of a weight file: what is refused before vLLM would map it."""

import pytest

from models import GOOD, safetensors, tensor
from tidegate_worker import safetensors as subject


def problem(content: bytes) -> str | None:
    return subject.length_problem(content[:8], len(content)) or subject.header_problem(
        content[8 : 8 + subject.header_length(content)], len(content)
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD, id="one tensor that fills the file"),
        pytest.param(safetensors({}), id="no tensor at all"),
        pytest.param(
            safetensors({"b": tensor(4, 8), "a": tensor(0, 4)}, b"12345678"), id="tensors listed out of order"
        ),
        pytest.param(
            safetensors({"a": tensor(0, 0, shape=(0, 7)), "b": tensor(0, 4)}, b"1234"), id="an empty tensor"
        ),
        pytest.param(safetensors({"a": tensor(0, 4, "F32", ())}, b"1234"), id="a scalar"),
        pytest.param(safetensors({"a": tensor(0, 3, "F4", (6,))}, b"123"), id="a type of half a byte"),
        pytest.param(
            safetensors({"a": tensor(0, 4, "NEWTYPE", (9,))}, b"1234"),
            id="a type that is newer than the list",
        ),
        pytest.param(
            safetensors(b'{"a": {"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   ', b"1"), id="padded"
        ),
    ],
)
def test_a_sound_file_has_no_problem(content: bytes) -> None:
    assert problem(content) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "0 bytes", id="an empty file"),
        pytest.param(b"1234", "4 bytes", id="shorter than its length field"),
        pytest.param(GOOD[:-1], "ends 1 bytes early", id="cut off in the data"),
        pytest.param(GOOD[:20], "file ends after 20", id="cut off in the header"),
        pytest.param(GOOD + b"x", "belong to no tensor", id="bytes at the end"),
        pytest.param(
            (1 << 63).to_bytes(8, "little"), "claims 9223372036854775808", id="a header of 2^63 bytes"
        ),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "claims", id="a pointer of Git LFS"),
        pytest.param(b"<!DOCTYPE html><html></html>", "claims", id="an error page"),
        pytest.param(safetensors(b"\xff\xfe{}"), "not JSON", id="a header that is no text"),
        pytest.param(safetensors(b"{"), "not JSON", id="a header that is no JSON"),
        pytest.param(safetensors(b"[" * 100_000), "not JSON", id="a header that is nested too deeply"),
        pytest.param(safetensors([1]), "not a JSON object", id="a header that is a list"),
        pytest.param(safetensors({"a": 1}), "lacks dtype", id="an entry that is a number"),
        pytest.param(
            safetensors({"a": {"dtype": "F32", "shape": [1]}}), "lacks", id="an entry without offsets"
        ),
        pytest.param(safetensors({"a": tensor(4, 0)}, b"1234"), "negative", id="offsets the wrong way round"),
        pytest.param(safetensors({"a": tensor(-4, 0)}), "negative", id="a negative offset"),
        pytest.param(safetensors({"a": tensor(shape=(-2,))}, b"1234"), "negative", id="a negative size"),
        pytest.param(safetensors({"a": tensor(shape=(3,))}, b"1234"), "claims shape", id="a shape that lies"),
        pytest.param(
            safetensors({"a": tensor(), "b": tensor(2, 6)}, b"123456"), "4 was due", id="overlapping tensors"
        ),
        pytest.param(
            safetensors({"a": tensor(), "b": tensor(6, 10)}, b"1234567890"), "4 was due", id="a hole"
        ),
        pytest.param(
            safetensors({"a": tensor(0, 1 << 62, "U8", (1 << 62,))}), "early", id="a tensor of exabytes"
        ),
    ],
)
def test_a_broken_file_is_described(content: bytes, words: str) -> None:
    found = problem(content)
    assert found is not None
    assert words in found
