"""Multiply-accumulates that a plan for fewer channels promises, computed from shapes alone.

A convolution does out x (in / groups) x kernel of them for every output position, a linear layer
out x in, and each layer of an LSTM 4 x hidden x (in + hidden) for every step.
"""

from math import prod

import torch
from torch import Tensor, nn

from efficiency.routines.pruning.channel_plan import CONVOLUTIONS, ROOTS, Plan


def positions_of(model: nn.Module, example: Tensor) -> dict[str, int]:
    """How often each layer's formula applies in a pass: pixels of a map, or steps of a sequence."""
    found: dict[str, int] = {}

    def note(path: str, layer: nn.Module, output: Tensor | tuple[Tensor, ...]) -> None:
        tensor = output if isinstance(output, Tensor) else output[0]
        width = tensor.shape[1] if isinstance(layer, CONVOLUTIONS) else tensor.shape[-1]
        found[path] = tensor.numel() // width

    hooks = [
        layer.register_forward_hook(
            lambda layer, args, output, path=path: note(path, layer, output)
        )
        for path, layer in model.named_modules()
        if isinstance(layer, ROOTS)
    ]
    try:
        with torch.no_grad():
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def promised(model: nn.Module, made: Plan, positions: dict[str, int], before: int) -> int:
    """What is left of `before`, the macs of the whole model, once the layers lose their channels.

    What layers do not do, such as the products inside attention, stays as it was.
    """
    saved = 0
    for path, count in positions.items():
        layer = model.get_submodule(path)
        inputs = len(made.lost_inputs.get(path, ()))
        outputs = len(made.lost_outputs.get(path, ()))
        saved += count * (_macs(layer, 0, 0) - _macs(layer, inputs, outputs))
    return before - saved


def _macs(layer: nn.Module, inputs: int, outputs: int) -> int:
    """Of one position of a layer that has lost so many inputs and outputs."""
    if isinstance(layer, CONVOLUTIONS):
        # Where there are groups the convolution is depthwise: one input for each output.
        fan_in = layer.in_channels - inputs if layer.groups == 1 else 1
        if layer.groups not in (1, layer.out_channels):
            fan_in = layer.in_channels // layer.groups
        return (layer.out_channels - outputs) * fan_in * prod(layer.kernel_size)
    if isinstance(layer, nn.Linear):
        return (layer.in_features - inputs) * (layer.out_features - outputs)
    if isinstance(layer, nn.LSTM):
        hidden = layer.hidden_size - outputs
        read = layer.input_size - inputs + (layer.num_layers - 1) * hidden
        return 4 * hidden * (read + layer.num_layers * hidden)
    return 0
