"""What goes into a model: inputs where there is no data, and many inputs a few at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

CHUNK = 64


def random_inputs(shape: tuple[int, ...], vocabulary: int | None = None, seed: int = 0) -> Tensor:
    """Standard normal values, or token ids below `vocabulary`; the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    if vocabulary is not None:
        return torch.randint(vocabulary, shape, generator=generator)
    return torch.randn(shape, generator=generator)


def in_chunks(model: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The model's outputs for all inputs, which go in CHUNK at a time so that memory stays low.

    The last of several chunks is filled up with its own inputs again: a compiled model would be
    compiled once more for another number of them.
    """
    count = len(inputs)
    if count > CHUNK and count % CHUNK:
        last = inputs[-(count % CHUNK) :]
        inputs = torch.cat([inputs, *[last] * (CHUNK // len(last))])[: count + -count % CHUNK]
    return torch.cat([model(chunk) for chunk in inputs.split(CHUNK)])[:count]
