"""Whether the bytes at the start of a safetensors file describe exactly the rest of it.

Owns the format's arithmetic. Must not open files: it is handed bytes and a size, and reads no tensor.
"""

import json
from dataclasses import dataclass
from math import prod
from typing import Any, Final

LENGTH_BYTES: Final = 8
# The reference implementation allows 100 MB, of which the objects that are made of it would take gigabytes; real
# headers have a few hundred kilobytes, the largest some megabytes.
MAX_HEADER_BYTES: Final = 32 * 1024 * 1024
# Models have five at most; a product of a million numbers takes hours.
MAX_DIMENSIONS: Final = 64

BITS: Final = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of one tensor, counted from the end of the header."""

    name: str
    begin: int
    end: int


def length_problem(prefix: bytes, file_size: int) -> str | None:
    """Return what is wrong with the first eight bytes of a file of this size."""
    if len(prefix) < LENGTH_BYTES:
        return f"it has {file_size} bytes, which is not even a header"
    length = header_length(prefix)
    if length > MAX_HEADER_BYTES:
        return f"its header claims {length} bytes; the limit is {MAX_HEADER_BYTES}"
    if LENGTH_BYTES + length > file_size:
        return f"its header claims {length} bytes, but the file ends after {file_size}"
    return None


def header_length(prefix: bytes) -> int:
    """Return the length that the first eight bytes claim for the header."""
    return int.from_bytes(prefix[:LENGTH_BYTES], "little")


def header_problem(header: bytes, file_size: int) -> str | None:
    """Return what is wrong with the header, or with the size of the file that it describes."""
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError):
        return "its header is not JSON"
    if not isinstance(entries, dict):
        return "its header is not a JSON object"
    spans = []
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        span = tensor_span(name, entry)
        if isinstance(span, str):
            return span
        spans.append(span)
    return cover_problem(spans, file_size - LENGTH_BYTES - len(header))


def tensor_span(name: str, entry: Any) -> Span | str:
    """Return where one tensor lies, or what is wrong with its entry."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]}:
            pass
        case _:
            return f"the entry of tensor {name!r:.100} lacks dtype, shape or data_offsets"
    if len(shape) > MAX_DIMENSIONS:
        return f"the entry of tensor {name!r:.100} has {len(shape)} dimensions; the limit is {MAX_DIMENSIONS}"
    if not all(isinstance(size, int) and size >= 0 for size in shape) or not 0 <= begin <= end:
        return f"the entry of tensor {name!r:.100} has a negative size or offset"
    # A type that is newer than this list is vLLM's to judge.
    bits = BITS.get(dtype)
    if bits is not None and prod(shape) * bits != (end - begin) * 8:
        return f"tensor {name!r:.100} claims shape {shape!s:.100} of {dtype} in {end - begin} bytes"
    return Span(name, begin, end)


def cover_problem(spans: list[Span], data_size: int) -> str | None:
    """Return what is wrong where tensors leave holes, overlap, or do not end where the file ends."""
    at = 0
    for span in sorted(spans, key=lambda span: (span.begin, span.end)):
        if span.begin != at:
            return f"tensor {span.name!r:.100} begins at byte {span.begin}, where {at} was due"
        at = span.end
    if at > data_size:
        return f"it ends {at - data_size} bytes early: its tensors take {at} bytes, {data_size} are there"
    if at < data_size:
        return f"it has {data_size - at} bytes that belong to no tensor"
    return None
