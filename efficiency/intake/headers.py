"""The header of a safetensors file, read by the letter of its specification and no more leniently.

    8 bytes: length of the header, little-endian; the header: one JSON object
    {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {...}};
    then the data, which the tensors cover without a gap or an overlap.

Source: the format section of the safetensors README.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, BinaryIO

import msgspec

from efficiency.core.errors import BadFile
from efficiency.intake.accepted import TensorInfo
from efficiency.intake.limits import MAX_DESCRIPTION_BYTES, MAX_DIMENSIONS, MAX_TENSORS
from efficiency.intake.sentences import quoted

METADATA = "__metadata__"
DTYPES = {
    "BOOL": ("bool", 1),
    "U8": ("uint8", 1),
    "I8": ("int8", 1),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
    "U16": ("uint16", 2),
    "I16": ("int16", 2),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "U32": ("uint32", 4),
    "I32": ("int32", 4),
    "F32": ("float32", 4),
    "U64": ("uint64", 8),
    "I64": ("int64", 8),
    "F64": ("float64", 8),
    "C64": ("complex64", 8),
}
"""safetensors' name of a type -> torch's name and its bytes."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tensor of the header; offsets count from the end of the header."""

    dtype: str
    shape: tuple[Count, ...]
    data_offsets: tuple[Count, Count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A checked header."""

    tensors: tuple[TensorInfo, ...]
    metadata: Mapping[str, str]


def read_header(file: BinaryIO, size: int) -> Header:
    """Read and check the header of a file of `size` bytes. Raises BadFile naming the rule."""
    (length,) = struct.unpack("<Q", file.read(8))
    if length > MAX_DESCRIPTION_BYTES:
        raise _broken(
            f"its header claims {length:,} bytes and at most {MAX_DESCRIPTION_BYTES:,} are read"
        )
    if length > size - 8:
        raise _broken(f"its header claims {length:,} bytes and only {size - 8:,} follow")
    raw = _entries(file.read(length))
    metadata = raw.pop(METADATA, None)
    if len(raw) > MAX_TENSORS:
        raise _broken(f"it has {len(raw):,} tensors and at most {MAX_TENSORS:,} are accepted")
    entries = {name: _entry(name, each) for name, each in raw.items()}
    _check_layout(entries, size - 8 - length)
    try:
        texts = msgspec.convert(metadata or {}, dict[str, str])
    except msgspec.ValidationError:
        raise _broken("its __metadata__ is not a table of texts") from None
    return Header(
        tensors=tuple(
            TensorInfo(name=name, shape=each.shape, dtype=DTYPES[each.dtype][0])
            for name, each in sorted(entries.items())
        ),
        metadata=texts,
    )


def _entries(text: bytes) -> dict[str, object]:
    """The header's object. Python's own JSON reader, because it can be asked about equal keys."""

    def without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _broken(f"its header has the key {quoted(twice)} twice")
        return found

    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError):
        raise _broken("its header is not valid JSON") from None
    if not isinstance(header, dict):
        raise _broken("its header is not a JSON object")
    return header


def _entry(name: str, raw: object) -> Entry:
    try:
        entry = msgspec.convert(raw, Entry)
    except msgspec.ValidationError:
        raise _broken(f"the entry of {quoted(name)} is not dtype, shape and data_offsets") from None
    if entry.dtype not in DTYPES:
        raise BadFile(
            f"Tensor {quoted(name)} has the type {quoted(entry.dtype)}, which is not supported; "
            f"convert it to one of {', '.join(DTYPES)}."
        )
    if len(entry.shape) > MAX_DIMENSIONS:
        raise _broken(
            f"{quoted(name)} has {len(entry.shape)} dimensions and at most {MAX_DIMENSIONS} are "
            "accepted"
        )
    begin, end = entry.data_offsets
    needed = prod(entry.shape) * DTYPES[entry.dtype][1]
    if end - begin != needed:
        raise _broken(f"{quoted(name)} needs {needed:,} bytes by its shape and has {end - begin:,}")
    return entry


def _check_layout(entries: Mapping[str, Entry], size: int) -> None:
    """The tensors must cover the data exactly, one after the other."""
    expected = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].data_offsets):
        begin, end = entry.data_offsets
        if begin < expected:
            raise _broken(f"{quoted(name)} overlaps another tensor")
        if begin > expected:
            raise _broken(f"there is a hole of {begin - expected:,} bytes before {quoted(name)}")
        if end > size:
            raise _broken(f"{quoted(name)} ends at byte {end:,} and there are only {size:,}")
        expected = end
    if expected < size:
        raise _broken(f"{size - expected:,} bytes follow the last tensor")


def _broken(rule: str) -> BadFile:
    return BadFile(
        f"The safetensors file breaks a rule of its format: {rule}; copy it again, or save it "
        "again with safetensors.torch.save_model(model, path)."
    )
