"""How numbers are stored in fewer bits, and the error that makes.

    fp32, bf16, fp16   every number rounded to the nearest
    int8               q = round(x / s) in -127..127, s = max|x| / 127 in fp32, one s per output
                       channel (first dimension) from two dimensions on, else one per tensor
    int4               the same in -7..7 with s = max|x| / 7 in fp16, one s per group of 32 along
                       the flattened input dimensions, two numbers to a byte

SQNR = 10 log10(sum x^2 / sum (x - x')^2) in dB, over finite values, in float64.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log10

import torch
from torch import Tensor

GROUP = 32
CHUNK = 2**22  # numbers turned into float64 at a time
INT8_LIMIT, INT4_LIMIT = 127, 7
LARGEST_FP16 = torch.finfo(torch.float16).max

PRECISIONS = {
    "fp32": "float32",
    "bf16": "bfloat16",
    "fp16": "float16",
    "int8": "int8, one scale per output channel",
    "int4": f"int4, one scale per {GROUP} weights",
}
"""Name of every precision -> how it is stored, from large to small."""

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Stored:
    """Numbers in some precision: the arrays that a file would hold, and what they decode to."""

    arrays: Mapping[str, Tensor]
    decoded: Tensor

    @property
    def bytes(self) -> int:
        """Size of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


@dataclass(slots=True)
class Error:
    """Sums from which the SQNR over one or many tensors follows."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, exact: Tensor, decoded: Tensor) -> None:
        """Count one tensor, without the places where `exact` is not finite."""
        pairs = zip(exact.flatten().split(CHUNK), decoded.flatten().split(CHUNK), strict=True)
        for x, y in pairs:
            finite = x.isfinite()
            x, y = x[finite].double(), y[finite].double()
            self.signal += float((x * x).sum())
            self.noise += float(((x - y) ** 2).sum())

    @property
    def sqnr_db(self) -> float | None:
        """None where it is not a number: nothing stored, no error at all, or an infinite one."""
        if not (0 < self.noise < inf and 0 < self.signal < inf):
            return None
        return 10 * log10(self.signal / self.noise)


def real(tensor: Tensor) -> Tensor | None:
    """The tensor as float32 or float64 numbers, complex ones as two; None for integers and bool."""
    if tensor.is_complex():
        return torch.view_as_real(tensor.resolve_conj()).flatten(-2 if tensor.dim() else 0)
    if not tensor.is_floating_point():
        return None
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def store(numbers: Tensor, precision: str) -> Stored:
    """Numbers (float32 or float64, any shape) in a precision, a key of PRECISIONS."""
    if precision in _TYPES:
        rounded = numbers.to(_TYPES[precision])
        return Stored({"": rounded}, rounded.to(numbers.dtype))
    if not numbers.numel():
        return Stored({"": numbers}, numbers)
    rows = numbers.reshape(numbers.shape[0] if numbers.dim() >= 2 else 1, -1)
    arrays, decoded = _int8(rows) if precision == "int8" else _int4(rows)
    return Stored(arrays, decoded.reshape(numbers.shape).to(numbers.dtype))


def _int8(rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Rows (channels, inputs) with one scale each."""
    scale = (_largest(rows) / INT8_LIMIT).float()
    levels = _levels(rows, scale, INT8_LIMIT)
    return {"": levels, ".scale": scale}, levels * scale


def _int4(rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Rows (channels, inputs) cut into groups; the last group of a row may be shorter."""
    channels, inputs = rows.shape
    padded = torch.nn.functional.pad(rows, (0, -inputs % GROUP))
    groups = padded.reshape(channels, -1, GROUP)
    scale = (_largest(groups) / INT4_LIMIT).clamp(max=LARGEST_FP16).half()
    levels = _levels(groups, scale.float(), INT4_LIMIT)
    nibbles = (levels + 8).to(torch.uint8).reshape(channels, -1)[:, : inputs + inputs % 2]
    packed = nibbles[:, 0::2] | (nibbles[:, 1::2] << 4)
    decoded = (levels * scale.float()).reshape(channels, -1)[:, :inputs]
    return {"": packed, ".scale": scale}, decoded


def _largest(rows: Tensor) -> Tensor:
    """The largest finite magnitude along the last dimension, which stays with size 1."""
    return rows.nan_to_num(0, 0, 0).abs().amax(-1, keepdim=True)


def _levels(rows: Tensor, scale: Tensor, limit: int) -> Tensor:
    """round(x / scale) as int8; NaN, and everything under a scale of zero, decodes to zero."""
    return (rows / scale).nan_to_num(0, limit, -limit).round().clamp(-limit, limit).to(torch.int8)
