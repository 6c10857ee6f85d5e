"""How many real numbers an operator reads and writes: floating-point and quantized ones.

Each operand is read once and each result written once, whatever caches do. Numbers of parameters
and buffers are weights. Of an expanded tensor only the numbers that are there are read.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

# Of the first operand only as many numbers are read as are put out.
_TAKING = {"embedding", "index", "index_select", "gather"}
# The first operand is only written to.
_OVERWRITING = {"copy", "bernoulli", "normal", "uniform", "exponential", "random"}
# This operand holds once more what the others hold: all weights in one piece.
_REPEATED = {"_cudnn_rnn": 3, "_cudnn_rnn_backward": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Numbers read from parameters and buffers, read from other tensors, and written."""

    weights: int
    inputs: int
    outputs: int


def traffic(
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    result: Any,
    weights: Collection[int | None],
) -> Traffic | None:
    """What a call of the operator moves; None if no tensor of real numbers takes part in it.

    weights: the storages of parameters and buffers, by `storage`.
    """
    outputs = sum(each.numel() for each in _floating((result,)))
    skipped = _REPEATED.get(name, 0 if name in _OVERWRITING else None)
    if skipped is not None:
        args = (*args[:skipped], None, *args[skipped + 1 :])
    operands = {id(each): each for each in _floating((*args, *kwargs.values()))}
    read = {True: 0, False: 0}
    for operand in operands.values():
        numbers = outputs if name in _TAKING and operand is args[0] else _distinct(operand)
        read[storage(operand) in weights] += numbers
    if not (operands or outputs):
        return None
    return Traffic(weights=read[True], inputs=read[False], outputs=outputs)


def storage(tensor: Tensor) -> int | None:
    """What all views of the same memory have in common; None for tensors of several parts."""
    if tensor.layout is not torch.strided:
        return None
    address: int = tensor.untyped_storage()._cdata
    return address


def _floating(values: tuple[Any, ...]) -> Iterator[Tensor]:
    """The tensors of real numbers among arguments, which may be lists of tensors."""
    for value in values:
        if isinstance(value, Tensor):
            if value.is_floating_point() or value.is_quantized:
                yield value
        elif isinstance(value, list | tuple):
            yield from _floating(tuple(value))


def _distinct(tensor: Tensor) -> int:
    if tensor.layout is not torch.strided or 0 not in tensor.stride():
        return tensor.numel()
    axes = zip(tensor.shape, tensor.stride(), strict=True)
    return prod(min(size, 1) if stride == 0 else size for size, stride in axes)
