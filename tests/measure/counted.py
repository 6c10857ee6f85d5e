"""What the tests of counting share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from efficiency.core.anatomy import LayerWork, Stage
from efficiency.measure.operations import Operations, count_operations


class Calls(nn.Module):
    """A function as a model, with a parameter so that it can be trained."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def count(model: nn.Module, *inputs: Tensor, training: bool = False) -> Operations:
    return count_operations(model, inputs, training=training)


def work(operations: Operations, stage: Stage = Stage.FORWARD, layer: str = "") -> LayerWork:
    """The one entry for that layer in that stage."""
    (found,) = (each for each in operations.layers if (each.stage, each.layer) == (stage, layer))
    return found


def arithmetic(found: LayerWork) -> tuple[int, int, int]:
    return found.macs, found.multiplications, found.additions


def moved(found: LayerWork) -> tuple[int, int, int]:
    return found.weights, found.inputs, found.outputs


def in_all(operations: Operations, stage: Stage = Stage.FORWARD) -> tuple[int, int, int]:
    """(macs, multiplications, additions) of all layers in a stage."""
    entries = [arithmetic(each) for each in operations.layers if each.stage is stage]
    macs, multiplications, additions = (sum(column) for column in zip(*entries, strict=True))
    return macs, multiplications, additions
