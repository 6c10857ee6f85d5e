"""Things that a device is asked to do as fast as it can: multiply matrices, and copy memory.

Each is the plain work that layers are made of, at sizes that suit the device better than theirs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor

from efficiency.core.anatomy import Cache
from efficiency.core.units import bytes_text
from efficiency.measure.blocks import Call
from efficiency.measure.device import Device

DTYPES = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "int8": torch.int8,
}
ROWS = tuple(2**power for power in range(7, 14))
PIECES = tuple(2**power for power in range(20, 29))
# What comes round again must have left the last-level cache: arrays of twice its size, or of this.
ARRAY_BYTES = 2**29
CPU_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Work of one size: a call, and the operations or bytes in it."""

    call: Call
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing to do in growing sizes; `name`, `label` and `unit` will be the Peak's.

    `load` raises RuntimeError where PyTorch cannot do it, or not in that size.
    """

    name: str
    label: str
    unit: str
    sizes: tuple[int, ...]
    load: Callable[[int], Load]


def probes(device: Device, *, seed: int = 0) -> tuple[Probe, ...]:
    """Matrix products in every format; copies in main memory, and in the cache listed last."""
    products = (
        Probe(
            name=name,
            label=f"{name} matrix product",
            unit="op",
            sizes=ROWS,
            load=product(name, device.name, seed=seed),
        )
        for name in DTYPES
        if name != "tf32" or "tensor_cores_tf32" in device.features
    )
    return (*products, _main_memory(device), *(_cache(each, device) for each in device.caches[-1:]))


def product(name: str, device: str, *, seed: int = 0) -> Callable[[int], Load]:
    """Products of square matrices, by their rows; the second is transposed, as in a linear layer.

    A multiply-accumulate is two operations. int8 is summed in int32. A call leaves PyTorch's
    precision of float32 products on CUDA as it needed it.
    """
    dtype = DTYPES[name]
    summed = torch.int32 if dtype is torch.int8 else dtype
    multiply = torch._int_mm if dtype is torch.int8 else torch.mm
    precision = "tf32" if name == "tf32" else "ieee"

    def load(rows: int) -> Load:
        generator = torch.Generator(device).manual_seed(seed)
        # Small whole numbers are exact in every format.
        left, right = torch.randint(
            -8, 8, (2, rows, rows), dtype=dtype, device=device, generator=generator
        )
        out = torch.empty(rows, rows, dtype=summed, device=device)

        def call() -> None:
            torch.backends.cuda.matmul.fp32_precision = precision
            multiply(left, right.t(), out=out)

        return Load(call=call, amount=2 * rows**3)

    return load


def copy(array_bytes: int, device: str) -> Callable[[int], Load]:
    """Copies from one array into another, by the bytes of a piece; each call takes the next piece.

    Bytes read and bytes written count. A processor also reads what it is about to overwrite, which
    does not: an addition in place, which needs it anyway, was seen to get half as many bytes more.
    """

    @cache
    def arrays() -> tuple[Tensor, Tensor]:
        # Written once, or all pages would be the same page of zeros.
        numbers = array_bytes // 4
        return torch.ones(numbers, device=device), torch.ones(numbers, device=device)

    def load(piece: int) -> Load:
        numbers = piece // 4
        whole = array_bytes // piece * numbers
        source, target = (array[:whole].split(numbers) for array in arrays())
        pieces = cycle(zip(source, target, strict=True))

        def call() -> None:
            read, written = next(pieces)
            written.copy_(read)

        return Load(call=call, amount=2 * piece)

    return load


def _main_memory(device: Device) -> Probe:
    largest = max(_cache_sizes(device), default=0)
    array = min(max(ARRAY_BYTES, 2 * largest), device.memory_bytes // 16)
    return Probe(
        name="DRAM",
        label=f"DRAM, copying between arrays of {bytes_text(array)}: bytes read and written",
        unit="B",
        sizes=tuple(piece for piece in PIECES if piece <= array),
        load=copy(array, device.name),
    )


def _cache(inside: Cache, device: Device) -> Probe:
    """Copies within a cache, or within those of all threads' cores; at most half of it is used."""
    share = inside.bytes * (1 if inside.shared else torch.get_num_threads())

    def load(piece: int) -> Load:
        return copy(piece, device.name)(piece)

    return Probe(
        name=inside.name,
        label=f"{inside.name}, copying within it: bytes read and written",
        unit="B",
        sizes=tuple(share // part for part in (32, 16, 8, 4)),
        load=load,
    )


def _cache_sizes(device: Device) -> Iterator[int]:
    """Bytes of every cache, those included that the device does not list as its own."""
    yield from (each.bytes for each in device.caches)
    if device.name == "cpu":  # Linux tells all of them, like 2048K
        for file in CPU_CACHES.glob("index*/size"):
            yield int(file.read_text().strip().removesuffix("K")) * 1024
