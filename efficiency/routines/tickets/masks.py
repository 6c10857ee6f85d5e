"""Masks of the experiment: what is left of every layer after each round, and the controls' masks.

A mask has a tensor of 0 and 1 for every weight that can be pruned, by name; the last of them
belongs to the output layer. How many are left after a round is counted from the full layer, so
that rounding does not add up: n weights at rate r have round(n (1 - r)^k) left after k rounds.
"""

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from efficiency.core.errors import BadInput
from efficiency.core.lottery import TrainingSettings

Mask = dict[str, Tensor]


def derived_seed(*origin: object) -> int:
    """A seed that depends on nothing but its origin, such as the seed, the level, the control."""
    digest = hashlib.sha256(repr(origin).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes 63 bits


def nothing_pruned(weights: Mapping[str, Tensor], names: Sequence[str]) -> Mask:
    """The mask of a dense network."""
    return {name: torch.ones_like(weights[name], device="cpu") for name in names}


def pruned(
    weights: Mapping[str, Tensor], mask: Mask, settings: TrainingSettings, level: int
) -> Mask:
    """What is left at this level: of what `mask` has left, the weights of largest magnitude."""
    magnitudes = {
        name: torch.where(kept > 0, weights[name].detach().cpu().abs(), -1.0)
        for name, kept in mask.items()
    }
    left = left_at(level, {name: each.numel() for name, each in mask.items()}, settings)
    if settings.scope == "global":
        together = torch.cat([each.flatten() for each in magnitudes.values()])
        parts = _largest(together, sum(left.values())).split(
            [each.numel() for each in mask.values()]
        )
        return {
            name: part.reshape(mask[name].shape) for name, part in zip(mask, parts, strict=True)
        }
    return {
        name: _largest(each.flatten(), left[name]).reshape(each.shape)
        for name, each in magnitudes.items()
    }


def left_at(level: int, sizes: Mapping[str, int], settings: TrainingSettings) -> dict[str, int]:
    """How many weights are left at a level, by name; only their sum counts with scope global.

    Raises BadInput if that is nothing.
    """
    *_, output = sizes
    layered = settings.scope == "layer"
    left = {}
    for name, size in sizes.items():
        rate = settings.output_rate if layered and name == output else settings.rate
        left[name] = round(size * (1 - rate) ** level)
    empty = next((name for name, count in left.items() if count < 1), None)
    if (layered and empty is not None) or sum(left.values()) < 1:
        raise BadInput(
            f"After {level} rounds nothing would be left of {empty} ({sizes[str(empty)]} weights); "
            "prune fewer rounds, or at a lower rate."
        )
    return left


def shuffled(mask: Mask, seed: int) -> Mask:
    """As many weights left in each layer, anywhere in it."""
    order = torch.Generator().manual_seed(seed)
    return {
        name: each.flatten()[torch.randperm(each.numel(), generator=order)].reshape(each.shape)
        for name, each in mask.items()
    }


def _largest(magnitudes: Tensor, count: int) -> Tensor:
    """1 at the places of the `count` largest; of equal ones, the first."""
    mask = torch.zeros_like(magnitudes)
    mask[magnitudes.argsort(descending=True, stable=True)[:count]] = 1
    return mask
