"""The two passes that are measured: an inference, and a training step of plain SGD."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from efficiency.measure.outputs import output_tensor


def inference(model: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[[], object]:
    """A call of `model(*inputs)` in evaluation mode; the model is put into it now."""
    model.eval()

    def call() -> object:
        with torch.inference_mode():
            return model(*inputs)

    return call


def training_step(model: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[[], object]:
    """Forward, backward and update of `model` in training mode; it is put into it now.

    The loss is the mean of the squared outputs, which asks nothing of the data. The learning rate
    is 0: the update does all of its arithmetic, and the weights stay what they are.
    """
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, foreach=False)

    def call() -> object:
        optimizer.zero_grad()
        output_tensor(model(*inputs)).square().mean().backward()
        optimizer.step()
        return None

    return call
