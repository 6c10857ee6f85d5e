"""Layers that eager mode can make one: convolution, normalization and ReLU that follow each other.

Nothing but the model's code says what follows what. So what stands next to each other in a module
is taken to follow, and fused only if the model then still computes the same.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.ao.quantization import fuse_modules

from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.outputs import output_tensor
from efficiency.routines.recipes.int8_eager import Groups

NORMS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
}
SAME_DB = 80.0  # folding rounds in float32, which leaves over 100 dB; a wrong fusion leaves 10


@torch.no_grad()
def fusible(model: nn.Module, example: Tensor) -> Groups:
    """Groups of paths to fuse: with ReLU, without where that changes the outputs, or none."""
    expected = output_tensor(model(example))
    for with_relu in (True, False):
        groups = tuple(_neighbours(model, with_relu))
        if groups and _same(
            expected, fuse_modules(model, [list(each) for each in groups]), example
        ):
            return groups
    return ()


def _neighbours(model: nn.Module, with_relu: bool) -> Iterator[tuple[str, ...]]:
    """Paths of a convolution or linear layer and of what stands behind it in the same module."""
    for path, module in model.named_modules():
        children = list(module.named_children())
        for index, (name, child) in enumerate(children):
            wanted = [NORMS[type(child)]] if type(child) in NORMS else []
            if with_relu and (wanted or type(child) is nn.Linear):
                wanted.append(nn.ReLU)
            group = [name]
            for other, neighbour in children[index + 1 : index + 3]:
                if type(neighbour) not in wanted:
                    break
                wanted = wanted[wanted.index(type(neighbour)) + 1 :]
                group.append(other)
            if len(group) > 1:
                yield tuple(f"{path}.{each}" if path else each for each in group)


def _same(expected: Tensor, fused: nn.Module, example: Tensor) -> bool:
    noise = sqnr_db(expected, output_tensor(fused(example)))
    return noise is None or noise > SAME_DB
