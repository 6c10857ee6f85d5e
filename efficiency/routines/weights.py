"""What the weights alone tell: their distribution, and the cost of storing them in fewer bits.

Everything is computed from the stored numbers, tensor by tensor, and no model is run; so an SQNR
here is that of the weights, not of the model's output. Tensors that share their memory (the file's
metadata names them) count once. Integers and booleans stay as they are in every precision.
"""

import os
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import torch
from safetensors import safe_open
from torch import Tensor

from efficiency.core.values import Footprint, LayerWeights, PrecisionCost, Row
from efficiency.intake.headers import DTYPES
from efficiency.measure.size import DEFLATE_LEVEL
from efficiency.routines.precisions import CHUNK, PRECISIONS, Error, Stored, real, store

BASELINE = "baseline"
BINS = 48
CODES = {name: code for code, (name, _) in DTYPES.items()}
COMPUTED = "Computed from the weights; no model was run."


def layer_weights(path: Path) -> tuple[LayerWeights, ...]:
    """Statistics and costs of every tensor of a safetensors file, one in memory at a time.

    `std` is that of the population. `parameters` is 0 for integers and booleans, which have no
    statistics. An SQNR is None where storing makes no error, or where it is not defined.
    """
    return tuple(_layer(name, tensor) for name, tensor in tensors(path))


def precision_rows(layers: tuple[LayerWeights, ...], path: Path) -> tuple[Row, ...]:
    """The whole file as it is (rows[0]) and in every precision that differs from that.

    Sizes are those of a safetensors file with all arrays, really serialised and deflated in pieces
    (as in `measure.size`). `layers` is what `layer_weights` said about the same file.
    """
    types = sorted({layer.dtype for layer in layers if layer.parameters})
    wanted = [name for name in PRECISIONS if not (name == "fp32" and types == ["float32"])]
    files = {name: _File(precision=name) for name in (BASELINE, *wanted)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # deflating leaves Python's lock alone
        for name, tensor in tensors(path):
            add = partial(_File.add, name=name, tensor=tensor, numbers=real(tensor))
            for _ in pool.map(add, files.values()):
                pass  # an error in a thread comes out here
    parameters = sum(layer.parameters for layer in layers)
    labels = {BASELINE: f"As stored ({', '.join(types) or 'no weights'})", **PRECISIONS}
    return tuple(file.row(labels[name], parameters) for name, file in files.items())


def tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of a safetensors file in the order of names, tied ones once."""
    with safe_open(path, framework="pt") as file:
        tied = msgspec.json.decode((file.metadata() or {}).get("tied", "{}"), type=dict[str, str])
        for name in sorted(file.keys()):
            if name not in tied:
                yield name, file.get_tensor(name)


def _layer(name: str, tensor: Tensor) -> LayerWeights:
    numbers = real(tensor)
    shape, dtype = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
    if numbers is None:
        return LayerWeights(
            name=name,
            shape=shape,
            dtype=dtype,
            parameters=0,
            zeros=0,
            not_finite=0,
            mean=None,
            std=None,
            low=None,
            high=None,
            histogram=(0,) * BINS,
            precisions=tuple(
                PrecisionCost(precision=precision, bytes=tensor.nbytes, sqnr_db=None)
                for precision in PRECISIONS
            ),
        )
    finite = numbers[numbers.isfinite()]
    mean, std, low, high = _statistics(finite)
    return LayerWeights(
        name=name,
        shape=shape,
        dtype=dtype,
        parameters=tensor.numel(),
        zeros=tensor.numel() - _nonzero(numbers, tensor),
        not_finite=numbers.numel() - finite.numel(),
        mean=mean,
        std=std,
        low=low,
        high=high,
        histogram=_histogram(finite, low, high),
        precisions=tuple(_cost(numbers, precision) for precision in PRECISIONS),
    )


def _statistics(finite: Tensor) -> tuple[float, float, float, float] | tuple[None, ...]:
    """Mean, standard deviation, smallest and largest, in float64."""
    if not finite.numel():
        return None, None, None, None
    parts = finite.split(CHUNK)
    mean = sum(float(part.double().sum()) for part in parts) / finite.numel()
    variance = sum(float(((part.double() - mean) ** 2).sum()) for part in parts) / finite.numel()
    return mean, variance**0.5, float(finite.min()), float(finite.max())


def _histogram(finite: Tensor, low: float | None, high: float | None) -> tuple[int, ...]:
    """Counts in equal bins from low to high; all in the first where they are the same."""
    if low is None or high is None or low == high:
        return (finite.numel(), *(0,) * (BINS - 1))
    counts = torch.zeros(BINS, dtype=torch.float64)
    for part in finite.split(CHUNK):
        counts += torch.histc(part.double(), BINS, low, high)
    return tuple(int(count) for count in counts)


def _cost(numbers: Tensor, precision: str) -> PrecisionCost:
    stored, error = store(numbers, precision), Error()
    error.add(numbers, stored.decoded)
    return PrecisionCost(precision=precision, bytes=stored.bytes, sqnr_db=error.sqnr_db)


def _nonzero(numbers: Tensor, tensor: Tensor) -> int:
    """Elements that are not zero, where complex numbers take two numbers for one element."""
    if tensor.is_complex():
        numbers = numbers.reshape(-1, 2).any(-1)
    return int(numbers.count_nonzero())


@dataclass(slots=True)
class _File:
    """A safetensors file that is measured while it is written, and kept nowhere."""

    precision: str
    deflate: "zlib._Compress" = field(default_factory=lambda: zlib.compressobj(DEFLATE_LEVEL))
    size: int = 0
    zipped: int = 0
    nonzero: int = 0
    overflows: int = 0
    error: Error = field(default_factory=Error)
    header: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def add(self, name: str, tensor: Tensor, numbers: Tensor | None) -> None:
        """Write one tensor, which stands for `numbers`; None where it is kept as it is."""
        exact = None if self.precision == BASELINE else numbers
        stored = Stored({"": tensor}, tensor) if exact is None else store(exact, self.precision)
        for suffix, array in stored.arrays.items():
            self.header[name + suffix] = {
                "dtype": CODES[str(array.dtype).removeprefix("torch.")],
                "shape": tuple(array.shape),
                "data_offsets": (self.size, self.size + array.nbytes),
            }
            for part in array.flatten().split(CHUNK):
                self.write(part.contiguous().view(torch.uint8).numpy().data)
        decoded = real(stored.decoded)
        if decoded is not None:
            self.nonzero += _nonzero(decoded, tensor)
        if exact is not None:
            self.overflows += int((exact.isfinite() & ~stored.decoded.isfinite()).sum())
            self.error.add(exact, stored.decoded)

    def write(self, data: bytes | memoryview) -> None:
        """Count bytes, plain and deflated."""
        self.size += len(data)
        self.zipped += len(self.deflate.compress(data))

    def row(self, label: str, parameters: int) -> Row:
        """Finish the file; the header is written last here, which changes no size."""
        header = msgspec.json.encode(self.header)
        self.write(len(header).to_bytes(8, "little") + header)
        notes = [COMPUTED]
        if self.overflows:
            notes.append(
                f"Numbers too large for this type: {self.overflows:,}; no SQNR is defined."
            )
        return Row(
            name=self.precision,
            label=label,
            footprint=Footprint(
                parameters=parameters,
                nonzero=self.nonzero,
                bytes_on_disk=self.size,
                bytes_zipped=self.zipped + len(self.deflate.flush()),
            ),
            sqnr_db=self.error.sqnr_db,
            notes=tuple(notes),
        )
