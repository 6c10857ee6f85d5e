"""Gradients of one real training step, of the parameters and of what flows between the layers."""

import copy

from torch import Tensor, nn

from efficiency.core.mixed import GradientExponents
from efficiency.measure.exponents import gradient_exponents
from efficiency.routines.mixed_precision.task import Batch, Loss


def gradients_of(
    model: nn.Module, loss: Loss, batch: Batch
) -> tuple[GradientExponents, GradientExponents]:
    """Of the parameters, and of the output of every innermost module; in float32, unscaled.

    The model stays as it is: a copy takes the step.
    """
    model = copy.deepcopy(model).train()
    model.zero_grad()
    flowing: list[Tensor] = []

    def watch(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(flowing.append)

    for module in model.modules():
        if next(module.children(), None) is None:
            module.register_forward_hook(watch)
    inputs, targets = batch
    loss(model(inputs), targets).backward()
    own = (each.grad for each in model.parameters() if each.grad is not None)
    return gradient_exponents(own), gradient_exponents(flowing)
