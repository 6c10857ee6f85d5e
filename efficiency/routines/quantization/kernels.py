"""Engines: the libraries whose int8 kernels PyTorch can use on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from efficiency.core.errors import BadInput, Unavailable
from efficiency.core.requests import ENGINES


def engines() -> tuple[str, ...]:
    """Those that this machine has."""
    has = torch.backends.quantized.supported_engines
    return tuple(each for each in ENGINES if each in has)


def usual_engine() -> str:
    """PyTorch's default where this machine has it: x86, which combines fbgemm and oneDNN.

    Raises Unavailable on a machine that has none.
    """
    if not engines():
        raise Unavailable("PyTorch has no int8 kernels for this machine.")
    return engines()[0]


def check_engine(name: str) -> None:
    """Raise BadInput for an engine that this machine lacks."""
    if name not in engines():
        raise BadInput(
            f"PyTorch has no engine {name!r} on this machine; it has "
            f"{', '.join(engines()) or 'none'}."
        )


@contextmanager
def using(engine: str) -> Iterator[None]:
    """Weights that are packed inside the block are packed for this engine, and run on it."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = engine
    try:
        yield
    finally:
        torch.backends.quantized.engine = before
