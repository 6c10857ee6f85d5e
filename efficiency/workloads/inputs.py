"""Inputs to time a model with where there is no data: noise for images, random ids for tokens."""

import torch
from torch import Tensor


def random_inputs(shape: tuple[int, ...], vocabulary: int | None = None, seed: int = 0) -> Tensor:
    """Standard normal values, or token ids below `vocabulary`; the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    if vocabulary is not None:
        return torch.randint(vocabulary, shape, generator=generator)
    return torch.randn(shape, generator=generator)
