"""What the bytes of a compressed file are: not all of them are int8 weights.

Read from the file itself, so that the parts add up to its size.
"""

import json
import zipfile
from collections import Counter
from pathlib import Path

WEIGHTS8 = "int8 weights"
BIASES = "float biases"
SCALES = "scales"
ZERO_POINTS = "zero points"
FLOATS = "weights left in float"
NUMBERS = "weights, biases and scales"  # of a program, which numbers its tensors
GRAPH = "the graph"
REST = "other numbers"
HEADER = "names and shapes"

LENGTH_BYTES = 8  # a safetensors file begins with the length of its header
INTEGERS = ("I8", "U8")
FLOATING = ("F64", "F32", "F16", "BF16")


def file_parts(path: Path) -> dict[str, int]:
    """Bytes of a safetensors file, or of an exported program (.pt2), by what they are for."""
    return _of_archive(path) if zipfile.is_zipfile(path) else _of_tensors(path)


def _of_tensors(path: Path) -> dict[str, int]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    parts: Counter[str] = Counter({HEADER: LENGTH_BYTES + length})
    for name, tensor in header.items():
        start, end = tensor["data_offsets"]
        parts[_part(name, tensor["dtype"], tensor["shape"])] += end - start
    return _largest_first(parts)


def _part(name: str, dtype: str, shape: list[int]) -> str:
    own = name.rpartition(".")[2]
    if "zero_point" in own:
        return ZERO_POINTS
    if "scale" in own:
        return SCALES
    if dtype in INTEGERS:
        return WEIGHTS8
    if dtype not in FLOATING:
        return REST
    return BIASES if "bias" in own and len(shape) == 1 else FLOATS


def _of_archive(path: Path) -> dict[str, int]:
    """A program is a zip archive of raw tensors and a graph as text."""
    parts: Counter[str] = Counter()
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            inside = entry.filename.partition("/")[2]
            if inside.startswith(("data/weights/", "data/constants/")):
                parts[NUMBERS] += entry.compress_size
            else:
                parts[GRAPH] += entry.compress_size
    parts[HEADER] = path.stat().st_size - sum(parts.values())
    return _largest_first(parts)


def _largest_first(parts: Counter[str]) -> dict[str, int]:
    return {part: size for part, size in parts.most_common() if size}
